"""Which part of the photo a fill works on, and how the result comes back to the exact pixels."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from training.errors import PrefPaintError
from training.inpainting.request import Box, InpaintRequest, Mask, Pixels
from training.inpainting.settings import DiffusionSettings

MIN_PADDING = 64
"""Least context, in pixels, that the automatic padding takes on each side of the hole."""


def enclosing_box(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of the (one or more) boxes."""
    top, left = min(box.top for box in boxes), min(box.left for box in boxes)
    bottom = max(box.top + box.height for box in boxes)
    right = max(box.left + box.width for box in boxes)
    return Box(top, left, bottom - top, right - left)


def automatic_padding(box: Box) -> int:
    """Context in pixels: half the hole's longer side, at least MIN_PADDING."""
    return max(MIN_PADDING, max(box.height, box.width) // 2)


def pad(box: Box, padding: int, height: int, width: int) -> Box:
    """Grow a box by `padding` pixels on each side, within a photo of height x width."""
    top, left = max(0, box.top - padding), max(0, box.left - padding)
    bottom = min(height, box.top + box.height + padding)
    right = min(width, box.left + box.width + padding)
    return Box(top, left, bottom - top, right - left)


def split_holes(mask: Mask, padding: int | None = None) -> list[Box]:
    """Padded boxes that together hold every True pixel; boxes that touch are merged.

    Far-apart holes get a box each, so that each is filled and judged from its own surroundings.
    padding: pixels; None takes automatic_padding for each hole.
    """
    height, width = mask.shape
    labelled = mask.astype(np.uint8)
    boxes: list[Box] = []
    first_pass = True
    while True:
        _, _, stats, _ = cv2.connectedComponentsWithStats(labelled, connectivity=8)
        found = [
            Box(int(top), int(left), int(box_height), int(box_width))
            for left, top, box_width, box_height, _ in stats[1:]
        ]
        if first_pass:
            found = [
                pad(box, automatic_padding(box) if padding is None else padding, height, width)
                for box in found
            ]
            first_pass = False
        elif len(found) == len(boxes):
            return found
        boxes = found
        labelled = np.zeros_like(labelled)
        for box in boxes:
            labelled[box.slices] = 1


def grow(mask: Mask, pixels: int) -> Mask:
    """Grow the True area of a mask by a disc of `pixels` radius."""
    if pixels <= 0:
        return mask
    return _distance_to(mask) <= pixels


def paste_weight(mask: Mask, feather: int) -> npt.NDArray[np.float32]:
    """How much of the fill each pixel takes, 0-1: one on the mask, fading outwards.

    The fade lies wholly outside the mask, over `feather` pixels, so that no old content shines
    through inside it. Zero everywhere else.
    """
    if feather <= 0:
        return mask.astype(np.float32)
    distance = _distance_to(mask)
    return np.where(distance <= feather, 1 - distance / (feather + 1), 0).astype(np.float32)


def make_request(
    photo: npt.NDArray[np.uint8],
    mask: Mask,
    *,
    job_id: int,
    seeds: tuple[int, ...],
    padding: int | None = None,
    feather: int = 0,
    settings: DiffusionSettings | None = None,
) -> InpaintRequest:
    """Cut the region around the mask out of the photo.

    photo: (height, width, 3 or 4) uint8; where an alpha channel is 0 the colour is unknown, so
    those pixels are never taken as a source.
    mask: (height, width) bool. padding: context in pixels, None for the automatic one.
    feather: pixels by which the fill reaches beyond the mask, to be faded by `paste`.
    settings: for diffusion models; None for the defaults.
    Raises PrefPaintError when nothing is masked or nothing is left to continue.
    """
    if mask.shape != photo.shape[:2]:
        raise PrefPaintError(
            f"The mask is {mask.shape[1]} × {mask.shape[0]} pixels but the photo is "
            f"{photo.shape[1]} × {photo.shape[0]}. Make them the same size."
        )
    if not mask.any():
        raise PrefPaintError("The mask is empty. Paint over what should be replaced.")
    hole = grow(mask, feather)
    parts = split_holes(hole, padding)
    box = enclosing_box(parts)
    image, hole = photo[box.slices], hole[box.slices]
    if photo.shape[2] == 4:
        hole = hole | (image[..., 3] == 0)
    parts = [Box(p.top - box.top, p.left - box.left, p.height, p.width) for p in parts]
    if any(hole[part.slices].all() for part in parts):
        raise PrefPaintError(
            "The mask covers everything around it, so there is nothing to continue from. "
            "Leave part of the photo unmasked or increase the padding."
        )
    return InpaintRequest(
        job_id=job_id,
        image=np.array(image[..., :3], order="C"),  # a view would keep the whole photo
        hole=hole,
        seeds=seeds,
        box=box,
        parts=tuple(parts),
        settings=settings or DiffusionSettings(),
    )


def paste(
    photo: npt.NDArray[np.uint8], mask: Mask, feather: int, box: Box, fill: Pixels
) -> npt.NDArray[np.uint8]:
    """A copy of the photo with the fill in the mask, faded out over `feather` pixels around it.

    Every other pixel is the photo's own, bit for bit. An alpha channel becomes opaque where the
    fill shows, so that the fill can be seen.
    """
    result = photo.copy()
    weight = paste_weight(mask[box.slices], feather)[..., None]
    region = result[box.slices]
    opaque = np.full((*fill.shape[:2], photo.shape[2]), 255, np.uint8)
    opaque[..., :3] = fill
    changed = weight[..., 0] > 0
    blended = np.rint(region + weight * (opaque.astype(np.float32) - region))
    region[changed] = blended.astype(np.uint8)[changed]
    return result


def _distance_to(mask: Mask) -> npt.NDArray[np.float32]:
    """Distance in pixels of every pixel to the nearest True pixel."""
    outside = np.logical_not(mask).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
