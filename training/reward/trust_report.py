"""Whether the bound ||z||_V^-1 says where the reward is wrong: the paper's figure 2 and Bd."""

import numpy as np
from scipy.stats import spearmanr

from training.reward.calibration import JudgedPairs

BINS = 10


def error_by_bound(pairs: JudgedPairs, norm: str) -> list[tuple[float, float]]:
    """(middle of the bound, mean Bradley-Terry loss) of tenths of the pairs, by rising bound."""
    losses = np.logaddexp(0, -pairs.margins)
    order = np.argsort(pairs.bounds[norm])
    return [
        (float(np.median(pairs.bounds[norm][part])), float(losses[part].mean()))
        for part in np.array_split(order, BINS)
    ]


def follows(pairs: JudgedPairs, norm: str) -> float:
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
