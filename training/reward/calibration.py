"""The trust of a trained network: measured on training features and on held-out pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from training.reward.evaluation import FAULT, JUDGED, ORIGINAL, judge_pictures, known_orders
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt
from training.reward.trust import (
    Matrix,
    Norm,
    Trust,
    calibrated_scale,
    error_bound,
    quantiles_of,
)

ENOUGH_JUDGED = 100
"""Pairs, of which five may be out of order."""


def prompt_features(network: RewardNetwork, prompts: Sequence[Prompt]) -> npt.NDArray[np.float32]:
    """z of every picture of the prompts: (n, 256)."""
    return np.concatenate(
        [judge_pictures(network, prompt, prompt.pictures).features.numpy() for prompt in prompts]
    )


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """Pairs of known order. names: of the comparisons, n of them; margins: (n,) reward of the
    better minus that of the worse, in the reward's unit; bounds: by norm, (n,), the sum of both
    pictures' bounds; for an ensemble also how far its members disagree on the margin."""

    names: tuple[str, ...]
    margins: Matrix
    bounds: dict[str, Matrix]


def judge_pairs(
    network: RewardNetwork,
    v_inverse: Matrix,
    deviation: float,
    prompts: Sequence[Prompt],
    seed: int,
) -> JudgedPairs:
    """Margins and bounds of every pair of known order. deviation: of the raw rewards."""
    norms: tuple[Norm, ...] = get_args(Norm)
    names: list[str] = []
    margins: list[float] = []
    bounds: dict[Norm, list[float]] = {norm: [] for norm in norms}
    for orders in known_orders(prompts, seed):
        output = judge_pictures(network, orders.prompt, orders.pictures)
        rewards = output.rewards.double().numpy() / deviation
        features = output.features.float().numpy()
        sizes = {norm: error_bound(features, v_inverse, norm) for norm in norms}
        for name, better, worse in orders.pairs:
            if name != FAULT:  # each of its pairs comes under the fault's own name too
                names.append(name)
                margins.append(rewards[better] - rewards[worse])
                for norm in norms:
                    bounds[norm].append(sizes[norm][better] + sizes[norm][worse])
    by_norm: dict[str, Matrix] = {norm: np.array(values) for norm, values in bounds.items()}
    return JudgedPairs(tuple(names), np.array(margins), by_norm)


def judged_together(members: Sequence[JudgedPairs]) -> JudgedPairs:
    """What an ensemble says of the pairs that each member judged: the means, and the standard
    deviation of the margins as a bound of its own."""
    if len(members) == 1:
        return members[0]
    margins = np.stack([pairs.margins for pairs in members])
    bounds = {
        norm: np.mean([pairs.bounds[norm] for pairs in members], axis=0)
        for norm in members[0].bounds
    }
    bounds["disagreement"] = margins.std(axis=0)
    return JudgedPairs(members[0].names, margins.mean(axis=0), bounds)


def measure_trust(
    network: RewardNetwork,
    v_inverse: Matrix,
    features: npt.NDArray[np.float32],
    held_out: Sequence[Prompt],
    deviation: float,
    reference: str = "training data",
) -> Trust:
    """Quantiles of the bounds of the reference's `features` (n, 256), and the scale from held-out
    prompts. deviation: of the raw rewards, whose unit the scale is in.

    The scale is of the pairs that someone has judged, which are what candidates are; where there
    are too few, of faults of two strengths, which differ by more, so a larger share must be in
    order. Originals are left out: no candidate is one.
    """
    pairs = judge_pairs(network, v_inverse, deviation, held_out, seed=0)
    judged = np.array([name == JUDGED for name in pairs.names], bool)
    faults = np.array([not name.startswith(ORIGINAL) for name in pairs.names], bool) & ~judged
    counted, wanted = (judged, 0.95) if judged.sum() >= ENOUGH_JUDGED else (faults, 0.99)
    return Trust(
        v_inverse=v_inverse,
        quantiles=quantiles_of(error_bound(features, v_inverse)),
        scale=calibrated_scale(pairs.margins[counted], pairs.bounds["paper"][counted], wanted),
        reference=reference,
    )
