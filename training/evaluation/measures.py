"""Win rates, intervals and distances between sets of pictures."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Photos = tuple[str, ...]
"""The photo that each prompt is cut from."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts with its 95 % interval, by drawing photos anew: prompts that are cut from
    one photo are drawn together."""

    value: float
    low: float
    high: float


def win_rate(
    rewards: Array,
    base: Array,
    samples: int,
    judged: Array | None = None,
    photos: Photos | None = None,
) -> Estimate:
    """Share of prompts where the best of a model's first `samples` fills has a higher reward than
    the base's single fill; equal ones count half (PrefPaint, arXiv 2410.21966, section 5.1).

    rewards: (prompts, at least `samples`). base: (prompts,), another seed than any of rewards.
    judged: of the shape of rewards; where another judge says who wins, and base is his, while the
    reward still says which fill is the best.
    """
    best = rewards[:, :samples].argmax(axis=1)
    shown = (rewards if judged is None else judged)[np.arange(len(rewards)), best]
    return bootstrapped(_wins(shown, base), photos)


def preference(ours: Array, theirs: Array, photos: Photos | None = None) -> Estimate:
    """WinRate at S = 1 over all pairs of fills with unequal seeds: how often a fill of ours has a
    higher reward than one of theirs. Both (prompts, n), n > 1; the two ways round add up to 1.
    """
    unequal = ~np.eye(ours.shape[1], dtype=bool)
    wins = _wins(ours[:, :, None], theirs[:, None, :])
    return bootstrapped(wins[:, unequal].mean(axis=1), photos)


def bootstrapped(values: Array, photos: Photos | None = None) -> Estimate:
    """The mean of one number for each prompt. photos: of the prompts; None: each has its own."""
    draws = _draws(photos or tuple(map(str, range(len(values)))))
    drawn = (draws @ values) / draws.sum(axis=1)
    return _estimate(float(values.mean()), drawn)


def bootstrapped_pairs(pairs: Array, photos: Photos | None = None) -> Estimate:
    """The mean over pairs of unequal prompts. (n, n), n > 1; what lies on the diagonal is left out,
    of a prompt that is drawn twice too."""
    pairs = pairs - np.diag(np.diag(pairs))
    draws = _draws(photos or tuple(map(str, range(len(pairs)))))
    counted = draws.sum(axis=1) ** 2 - (draws**2).sum(axis=1)
    some = counted > 0  # a few prompts: one alone may be drawn every time
    drawn = ((draws @ pairs) * draws).sum(axis=1)[some] / counted[some]
    return _estimate(float(pairs.sum() / (len(pairs) * (len(pairs) - 1))), drawn)


def kernel_pairs(features: Array, reference: Array) -> Array:
    """KID (arXiv 1801.01401) before its mean over pairs of prompts: (n, n) from (n, d) each.

    The squared maximum mean discrepancy with the kernel (x'y / d + 1)^3; the mean off the diagonal
    is unbiased where row i of both shows the same prompt (Gretton et al. 2012, Lemma 6). 0 for
    equal distributions, may be below.
    """
    size = features.shape[1]

    def kernel(x: Array, y: Array) -> Array:
        return np.asarray((x @ y.T / size + 1) ** 3)

    across = kernel(features, reference)
    return kernel(features, features) + kernel(reference, reference) - across - across.T


def _wins(ours: Array, theirs: Array) -> Array:
    return np.where(ours > theirs, 1.0, np.where(ours == theirs, 0.5, 0.0))


@lru_cache(maxsize=4)
def _draws(photos: Photos) -> Array:
    """How often each prompt is in each resample: (RESAMPLES, prompts); the same ones every time, so
    that differences of figures are paired."""
    names, places = np.unique(photos, return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(0).multinomial(len(names), even, RESAMPLES)
    return drawn[:, places].astype(np.float64)


def _estimate(value: float, drawn: Array) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
