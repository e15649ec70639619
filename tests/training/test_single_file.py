"""Models of one file: the names and sizes that were published, and what is told apart by them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from tests.training.filling import fill
from tests.training.tiny_models import Kind, make_pipeline
from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import CheckpointInfo, Family, identify
from training.inpainting.diffusion import single_file
from training.inpainting.diffusion.clip_tokenizer import make_tokenizer
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.diffusion.single_file import find_prediction, single_file_config

Weights = dict[str, torch.Tensor]

TINY_TEXT = {"num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 16}
CASES: dict[tuple[Family, int], Kind] = {
    ("sd1", 9): "sd-inpaint",
    ("sd1", 4): "sd-plain",
    ("sd2", 9): "sd-inpaint",
    ("sdxl", 9): "sdxl-inpaint",
}
PREFIXES = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}


# --- from diffusers' names to the original ones -----------------------------------------------


def rename(name: str, *rules: tuple[str, str]) -> str:
    for old, new in rules:
        name = name.replace(old, new)
    return name


def unet_name(name: str, layers: int, attentive: set[str]) -> str:
    """layers: in a block. attentive: up blocks that have attentions."""
    rows = layers + 1
    if found := re.match(r"down_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(found[1]), found[2], int(found[3]), found[4]
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * rows}.0.{rest.replace('conv', 'op')}"
        where = f"input_blocks.{1 + block * rows + layer}.{int(kind == 'attentions')}"
    elif found := re.match(r"up_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(found[1]), found[2], int(found[3]), found[4]
        if kind == "upsamplers":
            place = 2 if found[1] in attentive else 1
            return f"output_blocks.{block * (layers + 1) + layers}.{place}.{rest}"
        where = f"output_blocks.{block * rows + layer}.{int(kind == 'attentions')}"
    elif found := re.match(r"mid_block\.(\w+)\.(\d+)\.(.*)", name):
        kind, rest = found[1], found[3]
        where = f"middle_block.{1 if kind == 'attentions' else 2 * int(found[2])}"
    else:
        return rename(
            name,
            ("time_embedding.linear_1", "time_embed.0"),
            ("time_embedding.linear_2", "time_embed.2"),
            ("add_embedding.linear_1", "label_emb.0.0"),
            ("add_embedding.linear_2", "label_emb.0.2"),
            ("conv_in", "input_blocks.0.0"),
            ("conv_norm_out", "out.0"),
            ("conv_out", "out.2"),
        )
    if kind == "resnets":
        rest = rename(
            rest,
            ("norm1", "in_layers.0"),
            ("conv1", "in_layers.2"),
            ("norm2", "out_layers.0"),
            ("conv2", "out_layers.3"),
            ("time_emb_proj", "emb_layers.1"),
            ("conv_shortcut", "skip_connection"),
        )
    return f"{where}.{rest}"


def vae_name(name: str, blocks: int) -> str:
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{blocks - 1 - int(found[1])}", name)
    name = re.sub(r"mid_block\.resnets\.(\d+)", lambda f: f"mid.block_{int(f[1]) + 1}", name)
    return rename(
        name,
        ("down_blocks.", "down."),
        (".resnets.", ".block."),
        ("downsamplers.0", "downsample"),
        ("upsamplers.0", "upsample"),
        ("mid_block.attentions.0", "mid.attn_1"),
        ("group_norm", "norm"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
        ("to_out.0", "proj_out"),
        ("conv_shortcut", "nin_shortcut"),
        ("conv_norm_out", "norm_out"),
    )


def open_clip(encoder: Any) -> Weights:
    """In OpenCLIP's names: queries, keys and values in one matrix, the projection transposed."""
    weights, joined = {}, {}
    for name, tensor in encoder.state_dict().items():
        name = name.removeprefix("text_model.")
        if found := re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(\w+)", name):
            key = f"transformer.resblocks.{found[1]}.attn.in_proj_{found[3]}"
            joined.setdefault(key, {})[found[2]] = tensor
        else:
            weights[
                rename(
                    name,
                    ("embeddings.position_embedding.weight", "positional_embedding"),
                    ("embeddings.token_embedding", "token_embedding"),
                    ("final_layer_norm", "ln_final"),
                    ("text_projection.weight", "text_projection"),
                    ("encoder.layers", "transformer.resblocks"),
                    ("layer_norm", "ln_"),
                    ("self_attn", "attn"),
                    ("fc1", "c_fc"),
                    ("fc2", "c_proj"),
                )
            ] = tensor
    weights |= {key: torch.cat([parts[q] for q in "qkv"]) for key, parts in joined.items()}
    if "text_projection" in weights:
        weights["text_projection"] = weights["text_projection"].T
    return weights


