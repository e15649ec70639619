"""Faults that a fill can have, at a strength: a stronger fault is known to be worse."""

from collections.abc import Callable
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels

FaultKind = Literal[
    "seam",
    "offset",
    "colour",
    "brightness",
    "contrast",
    "saturation",
    "blur",
    "noise",
    "texture",
]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

_Floats = npt.NDArray[np.float32]


def apply_fault(
    kind: FaultKind, strength: float, image: Pixels, hole: Mask, foreign: Pixels, seed: int
) -> Pixels:
    """The image with a fault in its hole; outside the hole it stays the same.

    strength: above 0 (none) to 1 (glaring); size, amplitude or share of the fault grow with it.
    foreign: a picture of the same size from another photo, the source of a wrong texture. With the
    same seed only the strength differs, so that two strengths are one fault, weaker and stronger.
    """
    rng = np.random.default_rng(seed)
    softness = rng.uniform(0.5, 6)
    depth = np.asarray(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    weight = np.clip(depth / softness, 0, 1)[..., None].astype(np.float32)
    pixels = image.astype(np.float32)
    faulty = _FAULTS[kind](pixels, strength, depth, foreign.astype(np.float32), rng)
    if kind == "seam":  # it lives on the rim that the others fade in from
        weight = np.ones_like(weight)
    mixed = pixels + weight * (faulty - pixels)
    result = image.copy()
    result[hole] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)[hole]
    return result


def half_denoised(image: Pixels, hole: Mask, rng: np.random.Generator) -> Pixels:
    """The image with noise in its hole, alone or over a vague picture, as a diffusion model leaves
    it before its end or an over-trained one in the end: of any colour, brightness and grain.

    It is worse than any plausible fill, however strange the colours that a reward might like.
    """
    height, width = hole.shape
    noise = np.zeros((height, width, 3), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        grain = 2 ** rng.uniform(0, 4.5)
        channels = int(rng.choice([1, 3]))
        small = rng.normal(size=(int(height / grain) + 2, int(width / grain) + 2, channels))
        grown = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        noise += grown.reshape(height, width, channels)
    noise *= np.float32(rng.uniform(25, 90)) / max(1e-3, float(noise[hole].std()))
    vague = cv2.GaussianBlur(image.astype(np.float32), (0, 0), rng.uniform(0.5, 12))
    share = rng.choice([0.0, rng.uniform(0, 0.9)])
    ground = rng.uniform(20, 235, size=3).astype(np.float32)
    mixed = np.float32(share) * vague + np.float32(1 - share) * ground + noise
    result = image.copy()
    result[hole] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)[hole]
    return result


def _seam(
    pixels: _Floats, strength: float, depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    """A line of other brightness along the hole's edge."""
    width, sign = rng.uniform(1, 3.5), rng.choice([-1, 1])
    tint = sign * rng.uniform(0.7, 1, size=3) * 100 * strength
    return pixels + (depth <= width)[..., None] * tint.astype(np.float32)


def _offset(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    """The content moved sideways, so that lines break at the edge."""
    angle = rng.uniform(0, 2 * np.pi)
    distance = 20 * strength
    move = np.array([[1, 0, distance * np.cos(angle)], [0, 1, distance * np.sin(angle)]])
    height, width = pixels.shape[:2]
    moved = cv2.warpAffine(pixels, move, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def _colour(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    """A cast that keeps the mean of the three channels."""
    cast = rng.normal(size=3)
    cast -= cast.mean()
    cast *= 80 * strength / max(1e-6, float(np.abs(cast).max()))
    return pixels + cast.astype(np.float32)


def _brightness(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    return pixels + np.float32(rng.choice([-1, 1]) * 80 * strength)


def _contrast(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    return contrasted(pixels, _gain(strength, rng))


def _saturation(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    return saturated(pixels, _gain(strength, rng))


def contrasted(pixels: _Floats, factor: float) -> _Floats:
    """So much more contrast, about the mean colour of (h, w, 3); nothing is clipped."""
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    return mean + np.float32(factor) * (pixels - mean)


def saturated(pixels: _Floats, factor: float) -> _Floats:
    """So much more saturation, about each pixel's grey; nothing is clipped."""
    grey = pixels.mean(axis=2, keepdims=True)
    return grey + np.float32(factor) * (pixels - grey)


def _gain(strength: float, rng: np.random.Generator) -> float:
    """Up to four times, or a quarter of what there is."""
    return float(4 ** (rng.choice([-1, 1]) * strength))


def _blur(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, _rng: np.random.Generator
) -> _Floats:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 8 * strength), np.float32)


def _noise(
    pixels: _Floats, strength: float, _depth: _Floats, _: _Floats, rng: np.random.Generator
) -> _Floats:
    """Grey or coloured, from single pixels to coarse blotches."""
    height, width = pixels.shape[:2]
    grain = rng.uniform(1, 8)
    channels = int(rng.choice([1, 3]))
    small = rng.normal(size=(int(height / grain) + 1, int(width / grain) + 1, channels))
    noise = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return pixels + noise.reshape(height, width, channels) * np.float32(80 * strength)


def _texture(
    pixels: _Floats, strength: float, _depth: _Floats, foreign: _Floats, _rng: np.random.Generator
) -> _Floats:
    """Another photo's texture laid over the fill."""
    return pixels + np.float32(strength) * (foreign - pixels)


_FAULTS: dict[
    FaultKind, Callable[[_Floats, float, _Floats, _Floats, np.random.Generator], _Floats]
] = {
    "seam": _seam,
    "offset": _offset,
    "colour": _colour,
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "blur": _blur,
    "noise": _noise,
    "texture": _texture,
}
