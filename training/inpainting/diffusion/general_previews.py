"""What a pipeline of another family is on the way to, from the latents that it hands to callbacks.

For flow matching by Euler steps over an AutoencoderKL (FLUX, SD3 and their kin): between two steps
the latents move along the predicted velocity v, x(s) = x0 + s v, so x0 follows from both (arXiv
2210.02747). Others, such as Kandinsky and Qwen-Image, show no previews.
"""

from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from training.inpainting.diffusion.previews import Previewer, fitted_previewer
from training.inpainting.diffusion.regions import Region
from training.inpainting.request import Pixels


class LatentPreviews:
    """Of one candidate."""

    def __init__(self, pipeline: Any, show: Previewer, size: tuple[int, int]) -> None:
        """show: see make_previewer. size: height and width in pixels."""
        self._pipeline = pipeline
        self._show = show
        self._size = size
        self._before: Tensor | None = None

    def after_step(self, index: int, latents: Tensor, *, is_wanted: bool) -> Pixels | None:
        """A picture of the region's focus; None where it is not wanted, and after the first step.

        Called after every step, with its number from 0.
        """
        before, self._before = self._before, latents
        if before is None or not is_wanted:
            return None
        sigma, following = (float(s) for s in self._pipeline.scheduler.sigmas[index : index + 2])
        velocity = (latents.float() - before.float()) / (following - sigma)
        (picture,) = self._show(self._unpacked(latents.float() - following * velocity))
        return picture

    def _unpacked(self, latents: Tensor) -> Tensor:
        """(1, c, h, w), also of latents that are packed two by two (FLUX)."""
        if latents.ndim == 4:
            return latents
        scale = self._pipeline.vae_scale_factor
        unpacked: Tensor = self._pipeline._unpack_latents(latents, *self._size, scale)
        return unpacked


@torch.no_grad()
def make_previewer(pipeline: Any, region: Region) -> Previewer | None:
    """From predicted latents to colours; None for a pipeline of which this is not known."""
    if not _is_known(pipeline):
        return None
    vae = pipeline.vae
    pixels = torch.from_numpy(region.image).permute(2, 0, 1)[None].float() / 127.5 - 1
    device = getattr(pipeline, "_execution_device", vae.device)
    encoded = vae.encode(pixels.to(device, vae.dtype)).latent_dist.mean.float()
    shift, scale = vae.config.shift_factor or 0.0, vae.config.scaling_factor
    return fitted_previewer((encoded - shift) * scale, region.image, region)


def _is_known(pipeline: Any) -> bool:
    parts = pipeline.components
    flows = isinstance(parts.get("scheduler"), FlowMatchEulerDiscreteScheduler)
    return flows and isinstance(parts.get("vae"), AutoencoderKL)