def original_weights(pipeline: Any, family: Family) -> Weights:
    """A pipeline's weights as the original code saved them."""
    unet, vae = pipeline.unet, pipeline.vae
    attentive = {
        str(n) for n, kind in enumerate(unet.config.up_block_types) if kind.startswith("Cross")
    }
    weights: Weights = {}
    for name, tensor in unet.state_dict().items():
        name = unet_name(name, unet.config.layers_per_block, attentive)
        weights[f"model.diffusion_model.{name}"] = tensor
    for name, tensor in vae.state_dict().items():
        name = vae_name(name, len(vae.config.block_out_channels))
        is_attention = ".attn_1." in name and name.endswith("weight") and ".norm." not in name
        tensor = tensor[:, :, None, None] if is_attention else tensor
        weights[f"first_stage_model.{name}"] = tensor
    encoders = (pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None))
    for encoder, prefix in zip(encoders, PREFIXES[family], strict=False):
        if "transformer" in prefix:
            named = {f"text_model.{n}": t for n, t in encoder.state_dict().items()}
            named["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        else:
            named = open_clip(encoder) | {"logit_scale": torch.tensor(4.6)}
        weights |= {prefix + name: tensor for name, tensor in named.items()}
    return {name: tensor.contiguous() for name, tensor in weights.items()}


# --- tiny models ------------------------------------------------------------------------------


def make_tiny(family: Family, channels: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tiny pipeline with CLIP's own vocabulary, whose sizes single_file knows from now on."""
    pipeline = make_pipeline(CASES[family, channels])
    torch.manual_seed(1)
    sizes: dict[str, dict[str, Any]] = {}
    for part, published in single_file.SIZES[family].items():
        if part.startswith("text_encoder"):
            width = {"sdxl": 8}.get(family, 16) if part == "text_encoder" else 24
            activation = published["hidden_act"]
            sizes[part] = {**TINY_TEXT, "hidden_size": width, "intermediate_size": 2 * width}
            sizes[part]["hidden_act"] = activation
            made = CLIPTextModel if part == "text_encoder" else CLIPTextModelWithProjection
            tokenizer = make_tokenizer() if activation == "quick_gelu" else make_tokenizer("!")
            pipeline.register_modules(
                **{
                    part: made(CLIPTextConfig(**sizes[part])).eval(),
                    part.replace("text_encoder", "tokenizer"): tokenizer,
                }
            )
        else:
            sizes[part] = dict(getattr(pipeline, part).config)
    monkeypatch.setitem(single_file.SIZES, family, sizes)
    return pipeline


def save_file_and_folder(
    family: Family, channels: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    pipeline = make_tiny(family, channels, monkeypatch)
    pipeline.save_pretrained(folder / "folder")
    save_file(original_weights(pipeline, family), folder / "model.safetensors")
    return folder / "model.safetensors", folder / "folder"


@pytest.mark.parametrize(("family", "channels"), CASES, ids=str)
def test_a_file_gives_the_same_picture_as_a_folder(
    family: Family, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = save_file_and_folder(family, channels, tmp_path, monkeypatch)
    info = identify(file)
    assert (info.family, info.channels) == (family, channels)
    expected = fill(load_inpainter(folder, "folder"))
    found = fill(load_inpainter(file, "file"))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_the_vae_of_a_file_stays_in_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = save_file_and_folder("sd1", 9, tmp_path, monkeypatch)
    whole = AutoencoderKL.from_pretrained(folder, subfolder="vae").state_dict()
    model = load_inpainter(file, "file", dtype="bf16")._model  # type: ignore[union-attr]
    assert model.unet.dtype == torch.bfloat16
    for name, tensor in model.vae.state_dict().items():
        assert torch.equal(tensor, whole[name])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("model.diffusion_model.time_embed.0.weight", "the UNet's weights"),
        ("model.diffusion_model.middle_block.1.norm.weight", "the UNet's weights"),
        ("first_stage_model.decoder.conv_out.bias", "the VAE's weights"),
        (
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
            "the text encoder's weights",
        ),
        (
            "cond_stage_model.transformer.text_model.final_layer_norm.bias",
            r"its weights \(text_encoder: .*final_layer_norm.bias\)",
        ),
    ],
)
def test_a_file_that_lacks_a_weight_is_said_to(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = original_weights(make_tiny("sd1", 9, monkeypatch), "sd1")
    del weights[name]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(PrefPaintError, match=rf"model\.safetensors lacks some of {what}"):
        load_inpainter(tmp_path / "model.safetensors", "file")


def test_a_file_of_other_sizes_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = original_weights(make_tiny("sd1", 9, monkeypatch), "sd1")
    monkeypatch.undo()
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(PrefPaintError, match=r"model\.safetensors cannot be loaded") as refused:
        load_inpainter(tmp_path / "model.safetensors", "file")
    assert "\n" not in str(refused.value)


# --- the published sizes ----------------------------------------------------------------------

PUBLISHED = {  # parameters of UNets with 9 channels, VAE, text encoders
    "sd1": (859_535_364, 83_653_863, 123_060_480),
    "sd2": (865_925_124, 83_653_863, 340_387_840),
    "sdxl": (2_567_478_084, 83_653_863, 123_060_480, 694_659_840),
}


def info_of(family: Family, channels: int = 9) -> CheckpointInfo:
    return CheckpointInfo("file", family, channels, "", 0)


def build(part: Path) -> torch.nn.Module:
    """A part of a configuration without memory for its weights."""
    with torch.device("meta"):
        if part.name == "unet":
            return UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(part))
        if part.name == "vae":
            return AutoencoderKL.from_config(AutoencoderKL.load_config(part))
        made = CLIPTextModel if part.name == "text_encoder" else CLIPTextModelWithProjection
        return made(CLIPTextConfig.from_pretrained(part))


@pytest.mark.parametrize("family", PUBLISHED)
def test_the_sizes_are_the_published_ones(family: Family) -> None:
    with single_file_config(info_of(family)) as folder:
        index = json.loads((folder / "model_index.json").read_text())
        parts = [name for name in index if (folder / name / "config.json").is_file()]
        counts = [sum(w.numel() for w in build(folder / name).parameters()) for name in parts]
    assert tuple(counts) == PUBLISHED[family]
    assert not folder.exists()


SHAPES = {
    "conv_in.weight": {"sd1": (320, 9, 3, 3), "sd2": (320, 9, 3, 3), "sdxl": (320, 9, 3, 3)},
    "conv_out.weight": {"sd1": (4, 320, 3, 3), "sd2": (4, 320, 3, 3), "sdxl": (4, 320, 3, 3)},
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight": {
        "sd1": (1280, 768),
        "sd2": (1280, 1024),
        "sdxl": (1280, 2048),
    },
    "mid_block.attentions.0.proj_in.weight": {
        "sd1": (1280, 1280, 1, 1),
        "sd2": (1280, 1280),
        "sdxl": (1280, 1280),
    },
    "add_embedding.linear_1.weight": {"sdxl": (1280, 2816)},
}


@pytest.mark.parametrize("family", PUBLISHED)
def test_the_unets_have_the_published_shapes(family: Family) -> None:
    with single_file_config(info_of(family)) as folder:
        weights = build(folder / "unet").state_dict()
    for name, shapes in SHAPES.items():
        assert (tuple(weights[name].shape) if name in weights else None) == shapes.get(family)


def test_a_plain_model_reads_four_channels() -> None:
    with single_file_config(info_of("sd1", 4)) as folder:
        unet = build(folder / "unet")
    assert unet.conv_in.weight.shape == (320, 4, 3, 3)
    assert sum(weight.numel() for weight in unet.parameters()) == 859_520_964


# --- what the UNet predicts -------------------------------------------------------------------

BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"


def tell(
    folder: Path, family: Family, channels: int, weights: Weights, said: str | None = None
) -> str:
    path = folder / "model.safetensors"
    metadata = None if said is None else {"modelspec.prediction_type": said}
    save_file({"some": torch.ones(1), **weights}, path, metadata)
    return find_prediction(path, info_of(family, channels))


def test_the_prediction_is_what_the_file_says(tmp_path: Path) -> None:
    narrow, wide = ({BIAS: s * torch.tensor([-1.0, 1.0])} for s in (0.05, 0.2))
    assert tell(tmp_path, "sd1", 9, {}) == "epsilon"
    assert tell(tmp_path, "sd1", 4, wide) == "epsilon"
    assert tell(tmp_path, "sd2", 4, narrow) == "epsilon"
    assert tell(tmp_path, "sd2", 4, wide) == "v_prediction"
    assert tell(tmp_path, "sd2", 9, wide) == "epsilon"
    assert tell(tmp_path, "sd2", 4, wide, said="epsilon") == "epsilon"
    assert tell(tmp_path, "sdxl", 4, {}, said="v") == "v_prediction"
    assert tell(tmp_path, "sdxl", 4, {"v_pred": torch.empty(0)}) == "v_prediction"


def test_a_model_that_predicts_v_is_sampled_so_and_at_its_own_size() -> None:
    for prediction, side in (("epsilon", 64), ("v_prediction", 96)):
        with single_file_config(info_of("sd2", 4), prediction) as folder:
            scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
            unet = json.loads((folder / "unet" / "config.json").read_text())
        assert scheduler["prediction_type"] == prediction
        assert unet["sample_size"] == side


# --- the tokenizer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407]),
        ("A  Photo of\na CAT", [49406, 320, 1125, 539, 320, 2368, 49407]),
        ("", [49406, 49407]),
    ],
)
def test_the_tokenizer_is_clips(text: str, tokens: list[int]) -> None:
    tokenizer = make_tokenizer()
    assert tokenizer(text).input_ids == tokens
    assert len(tokenizer) == 49408


def test_every_byte_has_a_token() -> None:
    tokenizer = make_tokenizer()
    text = "naïve Größe 日本 🚀"
    assert tokenizer.decode(tokenizer(text).input_ids[1:-1]) == text.lower()


@pytest.mark.parametrize(("family", "pads"), [("sd1", [49407]), ("sd2", [0]), ("sdxl", [49407, 0])])
def test_short_prompts_are_filled_up_as_the_encoder_learned_it(
    family: Family, pads: list[int]
) -> None:
    with single_file_config(info_of(family)) as folder:
        for name, pad in zip(("tokenizer", "tokenizer_2"), pads, strict=False):
            tokenizer = CLIPTokenizer.from_pretrained(folder / name)
            ids = tokenizer("a cat", padding="max_length").input_ids
            assert ids == [49406, 320, 2368, 49407] + [pad] * 73
