"""Crops of photographs with holes in them; a batch depends on its number and the seed alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.prompts.masks import MASK_KINDS, random_mask
from training.prompts.photos import read_rgb

LONGEST_SIDE = 640
"""Photographs are kept in memory at most this large."""
NEAREST_CROP = 0.35
"""A crop's side, at least this share of the photo's shorter one."""
MASKS_KEPT = 2048


@dataclass(frozen=True, eq=False)
class Batch:
    """pixels: (n, 3, size, size), -1 to 1. mask: (n, 1, size, size), 1 where pixels are missing."""

    pixels: Tensor
    mask: Tensor


class Crops:
    """Random square crops, flipped at random, at scales from near to the whole photo."""

    def __init__(
        self,
        photos: Sequence[Path],
        size: int,
        seed: int,
        on_progress: Callable[[float], None],
    ) -> None:
        """Reads every photo. Raises PrefPaintError naming one that cannot be read."""
        self._size, self._seed = size, seed
        self._photos: list[npt.NDArray[np.uint8]] = []
        for number, path in enumerate(photos):
            self._photos.append(_reduced(read_rgb(path), size))
            on_progress((number + 1) / len(photos))
        self._masks = np.stack(
            [
                random_mask(MASK_KINDS[number % len(MASK_KINDS)], size, seed + number)
                for number in range(MASKS_KEPT)
            ]
        )

    def batch(self, step: int, count: int) -> Batch:
        """The batch of a training step: `count` crops with a hole each."""
        rng = np.random.default_rng([self._seed, step])
        crops = np.stack([self._crop(rng) for _ in range(count)])
        masks = self._masks[rng.integers(len(self._masks), size=count)]
        turned = np.where(rng.random((count, 1, 1)) < 0.5, masks[:, :, ::-1], masks)
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1
        return Batch(pixels, torch.from_numpy(turned)[:, None].float())

    def _crop(self, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        photo = self._photos[rng.integers(len(self._photos))]
        height, width = photo.shape[:2]
        shorter = min(height, width)
        side = int(shorter * rng.uniform(min(1.0, max(NEAREST_CROP, self._size / shorter)), 1))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = photo[top : top + side, left : left + side]
        crop = cv2.resize(crop, (self._size, self._size), interpolation=cv2.INTER_AREA)
        return crop[:, ::-1] if rng.random() < 0.5 else crop


def _reduced(photo: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """No larger than is of use, no smaller than one crop."""
    height, width = photo.shape[:2]
    scale = max(min(1.0, LONGEST_SIDE / max(height, width)), size / min(height, width))
    if scale == 1:
        return photo
    wanted = max(size, round(width * scale)), max(size, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, wanted, interpolation=method), np.uint8)
