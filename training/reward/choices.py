"""What a person's opinions of a strip say about the order of its candidates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.preferences.records import CRITERION_WEIGHTS, JudgedStrip, Opinion
from training.reward.appearance import FEATURE_SIZE

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Choice = list[tuple[int, int]]
"""Pairs (better, worse) of candidates that one answer settles together: one candidate over several
others, or several over one. Its likelihood is 1 / (1 + sum of exp(u_worse - u_better))."""


@dataclass(frozen=True, eq=False)
class StripChoices:
    """A strip and what was chosen on it, as differences from the strip's mean.

    rewards: (k + 1,); features: (k + 1, d) float32, of the candidates with finite rewards and
    features, and at the end the mean itself, all 0. better, worse: (n,) indices into them.
    starts: (c,), where each choice begins among the n pairs. said: how many
    opinions there are of it.
    size: root mean square of the features z before the mean was taken off.
    """

    rewards: Floats
    features: npt.NDArray[np.float32]
    better: Indices
    worse: Indices
    starts: Indices
    said: int
    size: float


def read_choices(strip: JudgedStrip) -> StripChoices:
    """Candidates without a finite reward and features are left out, and what was said of them."""
    rewards = np.asarray(strip.rewards, np.float64)
    features = np.asarray(strip.features, np.float64)
    known = finite(rewards, features)
    rewards, features = rewards[known], features[known]
    seeds = [seed for seed, kept in zip(strip.seeds, known, strict=True) if kept]
    choices = choices_of(strip.opinions, seeds)
    pairs = np.array([pair for choice in choices for pair in choice], np.intp).reshape(-1, 2)
    sizes = np.array([len(choice) for choice in choices], np.intp)
    z = features[:, :FEATURE_SIZE]
    size = float(np.sqrt(np.mean(z**2))) if z.size else 0.0
    if len(rewards):
        rewards, features = rewards - rewards.mean(), features - features.mean(axis=0)
    return StripChoices(
        np.append(rewards, 0),
        np.vstack([features, np.zeros((1, features.shape[1]))]).astype(np.float32),
        pairs[:, 0],
        pairs[:, 1],
        np.cumsum(sizes) - sizes,
        len(strip.opinions),
        size,
    )


def finite(rewards: Floats, features: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Which of k candidates can be judged: (k,)."""
    return np.asarray(np.isfinite(rewards) & np.isfinite(features).all(axis=1))


def choices_of(opinions: Sequence[Opinion], seeds: Sequence[int]) -> list[Choice]:
    """One person's opinions of a strip as choices between places in `seeds`; the place after the
    last is the strip's mean.

    accept: over all others shown that were not accepted too. up: over the mean and those with a
    thumb down; down: the mean over it (a card without a thumb may not have been looked at). order:
    Plackett-Luce, each over those after it. best: over the others of the question. rating: each
    over those with a lower score. "none" and "skip" say nothing of the order. Where a card stood on
    the strip is not considered: people may favour the first a little.
    """
    places = {seed: place for place, seed in enumerate(seeds)}

    def given(signal: str) -> list[int]:
        return [places[o.seed] for o in opinions if o.signal == signal and o.seed in places]

    mean = len(seeds)
    accepted, liked, disliked = given("accept"), given("up"), given("down")
    choices = [[(one, other) for other in range(mean) if other not in accepted] for one in accepted]
    choices += [[(one, other) for other in (mean, *disliked)] for one in liked]
    choices += [[(mean, one)] for one in disliked]
    scores: dict[int, float] = {}
    for opinion in opinions:
        if opinion.signal == "order":
            order = [places[seed] for seed in opinion.order if seed in places]
            choices += [[(one, other) for other in order[n + 1 :]] for n, one in enumerate(order)]
        elif opinion.signal == "best" and opinion.order[0] in places:
            best, *others = opinion.order
            choices.append([(places[best], places[one]) for one in others if one in places])
        elif opinion.signal == "rating" and opinion.rating and opinion.seed in places:
            scores[places[opinion.seed]] = float(np.dot(CRITERION_WEIGHTS, opinion.rating))
    choices += [
        [(one, other) for other, lower in scores.items() if lower < score - 1e-9]
        for one, score in scores.items()
    ]
    return [choice for choice in choices if choice]
