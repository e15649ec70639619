"""What the reward model says of a fill. Torch-free; safe to send across processes."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels


@dataclass(frozen=True, eq=False)
class Score:
    """reward: higher is better; 0 is the mean of fills of held-out photos, 1 their deviation.

    bound: how far the reward can be off, in its own units; two fills whose rewards differ by less
    than their bounds together are a tie (see `is_tie`).
    trust: 0-1, the share of the training data whose error bound is at least this fill's.
    features: (260,) float32, the z of the paper (averaged over separate holes), and behind it the
    fill's looks (see `appearance`), which a personal reward learns from too.
    """

    reward: float
    bound: float
    trust: float
    features: npt.NDArray[np.float32]


def is_tie(first: Score, second: Score) -> bool:
    """Whether the reward cannot tell which of the two is better."""
    return abs(first.reward - second.reward) < first.bound + second.bound


@dataclass(frozen=True)
class Rank:
    """place: 1 for the best. tied: places of the others that the reward cannot tell from it, the
    group's first one leading."""

    place: int
    tied: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """ "1", or "2 ≈ 1" for one that ties with the first."""
        return f"{self.place} ≈ {self.tied[0]}" if self.tied else f"{self.place}"


def ranks(scores: Sequence[Score]) -> list[Rank]:
    """Ranks of scores that stand best first.

    Each is compared with the best of its group, so that a chain of small steps is no tie.
    """
    groups: list[list[int]] = []
    for place, score in enumerate(scores, 1):
        if groups and is_tie(scores[groups[-1][0] - 1], score):
            groups[-1].append(place)
        else:
            groups.append([place])
    return [
        Rank(place, tuple(other for other in group if other != place))
        for group in groups
        for place in group
    ]


def trust_word(trust: float) -> str:
    """What a share of the training data means to a reader."""
    return "high" if trust >= 0.5 else "fair" if trust >= 0.1 else "low"


class Scorer(Protocol):
    """Scores the fills of one photo and hole."""

    name: str

    def score(
        self, image: Pixels, hole: Mask, fills: Sequence[Pixels], cancel: threading.Event
    ) -> list[Score]:
        """One score for each fill; `image` is encoded once, whatever the number of fills.

        Raises Cancelled soon after `cancel` is set, PrefPaintError when the model cannot be read.
        """
        ...
