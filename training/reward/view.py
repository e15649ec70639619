"""What the reward model looks at: a square around each hole, at the encoder's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from training.inpainting.region import split_holes
from training.inpainting.request import Box, Mask, Pixels

Resample = Literal["area", "bicubic"]
"""cv2's mean of areas, or PIL's bicubic with antialiasing, which CLIP was trained with."""
HOLE_SHARE = 0.5
"""The hole's longer side takes about this share of the view's side."""
MIN_SIDE = 160
"""Least side of a view in the photo's pixels, where the photo is that large."""


def view_boxes(hole: Mask) -> list[Box]:
    """One box for each group of holes that share surroundings; square where the image allows."""
    boxes = []
    height, width = hole.shape
    for part in split_holes(hole):
        rows, columns = np.nonzero(hole[part.slices])
        top, left = int(rows.min()) + part.top, int(columns.min()) + part.left
        extent = (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
        side = max(MIN_SIDE, round(max(extent) / HOLE_SHARE))
        box_height, box_width = min(side, height), min(side, width)
        box_top = int(np.clip(top + extent[0] // 2 - box_height // 2, 0, height - box_height))
        box_left = int(np.clip(left + extent[1] // 2 - box_width // 2, 0, width - box_width))
        boxes.append(Box(box_top, box_left, box_height, box_width))
    return boxes


def view_image(image: Pixels, box: Box, size: int, resample: Resample = "area") -> Pixels:
    """The box of an image at (size, size, 3)."""
    cut = np.ascontiguousarray(image[box.slices])
    if resample == "bicubic":
        return np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BICUBIC))
    interpolation = cv2.INTER_LINEAR if _grows(box, size) else cv2.INTER_AREA
    return np.asarray(cv2.resize(cut, (size, size), interpolation=interpolation), np.uint8)


def view_hole(hole: Mask, box: Box, size: int) -> Mask:
    """The box of a hole at (size, size): True where any of a missing pixel fell, so that what lies
    in the hole tells nothing of itself beyond it."""
    cut = hole[box.slices].astype(np.float32)
    ways = (cv2.INTER_AREA, cv2.INTER_LINEAR) if _grows(box, size) else (cv2.INTER_AREA,)
    seen = [cv2.resize(cut, (size, size), interpolation=way) > 0 for way in ways]
    return np.logical_or.reduce(seen)


def _grows(box: Box, size: int) -> bool:
    return min(box.height, box.width) < size


@dataclass(frozen=True, eq=False)
class View:
    """What a reward sees of pictures: the square around the hole, (s, s, 3) each, and (s, s)."""

    pictures: list[Pixels]
    hole: Mask


def view_of(hole: Mask, pictures: Sequence[Pixels], size: int, resample: Resample = "area") -> View:
    """Pictures as a reward of this image size is taught them: around the first of the holes."""
    box = view_boxes(hole)[0]
    seen = [view_image(one, box, size, resample) for one in pictures]
    return View(seen, view_hole(hole, box, size))


def white_hole(image: Pixels, hole: Mask) -> Pixels:
    """The image with its hole in white: the paper's colour mask."""
    return np.where(hole[..., None], np.uint8(255), image)


def outline(image: Pixels, hole: Mask, colour: tuple[int, int, int] = (61, 126, 255)) -> Pixels:
    """The image with a line around the hole, for pictures that people look at."""
    contours, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    drawn: npt.NDArray[np.uint8] = np.ascontiguousarray(image).copy()
    cv2.drawContours(drawn, contours, -1, colour, 1)
    return drawn
