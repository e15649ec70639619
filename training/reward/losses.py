"""What the network is taught by: pairs in their order, or scores that people gave."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.reward.groups import Group, PairKind
from training.reward.objective import Objective

THRESHOLDS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Of standardised scores: they part them into six ordered classes."""
PAIR_WEIGHTS: dict[PairKind, float] = {"fill": 3.0, "fault": 1.0, "noise": 1.0, "eye": 3.0}
"""How much a pair counts by how its order is known, unless it is said otherwise."""
SLOPE = 3.0
"""How sharply the classes part, per unit of the reward."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which pictures beat which. better, worse: (p,) indices into the rewards. certainty: (p,),
    how sure each order is, 0.5-1. weight: (p,), how much each counts."""

    better: Tensor
    worse: Tensor
    certainty: Tensor
    weight: Tensor


def group_loss(
    rewards: Tensor, groups: list[Group], objective: Objective, weights: dict[PairKind, float]
) -> tuple[Tensor, Tensor]:
    """(weighted sum of the losses, sum of the weights) of a step, so that several processes can
    take its mean. rewards: (n,) of all pictures, group after group. Both are 0 where no group has
    what the objective learns from.
    """
    if objective == "ranking":
        pairs = pairs_of(groups, weights)
        weight = pairs.weight.sum().to(rewards.device)
        if not float(weight):
            return rewards.sum() * 0, weight
        return ranking_loss(rewards, pairs) * weight, weight
    starts = _starts(groups)
    places = [
        start + place
        for start, g in zip(starts, groups, strict=True)
        for place in range(len(g.scores))
    ]
    count = torch.tensor(float(len(places)), device=rewards.device)
    if not places:
        return rewards.sum() * 0, count
    scores = torch.tensor([score for group in groups for score in group.scores])
    return SCORE_LOSSES[objective](rewards[torch.tensor(places)], scores.to(rewards)) * count, count


def ranking_loss(rewards: Tensor, pairs: Pairs) -> Tensor:
    """Weighted mean of the cross entropy of sigmoid(R(better) - R(worse)) (Bradley-Terry).

    rewards: (n,). A scalar.
    """
    margins = rewards[pairs.better] - rewards[pairs.worse]
    certainty, weight = pairs.certainty.to(rewards), pairs.weight.to(rewards)
    losses = functional.binary_cross_entropy_with_logits(margins, certainty, reduction="none")
    return (losses * weight).sum() / weight.sum()


def regression_loss(rewards: Tensor, scores: Tensor) -> Tensor:
    """Mean squared error against standardised scores, both (n,), as PrefPaint's section 3.1."""
    return functional.mse_loss(rewards, scores)


def ordinal_loss(rewards: Tensor, scores: Tensor) -> Tensor:
    """Classification into six ordered classes: cross entropy of whether a score lies above each
    threshold (cumulative logits), so that the reward stays one number."""
    thresholds = torch.tensor(THRESHOLDS).to(rewards)
    above = (scores[:, None] > thresholds).to(rewards.dtype)
    logits = SLOPE * (rewards[:, None] - thresholds)
    return functional.binary_cross_entropy_with_logits(logits, above)


SCORE_LOSSES = {"regression": regression_loss, "classification": ordinal_loss}


def pairs_of(groups: list[Group], weights: dict[PairKind, float]) -> Pairs:
    """The pairs of all groups, whose pictures are counted through."""
    pairs = [
        (start, pair)
        for start, group in zip(_starts(groups), groups, strict=True)
        for pair in group.pairs
    ]
    return Pairs(
        better=torch.tensor([start + pair.better for start, pair in pairs]),
        worse=torch.tensor([start + pair.worse for start, pair in pairs]),
        certainty=torch.tensor([pair.certainty for _, pair in pairs]),
        weight=torch.tensor([weights[pair.kind] for _, pair in pairs]),
    )


def _starts(groups: list[Group]) -> list[int]:
    return [0, *np.cumsum([len(group.pictures) for group in groups]).tolist()][:-1]
