"""From a crop of the photo to the size that a model works at, and back to the exact pixels."""

import math

import cv2
import numpy as np

from training.inpainting.request import Mask, Pixels

GRANULARITY = 8
"""Sides of what a latent model sees are multiples of this many pixels."""
LEAST_SIDE = 64
"""Of a narrow crop's shorter side; of models that are small themselves, half their own side."""


def working_size(
    height: int, width: int, native_side: int, granularity: int = GRANULARITY
) -> tuple[int, int]:
    """(height, width) of about native_side² pixels and nearly the crop's shape.

    granularity: a divisor of both sides, itself a multiple of GRANULARITY.
    """
    scale = native_side / math.sqrt(height * width)
    least = max(granularity, min(LEAST_SIDE, native_side // 2 // granularity * granularity))
    longest = max(least, native_side**2 // least // granularity * granularity)

    def side(length: int) -> int:
        return min(longest, max(least, round(length * scale / granularity) * granularity))

    return side(height), side(width)


def resize(image: Pixels, height: int, width: int) -> Pixels:
    """Both ways: pixel centres stay where they are, areas are averaged where a side shrinks."""
    passes = [
        ((image.shape[1], height), height < image.shape[0]),
        ((width, height), width < image.shape[1]),
    ]
    if passes[0][1] == passes[1][1]:
        del passes[0]  # one goes both ways
    for size, shrinks in passes:
        if image.shape[1::-1] != size:
            interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
            image = np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)
    return image


def resize_hole(hole: Mask, height: int, width: int) -> Mask:
    """The hole at the working size, grown to whole latent cells.

    A model masks whole cells alone; without this a thin hole could fall between them.
    """
    scaled = hole.astype(np.float32)
    for size, shrinks in (
        ((hole.shape[1], height), height < hole.shape[0]),
        ((width, height), width < hole.shape[1]),
    ):
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        scaled = np.asarray(cv2.resize(scaled, size, interpolation=interpolation), np.float32)
    cells = (scaled > 0).reshape(height // GRANULARITY, GRANULARITY, width // GRANULARITY, -1)
    touched = cells.any(axis=(1, 3))
    return np.asarray(np.kron(touched, np.ones((GRANULARITY, GRANULARITY), bool)))


def match_colour(fill: Pixels, image: Pixels, hole: Mask) -> Pixels:
    """The fill with mean and contrast of each channel led to the photo's, by the known pixels.

    A model's decoder shifts colours a little; what is known in both shows by how much. All of the
    same height and width.
    """
    known = np.logical_not(hole).astype(np.uint8)
    if np.count_nonzero(known) < 64:
        return fill
    (mean, spread), (target, wanted) = (cv2.meanStdDev(one, mask=known) for one in (fill, image))
    gain = np.clip(wanted / np.maximum(spread, 1e-3), 0.8, 1.25)
    matched = np.clip(np.rint((np.arange(256) - mean) * gain + target), 0, 255)  # (3, 256)
    return np.asarray(cv2.LUT(fill, matched.T[None].astype(np.uint8)), np.uint8)
