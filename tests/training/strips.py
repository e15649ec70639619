"""Strips of candidates as the window would present them."""

from dataclasses import replace

import numpy as np

from training.inpainting.request import Box
from training.preferences.images import pixel_hash
from training.preferences.records import Presentation, ShownCandidate


def make_strip(number: int = 0, count: int = 3) -> Presentation:
    """A presentation of `count` candidates with seeds 0, 1, ...; each number gives other pixels."""
    random = np.random.default_rng(number)
    image = random.integers(0, 256, (20, 30, 3), np.uint8)
    hole = np.zeros((20, 30), bool)
    hole[5:12, 8:20] = True
    candidates = []
    for seed in range(count):
        pixels = image.copy()
        pixels[hole] = random.integers(0, 256, (int(hole.sum()), 3))
        candidates.append(
            ShownCandidate(
                rank=seed + 1,
                seed=seed,
                model="patchmatch",
                pixels=pixels,
                reward=1.5 - seed,
                trust=0.5,
                features=random.normal(size=256).astype(np.float32),
            )
        )
    return Presentation(
        photo_sha256=f"{number:064x}",
        box=Box(1, 2, 20, 30),
        image=image,
        hole=hole,
        prompt="",
        reward_model="builtin",
        candidates=tuple(candidates),
    )


def with_photo(shown: Presentation, number: int = 0) -> Presentation:
    """The strip as one of a whole photo that is to be kept too; each number is another photo."""
    random = np.random.default_rng([1, number])
    photo = random.integers(0, 256, (40, 50, 3 + number % 2), np.uint8)
    return replace(shown, photo=photo, photo_sha256=pixel_hash(photo))
