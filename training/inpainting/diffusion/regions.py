"""One part of a request at the size that a model works at, and the way back into the photo."""

from dataclasses import dataclass

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
        """A model's picture of the working size in the box's hole, at the photo's resolution."""
        image, hole = self.request.image[self.box.slices], self.request.hole[self.box.slices]
        if self.request.settings.match_colour:
            picture = match_colour(picture, self.image, self.hole)
        return np.where(hole[..., None], resize(picture, *hole.shape), image)

    def preview(self, canvas: Pixels, small: Pixels) -> Pixels:
        """The request's image as it is so far, a picture of any size in this part's hole."""
        pixels = canvas.copy()
        hole = self.request.hole[self.box.slices][..., None]
        resized = resize(small, self.box.height, self.box.width)
        pixels[self.box.slices] = np.where(hole, resized, pixels[self.box.slices])
        return pixels


def by_size(request: InpaintRequest) -> list[Box]:
    """The request's parts, the one with the most to fill first."""
    return sorted(request.parts, key=lambda box: -int(np.count_nonzero(request.hole[box.slices])))


def cut(request: InpaintRequest, box: Box, native_side: int, granularity: int) -> Region:
    """The part at about native_side² pixels, with sides that are multiples of granularity."""
    image, hole = request.image[box.slices], request.hole[box.slices]
    size = working_size(box.height, box.width, native_side, granularity)
    return Region(request, box, resize(image, *size), resize_hole(hole, *size))
