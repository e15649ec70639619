"""What is measured of an iteration, and when it is time to stop."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from training.alignment.advantages import standardised
from training.alignment.config import AlignmentConfig
from training.alignment.rollouts import Fills
from training.alignment.updates import WholeBatch
from training.errors import PrefPaintError

Figures = dict[str, float]
LOOKS = ("brightness", "contrast", "diversity")
"""What must not go far from where it began."""
ALARM_BRIGHTNESS, ALARM_CONTRAST, ALARM_DIVERSITY = 0.15, 0.4, 0.75
"""Against the first measurement: a shift of the fills' mean (of 1), and shares lost of their
deviation and of their diversity, which a good reward too makes smaller."""
ALARM_WINDOW = 10
"""Iterations whose mean an alarm looks at: the prompts of one alone may be easy ones."""


class CollapseError(PrefPaintError):
    """A run collapsed. kept: how many iterations its checkpoint holds."""

    def __init__(self, sentence: str, kept: int) -> None:
        super().__init__(sentence)
        self.kept = kept


def looks(fills: Fills) -> list[Figures]:
    """One row for each sample.

    brightness: mean of what is filled less that of what is known, of 1. contrast: its deviation as
    a share of the known's. diversity, where a prompt has several samples: the mean absolute
    difference in the hole from the prompt's other samples, of 1.
    """
    numbers = fills.prompts.tolist()
    rows = []
    for place, (picture, hole) in enumerate(zip(fills.pictures, fills.holes, strict=True)):
        filled, known = picture[hole] / 255, picture[~hole] / 255
        row = {
            "brightness": float(filled.mean() - known.mean()),
            "contrast": float(filled.std() / max(known.std(), 1e-3)),
        }
        others = [
            fills.pictures[other][hole] / 255
            for other, number in enumerate(numbers)
            if number == numbers[place] and other != place
        ]
        if others:
            apart = [np.abs(filled - other).mean() for other in others]
            row["diversity"] = float(np.mean(apart))
        rows.append(row)
    return rows


def means(rows: Sequence[Mapping[str, float]], weights: Sequence[float] | None = None) -> Figures:
    """The mean of each figure over the rows that have it."""
    found: Figures = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(rows)):
        pairs = [
            (row[name], weight)
            for row, weight in zip(rows, weights or [1.0] * len(rows), strict=True)
            if name in row
        ]
        total = math.fsum(weight for _, weight in pairs)
        found[name] = math.fsum(value * weight for value, weight in pairs) / total
    return found


def reward_figures(rows: Sequence[Mapping[str, float]]) -> Figures:
    """Of the rows of all samples: the means, and the reward's deviation; that is the diversity,
    too, where a prompt has one sample."""
    rewards = np.array([row["reward"] for row in rows])
    found = means(rows)
    deviation = float(rewards.std(ddof=1)) if len(rewards) > 1 else 0.0
    return {"diversity": deviation, **found, "deviation": deviation}


def check_rewards(whole: WholeBatch, config: AlignmentConfig, iteration: int, then: str) -> None:
    """Raise PrefPaintError for rewards from which nothing can be learned. then: where the run is
    kept as it was."""
    if not torch.isfinite(whole.rewards).all():
        raise PrefPaintError(
            f"The reward gives no numbers at iteration {iteration}. Use another reward. {then}"
        )
    advantages = standardised(whole.rewards, whole.prompts if config.grouped else None)
    if not advantages.any():
        which = "all fills of a prompt" if config.grouped else "all fills"
        raise PrefPaintError(
            f"The reward gives {which} the same at iteration {iteration}, so nothing can be "
            f"learned. Use another reward. {then}"
        )


def alarm(recent: Figures, first: Figures, config: AlignmentConfig) -> str | None:
    """Why a run has to stop, if it has to. recent: means over the last ALARM_WINDOW iterations.
    first: the looks with which it began."""
    if not config.alarms:
        return None
    if recent.get("margin", -math.inf) > 0:
        return (
            f"The mean reward of the fills has passed that of their untouched originals by "
            f"{recent['margin']:.2f}: the reward is being deceived"
        )
    if not all(name in recent for name in LOOKS):
        return None
    if abs(recent["brightness"] - first["brightness"]) > ALARM_BRIGHTNESS:
        return "The fills' mean brightness has drifted far from where it began"
    if recent["contrast"] < (1 - ALARM_CONTRAST) * first["contrast"]:
        return "The fills have lost their contrast"
    if recent["diversity"] < (1 - ALARM_DIVERSITY) * first["diversity"]:
        return "The fills of a prompt have become alike"
    return None


def has_stalled(rewards: Sequence[float], patience: int) -> bool:
    """Whether the mean of the last `patience` rewards is no better than that of those before."""
    if len(rewards) < 2 * patience:
        return False
    last, before = rewards[-patience:], rewards[-2 * patience : -patience]
    return math.fsum(last) <= math.fsum(before)
