"""LoRA files of both namings, through the way that the app loads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.training.filling import HOLE, PHOTO, SETTINGS, fill
from tests.training.tiny_models import make_pipeline, save_pipeline
from training.errors import PrefPaintError
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.request import Pixels

RANK = 4
UNET_LAYERS = ("to_q", "to_k", "to_v", "to_out.0")
TEXT_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("lora") / "model")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Pixels:
    """The picture without any LoRA."""
    return fill(load_inpainter(folder, "tiny"))


def train(part: Any, layers: Sequence[str], seed: int) -> dict[str, torch.Tensor]:
    """A LoRA of a part, with random weights in place of learned ones."""
    part.add_adapter(LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=list(layers)))
    generator = torch.Generator().manual_seed(seed)
    learned = {
        name: 0.3 * torch.randn(weight.shape, generator=generator)
        for name, weight in get_peft_model_state_dict(part).items()
    }
    return convert_state_dict_to_diffusers(learned)


def save_peft(path: Path, seed: int = 0) -> Path:
    pipeline = make_pipeline()
    StableDiffusionPipeline.save_lora_weights(
        path.parent,
        unet_lora_layers=train(pipeline.unet, UNET_LAYERS, seed),
        text_encoder_lora_layers=train(pipeline.text_encoder, TEXT_LAYERS, seed),
        unet_lora_adapter_metadata=pipeline.unet.peft_config["default"].to_dict(),
        text_encoder_lora_adapter_metadata=pipeline.text_encoder.peft_config["default"].to_dict(),
        weight_name=path.name,
    )
    return path


def kohya_weights(scale: float = 0.3, seed: int = 0) -> dict[str, torch.Tensor]:
    """In kohya's names: the path of a layer with underscores, and an alpha beside each pair."""
    pipeline = make_pipeline()
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, torch.Tensor] = {}
    for part, start, layers in (
        (pipeline.unet, "lora_unet_", UNET_LAYERS),
        (pipeline.text_encoder, "lora_te_text_model_", TEXT_LAYERS),
    ):
        for name, layer in part.named_modules():
            if isinstance(layer, torch.nn.Linear) and name.endswith(layers):
                key = start + name.replace(".", "_")
                down = torch.randn(RANK, layer.in_features, generator=generator)
                up = torch.randn(layer.out_features, RANK, generator=generator)
                weights[f"{key}.lora_down.weight"] = scale * down
                weights[f"{key}.lora_up.weight"] = scale * up
                weights[f"{key}.alpha"] = torch.tensor(RANK / 2)
    return weights


def save_kohya(path: Path, seed: int = 0) -> Path:
    save_file(kohya_weights(seed=seed), path)
    return path


def fill_with_diffusers(folder: Path, loras: Sequence[Path]) -> Pixels:
    """The same fill by the plain pipeline, the LoRAs beside its weights."""
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    for lora in loras:
        pipeline.load_lora_weights(lora.parent, weight_name=lora.name, adapter_name=lora.stem)
    pipeline.set_adapters([lora.stem for lora in loras])
    (picture,) = pipeline(
        SETTINGS.prompt,
        negative_prompt=SETTINGS.negative_prompt,
        image=Image.fromarray(PHOTO),
        mask_image=Image.fromarray(HOLE.astype(np.uint8) * 255),
        height=len(PHOTO),
        width=len(PHOTO),
        num_inference_steps=SETTINGS.steps,
        guidance_scale=SETTINGS.guidance,
        generator=torch.Generator("cpu").manual_seed(3),
        output_type="np",
    ).images
    return np.where(HOLE[..., None], np.rint(picture * 255), PHOTO).astype(np.uint8)


def distance(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other).max())


def save_adapter(folder: Path, **changes: Any) -> Path:
    """The UNet's part of `save_peft` as PEFT itself keeps it."""
    unet = make_pipeline().unet
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=list(UNET_LAYERS), **changes)
    adapted = get_peft_model(unet, config)
    generator = torch.Generator().manual_seed(0)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data = 0.1 * torch.randn(weight.shape, generator=generator)
    adapted.save_pretrained(folder)
    return folder / "adapter_model.safetensors"


def fill_with_peft(folder: Path, lora: Path) -> Pixels:
    """The same fill, the adapter beside the UNet's weights."""
    inpainter: Any = load_inpainter(folder, "tiny")
    inpainter._model.pipeline.unet = PeftModel.from_pretrained(inpainter._model.unet, lora.parent)
    return fill(inpainter)


@pytest.mark.parametrize("changes", [{}, {"use_rslora": True}, {"use_dora": True}])
def test_an_adapter_of_pefts_own_changes_the_picture_as_in_peft(
    changes: dict[str, Any], folder: Path, plain: Pixels, tmp_path: Path
) -> None:
    lora = save_adapter(tmp_path / "adapter", **changes)
    found = fill(load_inpainter(folder, "tiny", loras=[lora]))
    assert distance(found, plain) > 10
    assert distance(found, fill_with_peft(folder, lora)) <= 1


@pytest.mark.parametrize("save", [save_peft, save_kohya])
def test_a_lora_changes_the_picture_as_in_diffusers(
    save: Any, folder: Path, plain: Pixels, tmp_path: Path
) -> None:
    lora = save(tmp_path / "style.safetensors")
    found = fill(load_inpainter(folder, "tiny", loras=[lora]))
    assert distance(found, plain) > 10
    assert distance(found, fill_with_diffusers(folder, [lora])) <= 1


