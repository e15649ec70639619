"""One fill of a test photo, for tests that compare models."""

import threading
from typing import Any

from tests.training.photos import hole_at, make_photo
from training.inpainting.region import make_request
from training.inpainting.request import Pixels
from training.inpainting.settings import DiffusionSettings

PHOTO = make_photo(128, 128, seed=1)
HOLE = hole_at((128, 128), 40, 48, 40, 40)
"""Of whole latent cells, so that pipelines mask the same."""
SETTINGS = DiffusionSettings("a cat", "blurry", steps=4, sampler="ddim", match_colour=False)


def fill(inpainter: Any, settings: DiffusionSettings = SETTINGS, seed: int = 3) -> Pixels:
    """(128, 128, 3) uint8: the photo with its hole filled at the tiny models' own size."""
    request = make_request(PHOTO, HOLE, job_id=1, seeds=(seed,), settings=settings, padding=64)
    (candidate,) = inpainter.generate(request, lambda _: None, threading.Event())
    return candidate.pixels
