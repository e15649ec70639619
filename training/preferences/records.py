"""What is kept of a person's choice: everything that was on screen, and what they said of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from training.inpainting.request import Box, Mask, Pixels

Signal = Literal["up", "down", "accept", "order", "best", "none", "rating", "skip"]
"""Thumb up, thumb down, accepted into the photo over the others shown; an explicit order of two or
more of those shown; the best of two or more that a question was about; none of those shown will do;
three criteria for one candidate; a prompt of the rating screen passed over."""

OF_STRIP: tuple[Signal, ...] = ("order", "best", "none", "skip")
"""Signals that are about no single candidate."""
COMPARES: tuple[Signal, ...] = ("order", "best")
"""Signals with an `order`."""

Rating = tuple[int, int, int]
"""Structural rationality, feeling of local texture, overall feeling: each 1 (worst) to 7."""

CRITERION_WEIGHTS = (0.15, 0.15, 0.7)
"""What the three criteria count in a score (the paper's weights)."""

DEFAULT_PERSON = "me"
Said = TypeVar("Said")


@dataclass(frozen=True)
class Opinion:
    """One thing that a person said of what was shown.

    seed: the candidate it is about; None for those of OF_STRIP. order: for "order", seeds of at
    least two candidates, best first; for "best", the best and then those it was chosen over, in no
    order. rating: for "rating". reasons: short words for why, often none. person: whose opinion; a
    profile or a rater's name.
    """

    signal: Signal
    seed: int | None = None
    order: tuple[int, ...] = ()
    rating: Rating | None = None
    reasons: tuple[str, ...] = ()
    person: str = DEFAULT_PERSON

    @property
    def subject(self) -> tuple[str, str, int | None]:
        """A person's later opinion on the same subject, of one strip, replaces the earlier one."""
        return self.person, self.kind, self.seed

    @property
    def kind(self) -> str:
        """A thumb up replaces a thumb down; a question replaces one about the same candidates."""
        if self.signal == "best":
            return f"best of {', '.join(map(str, sorted(self.order)))}"
        return "thumb" if self.signal in ("up", "down") else self.signal


@dataclass(frozen=True, eq=False)
class ShownCandidate:
    """A candidate as it stood on the strip. `rank` is its position, 1 the leftmost.

    reward, trust: None, and features (0,), when no reward model has seen it.
    """

    rank: int
    seed: int
    model: str
    pixels: Pixels
    reward: float | None
    trust: float | None
    features: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Presentation:
    """One strip of candidates shown for one hole of one photo.

    photo_sha256: hex digest of the photo's pixels, never its path or name.
    image, hole: the region that was filled and which of its pixels were missing.
    box: where the region lies in the photo.
    reward_model: name of the model that scored the candidates, "" when none did.
    collection, item: for the rating screen, which set of prompts and which prompt of it; else "".
    photo: the whole photo, pixels alone, where the person wants it kept too. It is kept once, for
    all strips of it, and not read back with each of them: see PreferenceStore.photo.
    """

    photo_sha256: str
    box: Box
    image: Pixels
    hole: Mask
    prompt: str
    reward_model: str
    candidates: tuple[ShownCandidate, ...]
    collection: str = ""
    item: str = ""
    photo: Pixels | None = None


@dataclass(frozen=True)
class StoredOpinion:
    """An opinion that is kept, and when it was given (UTC, ISO 8601)."""

    record_id: int
    opinion: Opinion
    recorded_at: str


@dataclass(frozen=True, eq=False)
class StoredPresentation:
    """A strip of candidates read back. digest: hash of everything shown, the strip's name."""

    digest: str
    presentation: Presentation
    opinions: tuple[StoredOpinion, ...]


@dataclass(frozen=True, eq=False)
class JudgedStrip:
    """A strip without its pictures: what a personal reward learns from.

    seeds: in the order in which they were shown. rewards: (k,) float64. features: (k, d) float32.
    opinions: of one person, oldest first.
    """

    digest: str
    seeds: tuple[int, ...]
    rewards: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True)
class ToldStrip:
    """A strip without its pictures and features: what can be counted.

    seeds: in the order in which they were shown. opinions: of everybody, oldest first.
    """

    photo_sha256: str
    seeds: tuple[int, ...]
    opinions: tuple[Opinion, ...]


def latest(opinions: Iterable[StoredOpinion]) -> tuple[StoredOpinion, ...]:
    """By time, and of those on one subject the last one alone."""
    by_time = sorted(opinions, key=lambda one: (one.recorded_at, one.record_id))
    return last_on_each(by_time, lambda one: one.opinion)


def last_on_each(said: Iterable[Said], opinion_of: Callable[[Said], Opinion]) -> tuple[Said, ...]:
    """Of what was said, oldest first, the last on each subject."""
    kept: dict[tuple[str, str, int | None], Said] = {}
    for one in said:
        subject = opinion_of(one).subject
        kept.pop(subject, None)
        kept[subject] = one
    return tuple(kept.values())


@dataclass(frozen=True)
class Filter:
    """Which records are meant; what is empty or None does not limit.

    since, until: UTC, ISO 8601, inclusive. models: that made a candidate of the strip.
    """

    since: str | None = None
    until: str | None = None
    models: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    persons: tuple[str, ...] = ()
    photo_sha256: str | None = None


EVERYTHING = Filter()
