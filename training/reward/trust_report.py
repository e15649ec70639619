"""Whether the bound ||z||_V^-1 says where the reward is wrong: the paper's figure 2 and Bd."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from training.reward.evaluation import FAULT, judge_pictures, known_orders
from training.reward.model import RewardModel
from training.reward.pair_data import Prompt
from training.reward.trust import Norm, error_bound

BINS = 10

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """margins: (n,) reward of the better minus that of the worse, in the reward's unit.

    bounds: by norm, (n,), the sum of both pictures' bounds.
    """

    margins: _Floats
    bounds: dict[Norm, _Floats]


def judge_pairs(model: RewardModel, prompts: Sequence[Prompt], seed: int) -> JudgedPairs:
    """Margins and bounds of every pair of known order."""
    norms: tuple[Norm, ...] = get_args(Norm)
    margins: list[float] = []
    bounds: dict[Norm, list[float]] = {norm: [] for norm in norms}
    for orders in known_orders(prompts, seed):
        output = judge_pictures(model.network, orders.prompt, orders.pictures)
        rewards = output.rewards.double().numpy() / model.deviation
        features = output.features.float().numpy()
        sizes = {norm: error_bound(features, model.trust.v_inverse, norm) for norm in norms}
        for name, better, worse in orders.pairs:
            if name != FAULT:
                margins.append(rewards[better] - rewards[worse])
                for norm in norms:
                    bounds[norm].append(sizes[norm][better] + sizes[norm][worse])
    return JudgedPairs(
        np.array(margins), {norm: np.array(values) for norm, values in bounds.items()}
    )


def error_by_bound(pairs: JudgedPairs, norm: Norm) -> list[tuple[float, float]]:
    """(middle of the bound, mean Bradley-Terry loss) of tenths of the pairs, by rising bound."""
    losses = np.logaddexp(0, -pairs.margins)
    order = np.argsort(pairs.bounds[norm])
    return [
        (float(np.median(pairs.bounds[norm][part])), float(losses[part].mean()))
        for part in np.array_split(order, BINS)
    ]


def follows(pairs: JudgedPairs, norm: Norm) -> float:
    """Spearman's correlation of bound and loss: how well the norm tells where errors are."""
    return float(spearmanr(pairs.bounds[norm], np.logaddexp(0, -pairs.margins)).statistic)


def bounded_share(pairs: JudgedPairs, scale: float) -> float:
    """Bd.: share of the pairs whose error, how far the worse is above the better, lies under the
    one common bound `scale` times their bounds."""
    errors = np.maximum(0, -pairs.margins)
    return float((errors <= scale * pairs.bounds["paper"]).mean())


def calibration(pairs: JudgedPairs) -> list[tuple[float, float]]:
    """(how sure the reward is of the side that it prefers, how often that is right), in tenths."""
    sureness = 1 / (1 + np.exp(-np.abs(pairs.margins)))
    order = np.argsort(sureness)
    return [
        (float(sureness[part].mean()), float((pairs.margins[part] > 0).mean()))
        for part in np.array_split(order, BINS)
    ]