def test_several_loras_all_count(folder: Path, tmp_path: Path) -> None:
    loras = [save_peft(tmp_path / "one.safetensors"), save_kohya(tmp_path / "two.safetensors", 1)]
    found = fill(load_inpainter(folder, "tiny", loras=loras))
    assert distance(found, fill_with_diffusers(folder, loras)) <= 1
    for lora in loras:
        assert distance(found, fill(load_inpainter(folder, "tiny", loras=[lora]))) > 10


def test_a_lora_leaves_no_layers_behind(folder: Path, tmp_path: Path) -> None:
    lora = save_peft(tmp_path / "style.safetensors")
    with_lora: Any = load_inpainter(folder, "tiny", loras=[lora])
    without: Any = load_inpainter(folder, "tiny")
    for part in ("unet", "text_encoder"):
        names = [
            list(getattr(model._model.pipeline, part).state_dict())
            for model in (with_lora, without)
        ]
        assert names[0] == names[1]


# --- what does not fit ------------------------------------------------------------------------


def refusal(folder: Path, lora: Path) -> str:
    with pytest.raises(PrefPaintError) as refused:
        load_inpainter(folder, "tiny", loras=[lora])
    sentence = str(refused.value)
    assert str(lora) in sentence
    assert "\n" not in sentence
    assert len(sentence.replace(str(lora), "")) < 300
    return sentence


def save_pair(path: Path, name: str, inputs: int, outputs: int) -> Path:
    """A LoRA of one layer."""
    save_file(
        {
            f"{name}.lora_down.weight": torch.ones(RANK, inputs),
            f"{name}.lora_up.weight": torch.ones(outputs, RANK),
            f"{name}.alpha": torch.tensor(1.0),
        },
        path,
    )
    return path


LAYER = "down_blocks_0_attentions_0_transformer_blocks_0"


def test_a_lora_whose_text_is_of_another_family_is_refused(folder: Path, tmp_path: Path) -> None:
    lora = save_pair(tmp_path / "xl.safetensors", f"lora_unet_{LAYER}_attn2_to_k", 2048, 640)
    assert "Stable Diffusion XL" in refusal(folder, lora)


def test_a_lora_of_other_sizes_is_refused(folder: Path, tmp_path: Path) -> None:
    lora = save_pair(tmp_path / "other.safetensors", f"lora_unet_{LAYER}_attn1_to_q", 640, 640)
    assert "does not fit the model" in refusal(folder, lora)


@pytest.mark.parametrize(
    "name",
    [
        "lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q",
        "lora_te_text_model_encoder_layers_17_mlp_fc1",
        "lora_unet_something_else",
        "some.layer",
    ],
)
def test_a_lora_for_layers_that_are_not_there_is_refused(
    name: str, folder: Path, tmp_path: Path
) -> None:
    lora = save_pair(tmp_path / "deep.safetensors", name, 16, 16)
    assert "does not fit the model" in refusal(folder, lora)


def test_a_lora_that_would_change_nothing_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    pair = {"prior.layer.lora_A.weight": (RANK, 16), "prior.layer.lora_B.weight": (16, RANK)}
    save_file({name: torch.ones(shape) for name, shape in pair.items()}, path)
    assert "does not fit the model" in refusal(folder, path)


def test_a_lora_with_half_of_its_pairs_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = {name: t for name, t in kohya_weights().items() if "lora_up" not in name}
    save_file(weights, tmp_path / "half.safetensors")
    assert "does not fit the model" in refusal(folder, tmp_path / "half.safetensors")


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_without_what_lies_beside_it_is_refused(
    missing: str, folder: Path, tmp_path: Path
) -> None:
    lora = save_adapter(tmp_path / "adapter")
    lora = lora.rename(lora.with_name("style.safetensors")) if "model" in missing else lora
    lora.with_name(missing).unlink(missing_ok=True)
    assert f"{missing} is not beside it" in refusal(folder, lora)


@pytest.mark.parametrize("content", ["[]", "{}", '{"peft_type": "LORA", "r": "4"}', "{"])
def test_an_adapter_with_a_damaged_configuration_is_refused(
    content: str, folder: Path, tmp_path: Path
) -> None:
    lora = save_adapter(tmp_path / "adapter")
    lora.with_name("adapter_config.json").write_text(content)
    with pytest.raises(PrefPaintError, match=r"adapter_config\.json is no config|does not fit"):
        load_inpainter(folder, "tiny", loras=[lora])


def test_an_adapter_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    lora = save_adapter(tmp_path / "adapter")
    weights = {
        name.replace("down_blocks.0", "down_blocks.7"): t for name, t in load_file(lora).items()
    }
    save_file(weights, lora)
    assert "does not fit the model" in refusal(folder, lora)


def test_a_lora_that_was_cut_short_is_refused(folder: Path, tmp_path: Path) -> None:
    lora = save_kohya(tmp_path / "short.safetensors")
    lora.write_bytes(lora.read_bytes()[:-100])
    assert "cut short" in refusal(folder, lora)


def test_a_file_that_is_no_lora_is_refused(folder: Path, tmp_path: Path) -> None:
    save_file({"conv.weight": torch.ones(3)}, tmp_path / "other.safetensors")
    assert "holds no LoRA" in refusal(folder, tmp_path / "other.safetensors")


def test_pickled_and_missing_loras_are_refused(folder: Path, tmp_path: Path) -> None:
    torch.save(kohya_weights(), tmp_path / "style.pt")
    assert "pickled" in refusal(folder, tmp_path / "style.pt")
    assert "There is no LoRA file" in refusal(folder, tmp_path / "nothing.safetensors")
