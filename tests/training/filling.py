"""One fill of a test photo, for tests that compare models."""

import threading
from typing import Any

from tests.training.photos import hole_at, make_photo
from training.inpainting.region import make_request
from training.inpainting.request import Pixels
from training.inpainting.settings import DiffusionSettings

SETTINGS = DiffusionSettings("a cat", "blurry", steps=4, sampler="ddim", match_colour=False)


def fill(inpainter: Any, settings: DiffusionSettings = SETTINGS, seed: int = 3) -> Pixels:
    photo, hole = make_photo(128, 128, seed=1), hole_at((128, 128), 40, 44, 40, 40)
    request = make_request(photo, hole, job_id=1, seeds=(seed,), settings=settings, padding=64)
    (candidate,) = inpainter.generate(request, lambda _: None, threading.Event())
    return candidate.pixels
