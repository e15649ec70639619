"""How far several raters agree: Krippendorff's alpha.

Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011); Hayes and Krippendorff,
"Answering the Call for a Standard Reliability Measure for Coding Data" (2007).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.preferences.records import Rating, StoredOpinion

CRITERIA = ("structural rationality", "feeling of local texture", "overall feeling")
LOWEST, HIGHEST = 1, 7
RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own bounds: from the first on rely on the ratings, from the second on draw
tentative conclusions."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CriterionAgreement:
    """alpha: 1 for perfect agreement, 0 for none beyond chance, below 0 for less than that; None
    where no picture has two raters or all gave the same value.

    pictures: with at least two raters. ratings: of those pictures.
    """

    criterion: str
    alpha: float | None
    pictures: int
    ratings: int


@dataclass(frozen=True)
class Agreement:
    """raters: how many pictures each person has rated, by name. One entry for each criterion."""

    raters: dict[str, int]
    criteria: tuple[CriterionAgreement, ...]


def alpha_word(alpha: float | None) -> str:
    """What an alpha means to a reader."""
    if alpha is None:
        return "unknown"
    return "reliable" if alpha >= RELIABLE else "tentative" if alpha >= TENTATIVE else "low"


def measure_agreement(opinions: Mapping[str, Iterable[StoredOpinion]]) -> Agreement:
    """Alpha over all ratings of a collection. opinions: by prompt, as the store gives them.

    Where a person has rated a picture twice, the later rating counts.
    """
    by_picture: dict[tuple[str, int], dict[str, Rating]] = {}
    for item, stored in opinions.items():
        for one in sorted(stored, key=lambda one: (one.recorded_at, one.record_id)):
            said = one.opinion
            if said.signal == "rating" and said.rating is not None and said.seed is not None:
                by_picture.setdefault((item, said.seed), {})[said.person] = said.rating
    raters: dict[str, int] = {}
    for ratings in by_picture.values():
        for person in ratings:
            raters[person] = raters.get(person, 0) + 1
    shared = [list(ratings.values()) for ratings in by_picture.values() if len(ratings) > 1]
    total = sum(map(len, shared))
    counts = np.zeros((len(CRITERIA), len(shared), HIGHEST - LOWEST + 1))
    for picture, of_picture in enumerate(shared):
        for rating in of_picture:
            for criterion, value in enumerate(rating):
                counts[criterion, picture, value - LOWEST] += 1
    values = np.arange(LOWEST, HIGHEST + 1, dtype=np.float64)
    criteria = tuple(
        CriterionAgreement(name, krippendorff_alpha(of_one, values), len(shared), total)
        for name, of_one in zip(CRITERIA, counts, strict=True)
    )
    return Agreement(dict(sorted(raters.items())), criteria)


def krippendorff_alpha(
    counts: _Floats, values: _Floats, level: Literal["ordinal", "interval"] = "ordinal"
) -> float | None:
    """Krippendorff's alpha. None where it is undefined: no unit has two values, or all are equal.

    counts: (units, values), how many raters gave a unit that value; missing ratings are no matter.
    values: (values,), ascending.
    """
    raters = counts.sum(axis=1)
    counts, raters = counts[raters > 1], raters[raters > 1]
    weighted = counts / (raters - 1)[:, None]
    coincidences = weighted.T @ counts - np.diag(weighted.sum(axis=0))
    totals = coincidences.sum(axis=1)
    squares = _squared_differences(totals, values, level)
    # Observed over expected disagreement; n - 1 is left of their common factors.
    expected = float(totals @ squares @ totals)
    if expected == 0:
        return None
    return 1 - float((totals.sum() - 1) * (coincidences * squares).sum() / expected)


def _squared_differences(
    totals: _Floats, values: _Floats, level: Literal["ordinal", "interval"]
) -> _Floats:
    """(values, values). Ordinal: how many ratings lie between two values, their own halves in."""
    places = values if level == "interval" else np.cumsum(totals) - totals / 2
    return (places[:, None] - places[None, :]) ** 2
