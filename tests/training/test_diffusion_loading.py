"""Diffusers folders of every kind, and what is said of those that cannot be loaded."""

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline
from safetensors.torch import load_file, save_file

from tests.training.filling import HOLE, PHOTO, fill
from tests.training.tiny_models import Kind, make_pipeline, save_pipeline
from training.errors import PrefPaintError
from training.inpainting.diffusion.inpainter import DiffusionInpainter
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.diffusion.model import DiffusionModel

KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture
def model(folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(folder, tmp_path / "model"))


def in_memory(kind: Kind) -> DiffusionInpainter:
    """The same weights, never saved."""
    made = StableDiffusionXLInpaintPipeline if "xl" in kind else StableDiffusionInpaintPipeline
    options = {"add_watermarker": False} if "xl" in kind else {"requires_safety_checker": False}
    pipeline = made(**make_pipeline(kind).components, **options)
    pipeline.set_progress_bar_config(disable=True)
    return DiffusionInpainter(DiffusionModel(pipeline, torch.device("cpu"), torch.float32), "tiny")


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_fills_as_its_weights_do(kind: Kind, tmp_path: Path) -> None:
    loaded = load_inpainter(save_pipeline(tmp_path / "model", kind), "tiny")
    assert isinstance(loaded, DiffusionInpainter)
    found = fill(loaded)
    assert np.array_equal(found, fill(in_memory(kind)))
    assert np.array_equal(found[~HOLE], PHOTO[~HOLE])
    assert not np.array_equal(found[HOLE], PHOTO[HOLE])


def test_a_model_to_be_compiled_fills_alike(folder: Path) -> None:
    plain, compiled = load_inpainter(folder, "tiny"), load_inpainter(folder, "tiny", compiled=True)
    assert compiled._model.unet._compiled_call_impl is not None
    with torch.compiler.set_stance("force_eager"):  # compiling takes most of a minute
        assert np.array_equal(fill(plain), fill(compiled))


def parts_of(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(configuration, weights) of each part."""
    for weights in sorted(folder.glob("*/*.safetensors")):
        yield weights.parent / "config.json", weights


def test_a_folder_of_nothing_but_half_precision(tmp_path: Path) -> None:
    pipeline = make_pipeline().to(torch.float16)
    pipeline.save_pretrained(tmp_path / "model", variant="fp16")
    assert all(".fp16." in weights.name for _, weights in parts_of(tmp_path / "model"))
    loaded: Any = load_inpainter(tmp_path / "model", "tiny", dtype="fp32")
    expected = make_pipeline().unet.state_dict()
    for name, tensor in loaded._model.unet.state_dict().items():
        torch.testing.assert_close(tensor, expected[name].half().float())
    fill(loaded)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_folder_of_which_one_part_is_in_half_precision_alone(part: str, model: Path) -> None:
    (weights,) = (model / part).glob("*.safetensors")
    weights.rename(weights.with_suffix(".fp16.safetensors"))
    fill(load_inpainter(model, "tiny"))


# --- pickled weights --------------------------------------------------------------------------


def pickle_weights(folder: Path) -> None:
    """Put .bin files in the place of .safetensors."""
    for _, weights in list(parts_of(folder)):
        name = "pytorch_model.bin" if "text" in weights.parent.name else weights.stem + ".bin"
        torch.save(load_file(weights), weights.parent / name)
        weights.unlink()


def test_pickled_weights_that_are_only_weights_load(model: Path) -> None:
    expected = fill(load_inpainter(model, "tiny"))
    pickle_weights(model)
    assert np.array_equal(fill(load_inpainter(model, "tiny")), expected)


class Intruder:
    """Creates a file as soon as it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def plant(weights: Path, trace: Path, is_zipped: bool) -> None:
    content = {"intruder": Intruder(trace)}
    if is_zipped:
        torch.save(content, weights)
    else:
        weights.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("is_zipped", [True, False], ids=["torch", "plain"])
def test_code_in_pickled_weights_does_not_run(
    part: str, is_zipped: bool, model: Path, tmp_path: Path
) -> None:
    pickle_weights(model)
    (weights,) = (model / part).glob("*.bin")
    trace = tmp_path / "trace"
    plant(weights, trace, is_zipped)
    with pytest.raises(PrefPaintError):
        load_inpainter(model, "tiny")
    assert not trace.exists()
    torch.load(weights, weights_only=False) if is_zipped else pickle.loads(weights.read_bytes())
    assert trace.exists(), "the intruder would have done nothing anyway"


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_code_in_pickled_weights_is_refused_in_one_sentence(
    part: str, model: Path, tmp_path: Path
) -> None:
    pickle_weights(model)
    (weights,) = (model / part).glob("*.bin")
    plant(weights, tmp_path / "trace", is_zipped=True)
    assert part in refusal(model)


# --- what cannot be loaded --------------------------------------------------------------------


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(PrefPaintError) as refused:
        load_inpainter(path, "tiny", **options)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence.replace(str(path), "")) < 300
    return sentence


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_were_cut_short(part: str, model: Path) -> None:
    (weights,) = (model / part).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-8])
    sentence = refusal(model)
    assert str(weights) in sentence
    assert "cut short" in sentence


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_folder_without_one_of_its_parts(part: str, model: Path) -> None:
    shutil.rmtree(model / part)
    sentence = refusal(model)
    assert "lacks" in sentence
    assert part in sentence


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_folder_that_lacks_a_weight_is_refused_by_its_name(part: str, model: Path) -> None:
    (path,) = (model / part).glob("*.safetensors")
    weights = load_file(path)
    name = sorted(weights)[3]
    del weights[name]
    save_file(weights, path, {"format": "pt"})
    sentence = refusal(model)
    assert f"{model / part} lacks" in sentence
    assert name in sentence


def test_weights_of_other_sizes(model: Path, tmp_path: Path) -> None:
    other = save_pipeline(tmp_path / "other", "sdxl-inpaint")
    name = "unet/diffusion_pytorch_model.safetensors"
    shutil.copyfile(other / name, model / name)
    assert str(model) in refusal(model)


def test_a_damaged_configuration(model: Path) -> None:
    (model / "vae" / "config.json").write_text("{")
    assert str(model) in refusal(model)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    assert "is no diffusers pipeline" in refusal(tmp_path)


def test_a_device_that_is_not_there(folder: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("there is such a device")
    sentence = refusal(folder, device="mps")
    assert "mps" in sentence
    assert "cpu" in sentence
