"""Krippendorff's alpha against published figures and against its definition, written out slowly."""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.preferences.agreement import alpha_word, krippendorff_alpha, measure_agreement
from training.preferences.records import Opinion, Rating, Signal, StoredOpinion

Level = Literal["ordinal", "interval"]
Units = Sequence[Sequence[int]]
NONE = 0
PUBLISHED = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, NONE),
    (NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE),
)
"""Four observers, twelve units, values missing: Krippendorff (2011), example C. He gives
alpha ordinal = 0.815 and alpha interval = 0.849."""


def units_of(observers: Units) -> list[list[int]]:
    return [[value for value in unit if value != NONE] for unit in zip(*observers, strict=True)]


def fast_alpha(units: Units, level: Level) -> float | None:
    counts = [[list(unit).count(value) for value in range(1, 8)] for unit in units]
    table = np.array(counts, float).reshape(-1, 7)
    return krippendorff_alpha(table, np.arange(1.0, 8.0), level)


def slow_alpha(units: Units, level: Level) -> float | None:
    """1 - D_o / D_e, pair by pair."""
    pairable = [unit for unit in units if len(unit) > 1]
    every = [value for unit in pairable for value in unit]

    def square(first: int, second: int) -> float:
        low, high = sorted((first, second))
        if level == "interval":
            return float((high - low) ** 2)
        between = sum(every.count(value) for value in range(low, high + 1))
        return (between - (every.count(low) + every.count(high)) / 2) ** 2

    observed = sum(
        square(a, b) / (len(unit) - 1)
        for unit in pairable
        for a, b in itertools.permutations(unit, 2)
    )
    expected = sum(square(a, b) for a, b in itertools.permutations(every, 2))
    if not expected:
        return None
    return 1 - observed / len(every) / (expected / (len(every) * (len(every) - 1)))


@pytest.mark.parametrize(("level", "alpha"), [("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example_comes_out(level: Level, alpha: float) -> None:
    assert fast_alpha(units_of(PUBLISHED), level) == pytest.approx(alpha, abs=5e-4)


@given(
    st.lists(st.lists(st.integers(1, 7), max_size=5), max_size=8),
    st.sampled_from(["ordinal", "interval"]),
)
def test_it_is_what_the_definition_gives(units: list[list[int]], level: Level) -> None:
    fast, slow = fast_alpha(units, level), slow_alpha(units, level)
    assert (fast is None) == (slow is None)
    if fast is not None:
        assert fast == pytest.approx(slow)


def rated(
    number: int,
    person: str,
    seed: int | None,
    rating: Rating | None,
    signal: Signal = "rating",
    at: str = "2026-01-01T00:00:00.000+00:00",
) -> StoredOpinion:
    return StoredOpinion(number, Opinion(signal, seed, rating=rating, person=person), at)


def test_each_criterion_has_an_alpha_and_counts() -> None:
    opinions = {
        "a": (
            rated(1, "ann", 0, (1, 7, 4)),
            rated(2, "bob", 0, (1, 1, 4)),
            rated(3, "ann", 1, (7, 1, 4)),
            rated(4, "bob", 1, (7, 7, 4)),
            rated(5, "cat", 2, (3, 3, 3)),  # nobody else: it counts for nothing but her
        ),
        "b": (rated(6, "bob", None, None, "skip"),),
    }
    agreement = measure_agreement(opinions)
    assert agreement.raters == {"ann": 2, "bob": 2, "cat": 1}
    first, second, third = agreement.criteria
    assert first.alpha == pytest.approx(1)
    assert second.alpha is not None
    assert second.alpha < 0
    assert third.alpha is None  # they all said 4: no telling
    assert {(one.pictures, one.ratings) for one in agreement.criteria} == {(2, 4)}
    words = [alpha_word(one.alpha) for one in agreement.criteria]
    assert words == ["reliable", "low", "unknown"]


def test_the_later_of_two_ratings_by_one_person_counts() -> None:
    late, early = "2026-01-02T00:00:00.000+00:00", "2026-01-01T00:00:00.000+00:00"
    opinions = {
        "a": (
            rated(1, "ann", 0, (2, 2, 2), at=late),
            rated(2, "ann", 0, (7, 7, 7), at=early),
            rated(3, "bob", 0, (2, 2, 2)),
            rated(4, "ann", 1, (6, 6, 6)),
            rated(5, "bob", 1, (6, 6, 6)),
        )
    }
    agreement = measure_agreement(opinions)
    assert [one.alpha for one in agreement.criteria] == pytest.approx([1, 1, 1])
    assert agreement.raters == {"ann": 2, "bob": 2}


def test_without_ratings_there_is_nothing_to_tell() -> None:
    agreement = measure_agreement({})
    assert agreement.raters == {}
    assert [one.alpha for one in agreement.criteria] == [None, None, None]
