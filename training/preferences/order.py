"""What one person's opinions say of the order of a strip."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from training.preferences.records import COMPARES, CRITERION_WEIGHTS, Opinion, Rating

LEVELS = {"accept": 2.0, "up": 1.0, "down": -1.0}
"""An accepted fill beats a thumb up, which beats those without a word (0), which beat a thumb
down."""
JUST_ABOVE = 1e-4
"""Less than any two ratings differ by."""


def score_of(rating: Rating) -> float:
    """The three criteria as one number, 1 to 7 (the paper's weights)."""
    return sum(weight * value for weight, value in zip(CRITERION_WEIGHTS, rating, strict=True))


def mean_scores(opinions: Iterable[Opinion]) -> dict[int, float]:
    """The mean score of each seed that someone rated."""
    given: dict[int, list[float]] = {}
    for one in opinions:
        if one.seed is not None and one.rating is not None:
            given.setdefault(one.seed, []).append(score_of(one.rating))
    # Rounded, so that the same ratings give the same score in whatever order they are added.
    return {seed: round(sum(scores) / len(scores), 6) for seed, scores in given.items()}


def by_person(opinions: Iterable[Opinion]) -> dict[str, list[Opinion]]:
    """The opinions of each person, in the order in which they came."""
    said: dict[str, list[Opinion]] = {}
    for one in opinions:
        said.setdefault(one.person, []).append(one)
    return said


def known_levels(shown: Sequence[int], opinions: Iterable[Opinion]) -> dict[int, float]:
    """Levels of those of the seeds shown whose order one person's opinions tell; higher is better.

    Ratings tell of those rated; else thumbs and acceptance tell of all that were shown. An answer
    to "which is best?" and after it an explicit order have the last word between those in them:
    where they set one over another that stood higher or as high, they lift it just above; the last
    of them alone tells of those in it. Empty where there is none of these, such as after "none of
    these", which says nothing of the order. What is equal has no known order.
    """
    said = list(opinions)
    levels = mean_scores(said) or _levels_of_signals(shown, said)
    compared = sorted(
        (one for one in said if one.signal in COMPARES), key=lambda one: one.signal == "order"
    )
    if compared and not levels:
        levels = dict.fromkeys(compared[-1].order, 0.0)
    for one in compared:
        named = [seed for seed in one.order if seed in levels]
        if one.signal == "order":
            pairs = list(pairwise(named))
        else:
            pairs = [(one.order[0], other) for other in named[1:] if one.order[0] in levels]
        for better, worse in reversed(pairs):
            levels[better] = max(levels[better], levels[worse] + JUST_ABOVE)
    return levels


def _levels_of_signals(shown: Sequence[int], said: Iterable[Opinion]) -> dict[int, float]:
    best: dict[int, float] = {}
    for one in said:
        if one.seed is not None and one.signal in LEVELS:
            # A fill may have a thumb and be accepted as well: the kinder word counts.
            best[one.seed] = max(LEVELS[one.signal], best.get(one.seed, LEVELS["down"]))
    return {seed: best.get(seed, 0.0) for seed in shown} if best else {}
