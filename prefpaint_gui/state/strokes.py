"""Shapes that tools draw on a mask, rasterised over the smallest box that holds them."""

import math

import numpy as np

from training.inpainting.request import Box, Mask

Point = tuple[float, float]
"""x and y in photo pixels; (0, 0) is the outer corner of the first pixel."""

SMALLEST_RADIUS = math.sqrt(0.5)
"""A disc of at least this radius covers a pixel's centre wherever it is put."""


def clip_box(left: int, top: int, right: int, bottom: int, height: int, width: int) -> Box | None:
    """The part of the half-open rectangle that lies in a photo, or None when there is none."""
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return Box(top, left, bottom - top, right - left) if left < right and top < bottom else None


def capsule(
    start: Point, end: Point, radius: float, height: int, width: int
) -> tuple[Box, Mask] | None:
    """A round brush drawn from start to end, on a photo of height x width.

    radius: in photo pixels. Returns the box and which of its pixels have their centre under the
    brush, or None when the brush stayed outside the photo.
    """
    radius = max(radius, SMALLEST_RADIUS)
    (x0, y0), (x1, y1) = start, end
    box = clip_box(
        math.floor(min(x0, x1) - radius),
        math.floor(min(y0, y1) - radius),
        math.ceil(max(x0, x1) + radius),
        math.ceil(max(y0, y1) + radius),
        height,
        width,
    )
    if box is None:
        return None
    x = np.arange(box.left, box.left + box.width, dtype=np.float32) + np.float32(0.5 - x0)
    y = (np.arange(box.top, box.top + box.height, dtype=np.float32) + np.float32(0.5 - y0))[:, None]
    along_x, along_y = x1 - x0, y1 - y0
    length_squared = along_x**2 + along_y**2
    if length_squared > 1e-9:
        share = np.clip((x * along_x + y * along_y) / length_squared, 0, 1)
        x, y = x - share * along_x, y - share * along_y
    return box, x * x + y * y <= radius * radius


def rectangle(start: Point, end: Point, height: int, width: int) -> Box | None:
    """Every pixel that the rectangle between two corners touches, or None outside the photo."""
    (x0, y0), (x1, y1) = start, end
    return clip_box(
        math.floor(min(x0, x1)),
        math.floor(min(y0, y1)),
        math.ceil(max(x0, x1)),
        math.ceil(max(y0, y1)),
        height,
        width,
    )


def painted_box(mask: Mask) -> Box | None:
    """The smallest box around the True pixels, or None when there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Box(top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1)
