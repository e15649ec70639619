"""What of a strip the shared formats write, in the words and pictures that they have in common."""

import numpy as np

from training.inpainting.request import Pixels
from training.preferences.images import Picture, encode_png
from training.preferences.records import Presentation, StoredPresentation


def prompt_id(strip: StoredPresentation) -> str:
    """A name for a hole with its surroundings; it tells nothing of the photo's own name."""
    return strip.digest[:16]


def masked_picture(shown: Presentation) -> Pixels:
    """The region with its hole in white: what lay under the mask stays at home."""
    return np.where(shown.hole[..., None], np.uint8(255), shown.image)


def image_cell(pixels: Picture) -> dict[str, object]:
    """A picture as a `datasets.Image` keeps it."""
    return {"bytes": encode_png(pixels), "path": None}
