"""Fills of held-out photographs to look at, beside what needs no learning."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from training.files import write_png
from training.inpainting.diffusion.inpainter import DiffusionInpainter
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.scaling import resize
from training.inpainting.patchmatch import fill_hole, settings_for
from training.inpainting.region import make_request
from training.inpainting.request import Mask, Pixels
from training.inpainting.settings import DiffusionSettings
from training.prompts.masks import MASK_KINDS, random_mask
from training.prompts.photos import read_rgb

ROWS, SEEDS, STEPS = 12, (0, 1, 2), 20
ENLARGED = 2
"""The photographs are this many times the model's size: as in the app, fills are scaled up."""
SHOWN = 192
"""Side of each picture on the sheet, pixels."""


def draw_sheet(
    pipeline: Any, photos: Sequence[Path], size: int, path: Path, device: torch.device
) -> None:
    """Write a PNG: a row for each photo with its hole, fills by three seeds, by PatchMatch, by
    Telea's method, and the photo itself."""
    model = DiffusionModel(pipeline, device, torch.float32)
    inpainter = DiffusionInpainter(model, "pipeline")
    side = size * ENLARGED
    rows = []
    for number, photo in enumerate(photos[:ROWS]):
        image = _middle(read_rgb(photo), side)
        hole = random_mask(MASK_KINDS[number % len(MASK_KINDS)], side, number)
        white = np.where(hole[..., None], np.uint8(255), image)
        pictures = [white, *_fills(inpainter, image, hole), *_unlearned(image, hole), image]
        rows.append(np.hstack([_shown(picture) for picture in pictures]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.vstack(rows))


def _fills(inpainter: DiffusionInpainter, image: Pixels, hole: Mask) -> list[Pixels]:
    settings = DiffusionSettings(steps=STEPS, sampler="ddim", eta=1.0)
    request = make_request(
        image, hole, job_id=0, seeds=SEEDS, padding=max(image.shape), feather=0, settings=settings
    )
    made = inpainter.generate(request, lambda _event: None, threading.Event())
    by_seed = {candidate.seed: candidate.pixels for candidate in made}
    fills = []
    for seed in SEEDS:
        filled = image.copy()
        filled[request.box.slices] = by_seed[seed][..., :3]
        fills.append(filled)
    return fills


def _unlearned(image: Pixels, hole: Mask) -> list[Pixels]:
    *_, (_, _, exemplar) = fill_hole(image, hole, 0, settings_for(0))
    diffused = cv2.inpaint(image, hole.astype(np.uint8), 4, cv2.INPAINT_TELEA)
    return [exemplar, np.asarray(diffused, np.uint8)]


def _middle(photo: Pixels, side: int) -> Pixels:
    """The square in the middle, scaled to side x side."""
    height, width = photo.shape[:2]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    return resize(photo[top : top + shorter, left : left + shorter], side, side)


def _shown(picture: Pixels) -> Pixels:
    """With a thin white frame."""
    return np.pad(resize(picture, SHOWN, SHOWN), ((2, 2), (2, 2), (0, 0)), constant_values=255)
