"""What candidates look like on the way: small pictures of the hole from the latents' prediction.

Colours by a linear map that needs no weights; sharper by a tiny decoder where one lies beside the
model.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional

from training.inpainting.diffusion.regions import Region
from training.inpainting.diffusion.sampler import Start
from training.inpainting.request import Pixels

Previewer = Callable[[Tensor], list[Pixels]]
"""From predicted latents (n, c, h, w) to n pictures of the region's focus, of any scale."""
Size = Sequence[int]
TINY_DECODER = "vae_tiny"
"""Folder beside a pipeline's parts: diffusers' AutoencoderTiny, such as TAESD."""
MARGIN = 4
"""Cells around the hole that the tiny decoder sees too, for its edges."""


def load_tiny_decoder(folder: Path) -> Any | None:
    """The tiny decoder in a model's folder; None where there is none."""
    if not (folder / TINY_DECODER / "config.json").is_file():
        return None
    return AutoencoderTiny.from_pretrained(folder / TINY_DECODER, local_files_only=True).eval()


def tiny_previewer(decoder: Any, region: Region, size: Size) -> Previewer:
    """Decode the hole and a little around it. size: of the latents, height and width."""
    cells, (height, width) = _cells(region, size), size
    top, left = max(0, cells[0].start - MARGIN), max(0, cells[1].start - MARGIN)
    bottom, right = min(height, cells[0].stop + MARGIN), min(width, cells[1].stop + MARGIN)
    parameter = next(decoder.parameters())

    @torch.no_grad()
    def show(latents: Tensor) -> list[Pixels]:
        return [one(row) for row in latents[..., top:bottom, left:right].split(1)]

    def one(row: Tensor) -> Pixels:
        scaled = row.to(parameter) / decoder.config.scaling_factor
        decoded = decoder.decode(scaled, return_dict=False)[0][0].float()
        scale = decoded.shape[1] // row.shape[2]
        rows = slice((cells[0].start - top) * scale, (cells[0].stop - top) * scale)
        columns = slice((cells[1].start - left) * scale, (cells[1].stop - left) * scale)
        pixels = (decoded[:, rows, columns] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0) * 255
        return np.asarray(pixels.round().to(torch.uint8).cpu().numpy())

    return show


def linear_previewer(start: Start, region: Region) -> Previewer:
    """One colour for each latent cell, by what the model was shown of the photo."""
    if start.masked_latents is None:
        assert start.known_latents is not None  # a start has one of the two
        return fitted_previewer(start.known_latents[:1], region.image, region)
    seen = np.where(region.hole[..., None], np.uint8(127), region.image)
    return fitted_previewer(start.masked_latents[:1], seen, region)


def fitted_previewer(encoded: Tensor, picture: Pixels, region: Region) -> Previewer:
    """One colour for each latent cell. encoded: (1, c, h, w), the latents of a picture of the
    working size."""
    weights, offset = latents_to_rgb(encoded, picture)
    rows, columns = _cells(region, encoded.shape[2:])

    def show(latents: Tensor) -> list[Pixels]:
        seen = latents[..., rows, columns].float().cpu().permute(0, 2, 3, 1)
        return list((seen @ weights + offset).clamp(0, 255).to(torch.uint8).numpy())

    return show


def latents_to_rgb(encoded: Tensor, picture: Pixels) -> tuple[Tensor, Tensor]:
    """Weights (c, 3) and offset (3,) that lead latents to colours of 0-255, one for each cell.

    Fitted by least squares to the photo itself, so that every model has previews: its latents are
    known, and so are its pixels. encoded: (1, c, h, w) of the picture (H, W, 3).
    """
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    height, width = encoded.shape[2:]
    colours = functional.adaptive_avg_pool2d(pixels, (height, width))[0].flatten(1).T
    latents = encoded[0].flatten(1).T.float().cpu()
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    ridge = 1e-3 * torch.eye(inputs.shape[1]) * len(latents)
    fitted = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ colours)
    return fitted[:-1], fitted[-1]


def _cells(region: Region, size: Size) -> tuple[slice, slice]:
    """Rows and columns of the latent cells of the region's focus; size: of all latents."""
    box = region.focus
    down, right = (side // cells for side, cells in zip(region.hole.shape, size, strict=True))
    return (
        slice(box.top // down, (box.top + box.height) // down),
        slice(box.left // right, (box.left + box.width) // right),
    )
