"""One part of a request at the size that a model works at, and the way back into the photo."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from training.inpainting.diffusion.scaling import match_colour, resize, resize_hole, working_size
from training.inpainting.request import Box, InpaintRequest, Mask, Pixels


@dataclass(frozen=True, eq=False)
class Region:
    """box: where the part lies in the request's image. image, hole: the part at the working size;
    its hole is grown to whole latent cells."""

    request: InpaintRequest
    box: Box
    image: Pixels
    hole: Mask

    def paste(self, picture: Pixels) -> Pixels:
        """A model's picture of any size in the box's hole, at the photo's resolution."""
        image, hole = self.request.image[self.box.slices], self.request.hole[self.box.slices]
        return np.where(hole[..., None], resize(self._matched(picture), *hole.shape), image)

    def compose(self, picture: Pixels) -> Pixels:
        """A model's picture of any size in the part's hole, both at the working size."""
        return np.where(self.hole[..., None], self._matched(picture), self.image)

    def _matched(self, picture: Pixels) -> Pixels:
        """At the working size, which not every pipeline keeps to; in the photo's colours."""
        picture = resize(picture, *self.hole.shape)
        if self.request.settings.match_colour:
            picture = match_colour(picture, self.image, self.hole)
        return picture

    @cached_property
    def focus(self) -> Box:
        """The hole's bounding box at the working size."""
        return _bounds(self.hole)

    @cached_property
    def _shown(self) -> Box:
        """The hole's bounding box in the part of the photo."""
        return _bounds(self.request.hole[self.box.slices])

    def preview(self, canvas: Pixels, focus: Pixels) -> Pixels:
        """The request's image as it is so far, with a picture of the focus in this part's hole.

        Only what shows is resized: a pixel's centre is looked up where it lies in the picture.
        """
        hole = self.request.hole[self.box.slices]
        shown, box = self._shown, self.focus
        scales, shifts = [], []
        for at, size, start, extent, full, part in (
            (shown.left, focus.shape[1], box.left, box.width, self.hole.shape[1], hole.shape[1]),
            (shown.top, focus.shape[0], box.top, box.height, self.hole.shape[0], hole.shape[0]),
        ):
            scales.append(full / part * size / extent)
            shifts.append(((at + 0.5) * full / part - start) * size / extent - 0.5)
        lookup = np.array([[scales[0], 0, shifts[0]], [0, scales[1], shifts[1]]])
        resized = cv2.warpAffine(
            focus,
            lookup,
            (shown.width, shown.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        pixels = canvas.copy()
        target = pixels[self.box.slices][shown.slices]
        np.copyto(target, resized, where=hole[shown.slices][..., None])
        return pixels


def _bounds(hole: Mask) -> Box:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Box(top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left)


def by_size(request: InpaintRequest) -> list[Box]:
    """The request's parts, the one with the most to fill first."""
    return sorted(request.parts, key=lambda box: -int(np.count_nonzero(request.hole[box.slices])))


def cut(request: InpaintRequest, box: Box, native_side: int, granularity: int) -> Region:
    """The part at about native_side² pixels, with sides that are multiples of granularity."""
    image, hole = request.image[box.slices], request.hole[box.slices]
    size = working_size(box.height, box.width, native_side, granularity)
    return Region(request, box, resize(image, *size), resize_hole(hole, *size))
