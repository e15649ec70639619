"""Random holes of the kinds that people paint: blobs, strokes, rectangles, thin lines."""

from typing import Literal, get_args

import cv2
import numpy as np

from training.inpainting.request import Mask

MaskKind = Literal["blob", "strokes", "rectangle", "line"]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)


def random_mask(kind: MaskKind, size: int, seed: int) -> Mask:
    """A (size, size) mask with one hole well inside; the same seed gives the same mask.

    The hole covers 1.5-25 % of the square and its bounding box at most 60 % of each side, so that
    every hole keeps surroundings to continue from.
    """
    rng = np.random.default_rng(seed)
    while True:
        mask = _DRAW[kind](size, rng)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            continue
        extent = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
        if extent <= 0.6 * size and 0.015 <= mask.mean() <= 0.25:
            return mask


def _centre(size: int, rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(0.3, 0.7, size=2) * size
    return float(x), float(y)


def _blob(size: int, rng: np.random.Generator) -> Mask:
    """A closed curve whose radius wanders about a circle or an ellipse."""
    x, y = _centre(size, rng)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.ones_like(angles)
    for frequency in range(2, 6):
        phase, amount = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.3) / frequency
        radius += amount * np.cos(frequency * angles + phase)
    scale = rng.uniform(0.08, 0.26, size=2) * size
    points = np.stack(
        [x + scale[0] * radius * np.cos(angles), y + scale[1] * radius * np.sin(angles)], 1
    )
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask.astype(bool)


def _walk(size: int, rng: np.random.Generator, thickness: int, strokes: int) -> Mask:
    """Brush strokes: each a few straight pieces of slowly turning direction."""
    mask = np.zeros((size, size), np.uint8)
    start = np.array(_centre(size, rng))
    for _ in range(strokes):
        point, direction = start.copy(), rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(2, 6))):
            direction += rng.normal(0, 0.5)
            step = np.array([np.cos(direction), np.sin(direction)]) * rng.uniform(0.06, 0.14)
            end = point + step * size
            ends = [tuple(int(v) for v in np.rint(p)) for p in (point, end)]
            cv2.line(mask, ends[0], ends[1], 1, thickness)
            point = end
    return mask.astype(bool)


def _strokes(size: int, rng: np.random.Generator) -> Mask:
    return _walk(size, rng, int(size * rng.uniform(0.05, 0.12)), int(rng.integers(1, 4)))


def _line(size: int, rng: np.random.Generator) -> Mask:
    return _walk(size, rng, max(3, int(size * rng.uniform(0.02, 0.04))), int(rng.integers(2, 5)))


def _rectangle(size: int, rng: np.random.Generator) -> Mask:
    x, y = _centre(size, rng)
    width, height = rng.uniform(0.12, 0.5, size=2) * size
    mask = np.zeros((size, size), bool)
    top, left = max(0, int(y - height / 2)), max(0, int(x - width / 2))
    mask[top : int(y + height / 2), left : int(x + width / 2)] = True
    return mask


_DRAW = {"blob": _blob, "strokes": _strokes, "rectangle": _rectangle, "line": _line}
