"""Random holes of the kinds that people paint: blobs, strokes, rectangles, thin lines, large ones,
and what lies beyond the photo's edge."""

from typing import Literal, get_args

import cv2
import numpy as np

from training.inpainting.request import Mask

MaskKind = Literal["blob", "strokes", "rectangle", "line", "large", "outpaint"]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)
MaskSet = Literal["repair", "wide"]
MASK_SETS: dict[MaskSet, tuple[MaskKind, ...]] = {
    "repair": ("blob", "strokes", "rectangle", "line"),
    "wide": ("large", "outpaint"),
}


def random_mask(kind: MaskKind, size: int, seed: int) -> Mask:
    """A (size, size) mask with one hole; the same seed gives the same mask.

    A repair's hole covers 1.5-25 % of the square and its bounding box at most 60 % of each side,
    "large" 20-45 % and 85 %; "outpaint" is a strip of 15-45 % along one edge or two.
    """
    rng = np.random.default_rng(seed)
    while True:
        mask = _DRAW[kind](size, rng)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            continue
        extent = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
        longest, least, most = _LIMITS.get(kind, (0.6, 0.015, 0.25))
        if extent <= longest * size and least <= mask.mean() <= most:
            return mask


def _centre(size: int, rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(0.3, 0.7, size=2) * size
    return float(x), float(y)


def _blob(size: int, rng: np.random.Generator) -> Mask:
    return _closed_curve(size, rng, 0.08, 0.26)


def _large(size: int, rng: np.random.Generator) -> Mask:
    return _closed_curve(size, rng, 0.24, 0.42)


def _closed_curve(size: int, rng: np.random.Generator, least: float, most: float) -> Mask:
    """Its radius wanders about a circle or an ellipse."""
    x, y = _centre(size, rng)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.ones_like(angles)
    for frequency in range(2, 6):
        phase, amount = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.3) / frequency
        radius += amount * np.cos(frequency * angles + phase)
    scale = rng.uniform(least, most, size=2) * size
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


def _outpaint(size: int, rng: np.random.Generator) -> Mask:
    mask = np.zeros((size, size), bool)
    mask[:, : int(size * rng.uniform(0.12, 0.4))] = True
    if rng.random() < 0.3:
        mask[: int(size * rng.uniform(0.1, 0.25))] = True
    return np.rot90(mask, int(rng.integers(4))).copy()


_LIMITS: dict[MaskKind, tuple[float, float, float]] = {
    "large": (0.85, 0.2, 0.45),
    "outpaint": (1.0, 0.15, 0.45),
}
_DRAW = {
    "blob": _blob,
    "strokes": _strokes,
    "rectangle": _rectangle,
    "line": _line,
    "large": _large,
    "outpaint": _outpaint,
}
