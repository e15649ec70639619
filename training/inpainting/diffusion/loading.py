"""From what lies on disk to an inpainter. Nothing here goes to the network or runs foreign code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import transformers
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline
from safetensors import SafetensorError

from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import CheckpointInfo, check_lora, identify
from training.inpainting.diffusion.devices import is_out_of_memory, pick_device, pick_dtype
from training.inpainting.diffusion.general import GeneralInpainter
from training.inpainting.diffusion.general_loading import load_general
from training.inpainting.diffusion.inpainter import DiffusionInpainter, Judge
from training.inpainting.diffusion.loras import add_loras
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.previews import load_tiny_decoder
from training.inpainting.diffusion.quiet import quiet_libraries
from training.inpainting.diffusion.single_file import load_single_file
from training.inpainting.pipeline_folder import INDEX, parse_index, weights_in
from training.inpainting.settings import DeviceName, DtypeName

_UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, SafetensorError, RuntimeError)
"""What diffusers, transformers and safetensors raise for files that do not fit."""


def load_inpainter(
    path: Path,
    name: str,
    *,
    device: DeviceName = "auto",
    dtype: DtypeName = "auto",
    loras: Sequence[Path] = (),
    judge: Judge | None = None,
    compiled: bool = False,
) -> DiffusionInpainter | GeneralInpainter:
    """The model of a diffusers folder or of a single .safetensors file.

    Stable Diffusion 1.x, 2.x and XL run on our own loop; whatever else diffusers can inpaint with
    runs on its own pipeline. compiled: torch.compile the denoiser at its first call.

    Raises PrefPaintError that says what is wrong with which file.
    """
    info = identify(path)
    with _load_errors(path, name):
        if info.family == "other":
            _check_loras(loras, info)
            place = pick_device(device)
            inpainter = load_general(path, name, place, pick_dtype(dtype, place), loras, judge)
            if compiled:
                _compile(inpainter.denoiser)
            return inpainter
        model = _load(path, info, device, dtype, loras)
        if compiled:
            _compile(model.unet)
        return DiffusionInpainter(model, name, judge)


def load_model(
    path: Path,
    device: DeviceName = "auto",
    dtype: DtypeName = "auto",
    *,
    loras: Sequence[Path] = (),
) -> DiffusionModel:
    """The parts of a Stable Diffusion 1.x, 2.x or XL model, to train on.

    Raises PrefPaintError that says what is wrong with which file.
    """
    info = identify(path)
    if info.family == "other":
        raise PrefPaintError(f"{path} is no Stable Diffusion inpainting model. Name one.")
    with _load_errors(path, path.name):
        return _load(path, info, device, dtype, loras)


def _load(
    path: Path, info: CheckpointInfo, device: DeviceName, dtype: DtypeName, loras: Sequence[Path]
) -> DiffusionModel:
    _check_loras(loras, info)
    place = pick_device(device)
    precision = pick_dtype(dtype, place)
    pipeline = _load_pipeline(path, info, precision)
    add_loras(pipeline, loras)
    return DiffusionModel(pipeline, place, precision, load_tiny_decoder(path))


def _check_loras(loras: Sequence[Path], info: CheckpointInfo) -> None:
    """Raise PrefPaintError for the first that was made for another family."""
    for lora in loras:
        check_lora(lora, info.family)


@contextmanager
def _load_errors(path: Path, name: str) -> Iterator[None]:
    """What loading can end in, as one sentence for people."""
    quiet_libraries()
    try:
        yield
    except UnpicklingError as error:
        raise PrefPaintError(
            f"{_unreadable_pickle(path)} holds more than weights, or is damaged; nothing of it was "
            "run. Get the model as .safetensors."
        ) from error
    except _UNLOADABLE as error:
        if is_out_of_memory(error):
            raise PrefPaintError(
                f"{name} does not fit into the memory. Close other programs, choose a smaller "
                "model, or the device cpu."
            ) from error
        raise PrefPaintError(
            f"{path} cannot be loaded as an inpainting model ({_first_line(error)}). Get it again, "
            "or choose another."
        ) from error


def _load_pipeline(path: Path, info: CheckpointInfo, dtype: torch.dtype) -> Any:
    is_xl = info.family == "sdxl"
    made = StableDiffusionXLInpaintPipeline if is_xl else StableDiffusionInpaintPipeline
    options: dict[str, Any] = {"local_files_only": True}
    if not is_xl:  # pictures are a person's own; no filter looks at them
        options |= {"safety_checker": None, "requires_safety_checker": False}
    else:
        options["add_watermarker"] = False
    if info.kind == "file":
        pipeline = load_single_file(made, path, info, dtype, **options)
    else:
        if not is_xl:
            options |= {"feature_extractor": None, "image_encoder": None}
        variant = info.variant or None
        precisions = {"vae": torch.float32, "default": dtype}
        options |= _text_encoders(path, dtype)
        pipeline = made.from_pretrained(path, dtype=precisions, variant=variant, **options)
        for part in ("unet", "vae"):
            weights = getattr(pipeline, part).named_parameters()
            _refuse_missing(path / part, [name for name, weight in weights if weight.is_meta])
    pipeline.set_progress_bar_config(disable=True)
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        module = getattr(pipeline, part, None)
        if module is not None:
            module.eval().requires_grad_(False)
    return pipeline


def _text_encoders(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """By part. transformers draws weights that are missing at random, and tells it only so."""
    index = parse_index((folder / INDEX).read_bytes(), str(folder / INDEX))
    encoders: dict[str, Any] = {}
    for part in ("text_encoder", "text_encoder_2"):
        if part in index.components:
            found = weights_in(folder / part)
            encoders[part], told = getattr(transformers, index.components[part]).from_pretrained(
                folder / part,
                dtype=dtype,
                variant=(found and found.variant) or None,
                local_files_only=True,
                output_loading_info=True,
            )
            _refuse_missing(folder / part, sorted(told["missing_keys"]))
    return encoders


def _refuse_missing(part: Path, missing: Sequence[str]) -> None:
    if missing:
        raise PrefPaintError(
            f"{part} lacks some of its weights, such as {missing[0]}. Copy or download the model "
            "again."
        )


def _compile(denoiser: Any) -> None:
    """In place. Where there is no compiler the call runs as it is, rather than not at all."""
    torch._dynamo.config.suppress_errors = True
    denoiser.compile()


def _unreadable_pickle(folder: Path) -> Path:
    """The file that torch refused to read; its own error does not name it."""
    for file in sorted(folder.glob("*/*.bin")):
        try:
            torch.load(file, weights_only=True, mmap=True)
        except Exception:
            return file
    return folder


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
