"""Photographs made for the tests: textured, never the same twice, of any size."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.inpainting.request import Mask, Pixels


def make_photo(height: int, width: int, seed: int) -> Pixels:
    """Smooth colours under blotches, stripes and grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(30, 220, (4, 5, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:height, :width]
    stripes = 25 * np.sin(columns / rng.uniform(3, 9) + rows / rng.uniform(5, 20))
    image = image + stripes[..., None] + rng.normal(0, 8, (height, width, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def hole_at(shape: tuple[int, int], top: int, left: int, height: int, width: int) -> Mask:
    """A mask with one rectangular hole."""
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def write_photos(folder: Path, count: int, size: int = 256) -> None:
    """PNG photographs whose names fall into the train split."""
    from training.prompts.photos import split_of

    folder.mkdir(parents=True, exist_ok=True)
    names = (folder / f"photo{number}.png" for number in range(1000))
    for number, path in enumerate([path for path in names if split_of(path) == "train"][:count]):
        Image.fromarray(make_photo(size, size + 20, number)).save(path)
