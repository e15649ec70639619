"""Several rewards as one: their mean, and how far they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from training.errors import PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.reward.model import RewardModel, load_reward
from training.reward.score import Score


class Reward(Protocol):
    """A reward model or an ensemble of them, in this process."""

    def score(self, image: Pixels, hole: Mask, fills: Sequence[Pixels]) -> list[Score]:
        """See RewardModel.score."""
        ...


@dataclass(frozen=True)
class RewardEnsemble:
    """Each member's reward is in units of its own held-out fills, so that their mean makes sense.

    Single rewards have biases that a policy or a funnel exploits; members disagree there, so the
    disagreement (standard deviation) widens the bound. Features are the first member's.
    """

    members: tuple[RewardModel, ...]

    def score(self, image: Pixels, hole: Mask, fills: Sequence[Pixels]) -> list[Score]:
        """See RewardModel.score."""
        every = [member.score(image, hole, fills) for member in self.members]
        return [
            Score(
                reward=float(np.mean([score.reward for score in scores])),
                bound=float(
                    np.mean([score.bound for score in scores])
                    + np.std([score.reward for score in scores])
                ),
                trust=float(np.mean([score.trust for score in scores])),
                features=scores[0].features,
            )
            for scores in zip(*every, strict=True)
        ]


def read_members(path: Path) -> tuple[RewardModel, ...]:
    """The reward model of a file, or those of all .safetensors files in a folder.

    Raises PrefPaintError that names what is missing or damaged.
    """
    if not path.is_dir():
        return (load_reward(path),)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise PrefPaintError(f"No .safetensors files lie in {path}. Name a folder of rewards.")
    return tuple(load_reward(file) for file in files)


def read_reward(path: Path) -> Reward:
    """A file's reward model, or the ensemble of a folder; see read_members."""
    members = read_members(path)
    return RewardEnsemble(members) if path.is_dir() else members[0]


def reward_models(reward: Reward | None) -> list[RewardModel]:
    """One, those of an ensemble, or none."""
    several = reward.members if isinstance(reward, RewardEnsemble) else (reward,)
    return [one for one in several if isinstance(one, RewardModel)]
