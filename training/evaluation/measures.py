"""Win rates, intervals and distances between sets of pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts with its 95 % interval."""

    value: float
    low: float
    high: float


def win_rate(rewards: Array, base: Array, samples: int) -> Estimate:
    """Share of prompts where the best of a model's first `samples` fills has a higher reward than
    the base's single fill; equal ones count half (PrefPaint, arXiv 2410.21966, section 5.1).

    rewards: (prompts, at least `samples`). base: (prompts,), another seed than any of rewards if
    the model is the base itself.
    """
    best = rewards[:, :samples].max(axis=1)
    return bootstrapped(np.where(best > base, 1.0, np.where(best == base, 0.5, 0.0)))


def bootstrapped(values: Array, statistic: Callable[[Array], float] = np.mean) -> Estimate:
    """A statistic of one number for each prompt, its interval by drawing prompts anew."""
    rng = np.random.default_rng(0)
    drawn = [
        statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(statistic(values)), float(low), float(high))


def kernel_distance(features: Array, reference: Array) -> float:
    """KID (arXiv 1801.01401): the unbiased squared maximum mean discrepancy with the kernel
    (x'y / d + 1)^3; features: (n, d), reference: (m, d). 0 for equal distributions, may be below.
    """
    size = features.shape[1]

    def kernel(x: Array, y: Array) -> Array:
        return np.asarray((x @ y.T / size + 1) ** 3)

    def within(x: Array) -> float:
        inside = kernel(x, x)
        return float((inside.sum() - np.trace(inside)) / (len(x) * (len(x) - 1)))

    return within(features) + within(reference) - 2 * float(kernel(features, reference).mean())
