"""What is kept of a person's choice: everything that was on screen, and what they said of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.inpainting.request import Box, Mask, Pixels

Signal = Literal["up", "down", "accept"]
"""Thumb up, thumb down, or accepted into the photo over the others shown."""


@dataclass(frozen=True, eq=False)
class ShownCandidate:
    """A candidate as it stood on the strip. `rank` is its position, 1 the leftmost."""

    rank: int
    seed: int
    model: str
    pixels: Pixels
    reward: float
    trust: float
    features: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Presentation:
    """One strip of candidates shown for one hole of one photo.

    photo_sha256: hex digest of the photo's pixels, never its path or name.
    image, hole: the region that was filled and which of its pixels were missing.
    box: where the region lies in the photo.
    reward_model: name of the model that ordered the candidates.
    """

    photo_sha256: str
    box: Box
    image: Pixels
    hole: Mask
    prompt: str
    reward_model: str
    candidates: tuple[ShownCandidate, ...]
