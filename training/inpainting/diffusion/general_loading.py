"""Which pipelines of other families can fill, and how one is opened from its folder."""

from collections.abc import Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoPipelineForInpainting

from training.errors import PrefPaintError
from training.inpainting.diffusion.general import GeneralInpainter, parameters_of
from training.inpainting.diffusion.inpainter import Judge
from training.inpainting.diffusion.loras import add_loras
from training.inpainting.pipeline_folder import INDEX, parse_index, weights_in

GIVEN = ("prompt", "image", "mask_image")
"""All that a request has to give; a pipeline that cannot do without more is for something else."""


def load_general(
    path: Path,
    name: str,
    device: torch.device,
    dtype: torch.dtype,
    loras: Sequence[Path],
    judge: Judge | None = None,
) -> GeneralInpainter:
    """The model of a diffusers folder. Raises PrefPaintError where diffusers cannot inpaint with
    its class; what its files raise is for the caller."""
    pipeline = _load_pipeline(path, dtype)
    pipeline.set_progress_bar_config(disable=True)
    if loras and not hasattr(pipeline, "load_lora_weights"):
        raise PrefPaintError(
            f"{name} takes no LoRA files. Leave them out, or choose another model."
        )
    add_loras(pipeline, loras)
    inpainter = GeneralInpainter(pipeline, name, device, judge)
    inpainter.place()
    return inpainter


def _load_pipeline(folder: Path, dtype: torch.dtype) -> Any:
    """No remote code: neither is any asked for, nor is a class looked up outside of diffusers."""
    index = parse_index((folder / INDEX).read_bytes(), str(folder / INDEX))
    own = getattr(diffusers, index.pipeline, None)
    if own is None:
        raise PrefPaintError(
            f"{folder} is a {index.pipeline}, which the installed diffusers does not know. Update "
            "it, or choose another model."
        )
    variants = [
        weights.variant
        for part in index.components
        if (folder / part).is_dir() and (weights := weights_in(folder / part))
    ]
    variant = next((variant for variant in variants if variant), None)
    left_out = [  # such as the third text encoder of SD3, which saves memory
        name
        for name, parameter in signature(own.__init__).parameters.items()
        if parameter.default is Parameter.empty and name not in ("self", *index.components)
    ]
    options = {"local_files_only": True, "dtype": dtype, "variant": variant}
    options |= dict.fromkeys(left_out)
    if can_inpaint(own):  # AutoPipelineForInpainting does not list all that can, such as FLUX Fill
        return own.from_pretrained(folder, **options)
    try:
        pipeline = AutoPipelineForInpainting.from_pretrained(folder, **options)
    except ValueError as error:
        if "AutoPipeline can't find" not in str(error):
            raise
        raise PrefPaintError(
            f"{folder} ({index.pipeline}) makes pictures from text alone and has no inpainting "
            "variant in diffusers. Choose a model that fills holes, such as FLUX Fill or a Stable "
            "Diffusion inpainting one."
        ) from error
    if not can_inpaint(type(pipeline)):
        raise PrefPaintError(
            f"{folder} ({index.pipeline}) needs more than a prompt, a photo and a mask. Choose a "
            "model that fills holes by these alone."
        )
    return pipeline


def can_inpaint(kind: type) -> bool:
    """Whether a pipeline class fills holes and asks for no more than a prompt, photo and mask."""
    parameters = parameters_of(kind)
    needed = [name for name, p in parameters.items() if p.default is Parameter.empty]
    has_all = set(GIVEN) <= parameters.keys()
    return has_all and set(needed) <= set(GIVEN) and "control_image" not in parameters
