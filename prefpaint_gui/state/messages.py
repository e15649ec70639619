"""What crosses between the window and its workers: snapshots that nobody changes afterwards."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from prefpaint_gui.state.pyramid import Pyramid
from training.inpainting.request import Box, InpaintRequest, Mask
from training.inpainting.settings import DiffusionSettings
from training.preferences.records import Opinion
from training.ranking import RankedFill

if TYPE_CHECKING:
    from prefpaint_gui.photo_io import Photo
    from training.reward.personal import PersonalReward

Image = npt.NDArray[np.uint8]
"""(height, width, 3 or 4) uint8, sRGB, the fourth channel alpha."""


@dataclass(frozen=True, eq=False)
class Order:
    """One press of Generate.

    pixels: (height, width, 3 or 4) uint8, the whole photo; pixels_version names its content.
    mask: (height, width) bool, a copy. padding: pixels of context, None for automatic.
    feather: pixels. model: name of a ModelChoice. settings: the defaults for one that is no
    diffusion model. cancel: set by the window, looked at by the worker.
    request: the request of an earlier order whose candidates this one finishes, if any.
    """

    job_id: int
    pixels: Image
    pixels_version: int
    mask: Mask
    seeds: tuple[int, ...]
    padding: int | None
    feather: int
    model: str
    settings: DiffusionSettings
    cancel: threading.Event
    request: InpaintRequest | None = None

    @property
    def strip(self) -> int:
        """Job id of the order on whose strip the candidates stand: its own, or the earlier one."""
        return self.job_id if self.request is None else self.request.job_id

    @property
    def wanted(self) -> int:
        """How many candidates come of it."""
        return self.settings.keep or len(self.seeds)


@dataclass(frozen=True, eq=False)
class Previewed:
    """What a candidate looks like so far, ready for the screen.

    request: what it answers. pyramid: of the request's box with the preview in its mask.
    """

    job_id: int
    seed: int
    request: InpaintRequest
    pyramid: Pyramid


@dataclass(frozen=True, eq=False)
class Filled:
    """A scored candidate, ready for the screen.

    request: what it answers. region: (height, width, 3 or 4) uint8, the request's box of the
    photo with the fill pasted in. pyramid: of the region.
    reward_model: name of the model that scored it.
    """

    job_id: int
    request: InpaintRequest
    fill: RankedFill
    region: Image
    pyramid: Pyramid
    reward_model: str

    @property
    def seed(self) -> int:
        return self.fill.candidate.seed

    @property
    def is_draft(self) -> bool:
        return self.fill.candidate.is_draft


@dataclass(frozen=True, eq=False)
class Answer:
    """What the person said, with everything that was on screen, from left to right.

    token: names this answer when it is taken back. photo: as it was opened, before anything was
    accepted, so that all its strips are known by one hash. replaces: token of the answer in whose
    place it is given, if any. keeps_photo: whether the whole photo shall be kept too.
    """

    token: int
    photo: Image
    request: InpaintRequest
    shown: tuple[RankedFill, ...]
    reward_model: str
    opinion: Opinion
    replaces: int | None = None
    keeps_photo: bool = False


@dataclass(frozen=True)
class TasteOrder:
    """A wish for what is known of a person's taste.

    reward_model: whose features it is learned on, `width` numbers of each candidate. since: answers
    from then on count (UTC, ISO 8601), None for all.
    """

    person: str
    reward_model: str
    width: int
    since: str | None = None


@dataclass(frozen=True, eq=False)
class Taste:
    """What has been learned of a person, as it was at one moment. order: what it answers."""

    order: TasteOrder
    reward: PersonalReward

    @property
    def falls_back(self) -> bool:
        """Whether there are answers, but the general order foretells them better."""
        return self.reward.answers > 0 and not self.reward.active


@dataclass(frozen=True, eq=False)
class RegionOrder:
    """A mask whose regions are to be found.

    photo_size: height and width. box: the smallest around the mask.
    packed: the mask in the box, eight pixels of a row to a byte: copied in a tenth of the time.
    padding: pixels of context, None for automatic. feather: pixels.
    """

    job_id: int
    photo_size: tuple[int, int]
    box: Box
    packed: npt.NDArray[np.uint8]
    padding: int | None
    feather: int


@dataclass(frozen=True, eq=False)
class OpenOrder:
    """A photo to be opened: from a file, or from pixels that come from no file.

    mask: a picture of the same size to start with, if any.
    """

    job_id: int
    source: Path | Image
    mask: Path | None = None


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo that was read. mask: (height, width) bool or None. pyramid: of its pixels."""

    job_id: int
    photo: Photo
    mask: Mask | None
    pyramid: Pyramid


@dataclass(frozen=True, eq=False)
class SaveOrder:
    """pixels go to path, with the metadata of the photo they came from."""

    path: Path
    pixels: Image
    pixels_version: int
    photo: Photo
