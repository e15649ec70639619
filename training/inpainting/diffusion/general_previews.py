"""What a pipeline of another family is on the way to, from what its scheduler predicts.

Known of pipelines over an AutoencoderKL (FLUX, SD3 and their kin), Qwen-Image's autoencoder or a
VQModel (Kandinsky); others show no previews.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    VQModel,
)
from torch import Tensor

from training.inpainting.diffusion.model import latent_statistics
from training.inpainting.diffusion.previews import Previewer, fitted_previewer
from training.inpainting.diffusion.regions import Region


class Predictions:
    """x0: the finished latents as the scheduler predicted them last, in the pipeline's own shape;
    None before the first step and where the scheduler does not tell."""

    x0: Tensor | None = None


@contextmanager
def predictions_of(scheduler: Any) -> Iterator[Predictions]:
    """Listen to a scheduler, for pipelines hand out only what it made of its prediction."""
    heard, plain_step = Predictions(), scheduler.step
    is_flow = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)

    @wraps(plain_step)  # pipelines look at what it takes
    def step(model_output: Tensor, timestep: Any, sample: Tensor, *rest: Any, **words: Any) -> Any:
        result = plain_step(model_output, timestep, sample, *rest, **words)
        if is_flow:  # x(s) = x0 + s v, 2210.02747
            sigma = scheduler.sigmas[scheduler.step_index - 1]
            heard.x0 = sample.float() - sigma * model_output.float()
        else:
            heard.x0 = getattr(result, "pred_original_sample", None)
        return result

    scheduler.step = step
    try:
        yield heard
    finally:
        del scheduler.step


def unpacked(pipeline: Any, latents: Tensor, height: int, width: int) -> Tensor | None:
    """(1, c, h, w), also of latents that are packed two by two (FLUX) or are one frame of a film
    (Qwen-Image); None where the pipeline chose another size (FLUX Kontext). height, width: of the
    picture in pixels."""
    if latents.ndim == 3:
        scale = pipeline.vae_scale_factor
        if latents.shape[1] != (height // (2 * scale)) * (width // (2 * scale)):
            return None
        latents = pipeline._unpack_latents(latents, height, width, scale)
    return latents[:, :, 0] if latents.ndim == 5 else latents


@torch.no_grad()
def make_previewer(pipeline: Any, region: Region) -> Previewer | None:
    """From predicted latents (1, c, h, w) to colours; None for a pipeline of which this is not
    known."""
    parts = pipeline.components
    autoencoder = parts.get("vae") or parts.get("movq")
    if type(autoencoder) not in (AutoencoderKL, AutoencoderKLQwenImage, VQModel):
        return None
    device = getattr(pipeline, "_execution_device", autoencoder.device)
    pixels = torch.from_numpy(region.image).permute(2, 0, 1)[None].float() / 127.5 - 1
    encoded = encode(autoencoder, pixels.to(device, autoencoder.dtype))
    return fitted_previewer(encoded, region.image, region)


def encode(autoencoder: Any, pixels: Tensor) -> Tensor:
    """(1, 3, H, W) of -1 to 1 to (1, c, h, w), normalised as the autoencoder's pipelines do."""
    config, kind = autoencoder.config, type(autoencoder)
    if kind is VQModel:
        latents: Tensor = autoencoder.encode(pixels)["latents"]
        return latents.float()
    if kind is AutoencoderKLQwenImage:
        latents = autoencoder.encode(pixels[:, :, None]).latent_dist.mode()[:, :, 0].float()
        mean, std = latent_statistics(config, latents)
        return (latents - mean) / std
    latents = autoencoder.encode(pixels).latent_dist.mode().float()
    return (latents - (config.shift_factor or 0.0)) * config.scaling_factor
