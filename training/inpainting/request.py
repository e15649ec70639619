"""What an inpainter is asked for and what it answers. Torch-free; safe to send across processes."""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.inpainting.settings import DiffusionSettings

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) uint8, sRGB, 0-255."""
Mask = npt.NDArray[np.bool_]
"""(height, width) bool, True where pixels are to be filled."""


@dataclass(frozen=True)
class Box:
    """An axis-aligned rectangle in pixels of the photo."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that cut this box out of an array (height, width, ...)."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


@dataclass(frozen=True, eq=False)
class InpaintRequest:
    """A snapshot of everything a fill depends on; workers never read live state.

    image: the region around the hole, cut from the photo at its own resolution.
    hole: same height and width as `image`; at least one pixel True and one False.
    seeds: one per wanted candidate.
    box: where the region lies in the photo.
    parts: where in the region the separate holes lie, each with the context it is filled from.
    settings: for diffusion models; PatchMatch has none.
    """

    job_id: int
    image: Pixels
    hole: Mask
    seeds: tuple[int, ...]
    box: Box
    parts: tuple[Box, ...]
    settings: DiffusionSettings = field(default_factory=DiffusionSettings)


@dataclass(frozen=True, eq=False)
class Candidate:
    """One fill of a request's region.

    pixels: shape of the request's image; equal to it wherever its hole is False.
    seconds: processor time spent on this candidate so far.
    is_draft: True for a coarse rendering that a final candidate with the same seed will replace.
    """

    job_id: int
    seed: int
    pixels: Pixels
    model: str
    seconds: float
    is_draft: bool


@dataclass(frozen=True)
class Progress:
    """share: of the whole request that is done, 0-1. stage: what is being done, for people."""

    share: float
    stage: str = ""


@dataclass(frozen=True, eq=False)
class Preview:
    """What a candidate looks like so far. pixels: shape of the request's image."""

    job_id: int
    seed: int
    pixels: Pixels


@dataclass(frozen=True)
class Dropped:
    """No candidate comes of this seed: the others promise more."""

    job_id: int
    seed: int


Event = Progress | Preview | Dropped


class Inpainter(Protocol):
    """Turns a request into candidates, streamed as they finish."""

    name: str

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Generator[Candidate, None, None]:
        """Yield drafts (if any) and exactly one final candidate for each seed, in any order.

        Where settings.keep is smaller than the number of seeds, that many final candidates.
        Raises Cancelled soon after `cancel` is set, PrefPaintError when it cannot fill.
        """
        ...


class OwnedInpainter(Inpainter, Protocol):
    """An inpainter with processes of its own, which its owner ends."""

    def start(self) -> None:
        """Start the processes ahead of the first request; returns at once."""
        ...

    def close(self) -> None:
        """End the processes at once."""
        ...
