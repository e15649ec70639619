"""What crosses between the rating window and its workers."""

import threading
from dataclasses import dataclass

from prefpaint_gui.state.pyramid import Pyramid
from training.preferences.records import Opinion, Presentation, StoredOpinion
from training.prompts.paper_folder import PaperPictures, PaperPrompt
from training.reward.score import Score


@dataclass(frozen=True, eq=False)
class LoadOrder:
    """cancel: set by the window once the prompt is wanted no more."""

    prompt: PaperPrompt
    cancel: threading.Event


@dataclass(frozen=True, eq=False)
class LoadedPrompt:
    """photo_sha256: of the masked photo's pixels. pyramids: the masked photo, then the fills."""

    prompt: PaperPrompt
    pictures: PaperPictures
    photo_sha256: str
    pyramids: tuple[Pyramid, ...]


@dataclass(frozen=True, eq=False)
class ScoredPrompt:
    """scores: in the order of the prompt's pictures."""

    name: str
    reward_model: str
    scores: tuple[Score, ...]


@dataclass(frozen=True, eq=False)
class RatingOrder:
    """An opinion to be kept, in the place of an earlier one of the same picture and person."""

    presentation: Presentation
    opinion: Opinion

    @property
    def key(self) -> tuple[str, int | None]:
        return self.presentation.item, self.opinion.seed


@dataclass(frozen=True, eq=False)
class GivenOpinions:
    """What a person has said of a collection before, by prompt."""

    collection: str
    person: str
    by_item: dict[str, tuple[StoredOpinion, ...]]
