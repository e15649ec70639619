"""A picture in ever smaller sizes, so that a large one is drawn as fast as a small one."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.inpainting.request import Box

SMALLEST_SIDE = 256
"""Pixels; a level with a longer side of at most this is not halved again."""

Level = npt.NDArray[np.uint8]
"""(height, width, 4) uint8 in the order blue, green, red, alpha; colours premultiplied by alpha."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Level 0 has the photo's size, each further one half of the one before, rounded up."""

    levels: list[Level] = field(default_factory=list)

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> "Pyramid":
        """pixels: (height, width, 3 or 4) uint8, not premultiplied."""
        levels = [_premultiplied(pixels)]
        while max(levels[-1].shape[:2]) > SMALLEST_SIDE:
            levels.append(_halved(levels[-1]))
        return cls(levels)

    def update(self, pixels: npt.NDArray[np.uint8], box: Box) -> None:
        """Take over a changed box of the photo, in every level, in place."""
        top, left = box.top, box.left
        bottom, right = top + box.height, left + box.width
        self.levels[0][box.slices] = _premultiplied(pixels[box.slices])
        for larger, smaller in zip(self.levels, self.levels[1:], strict=False):
            top, left, bottom, right = top // 2, left // 2, -(-bottom // 2), -(-right // 2)
            part = larger[2 * top : 2 * bottom, 2 * left : 2 * right]
            smaller[top:bottom, left:right] = _halved(part)


def _premultiplied(pixels: npt.NDArray[np.uint8]) -> Level:
    import cv2  # here, because the window shows sooner without it

    if pixels.shape[2] == 3:
        return _level(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA))
    level = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA)
    alpha = pixels[..., 3:].astype(np.uint16)
    level[..., :3] = (level[..., :3] * alpha + 127) // 255
    return _level(level)


def _halved(level: Level) -> Level:
    """The mean of each 2 x 2 pixels; an odd last row or column counts twice."""
    import cv2

    odd_rows, odd_columns = level.shape[0] % 2, level.shape[1] % 2
    if odd_rows or odd_columns:
        level = np.pad(level, ((0, odd_rows), (0, odd_columns), (0, 0)), "edge")
    size = (level.shape[1] // 2, level.shape[0] // 2)
    return _level(cv2.resize(level, size, interpolation=cv2.INTER_AREA))


def _level(image: npt.NDArray[Any]) -> Level:
    return np.ascontiguousarray(image, np.uint8)
