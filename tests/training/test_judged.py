"""Strips to learn from: the same candidates are one strip, wherever they stood."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.preferences.judged import joined
from training.preferences.records import JudgedStrip, Opinion


def strip(order: tuple[int, ...], *opinions: Opinion, shift: float = 0.0) -> JudgedStrip:
    """Four candidates in this order; shift: they are other pictures."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 8)).astype(np.float32) + np.float32(shift)
    rewards = rng.normal(size=4)
    places = list(order)
    return JudgedStrip(str(order), order, rewards[places], features[places], opinions)


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_the_same_candidates_are_one_strip_in_any_order(first: list[int], second: list[int]):
    up, down = Opinion("up", 0), Opinion("down", 3)
    (one,) = joined([strip(tuple(first), up), strip(tuple(second), down)])
    assert one.seeds == (0, 1, 2, 3)
    assert one.opinions == (up, down)
    (alone,) = joined([strip((0, 1, 2, 3), up)])
    assert one.digest == alone.digest
    assert np.array_equal(one.features, alone.features)
    assert np.array_equal(one.rewards, alone.rewards)


def test_other_pictures_of_the_same_seeds_are_another_strip():
    both = joined([strip((0, 1, 2, 3), Opinion("none")), strip((0, 1, 2, 3), shift=1.0)])
    assert len(both) == 2


def test_the_later_opinion_on_a_subject_stays():
    strips = [
        strip((0, 1, 2, 3), Opinion("up", 1), Opinion("order", order=(0, 1))),
        strip((1, 0, 2, 3), Opinion("down", 1), Opinion("accept", 1), Opinion("up", 2)),
    ]
    (one,) = joined(strips)
    assert [opinion.signal for opinion in one.opinions] == ["order", "down", "accept", "up"]
    (two,) = joined([*strips, strip((2, 0, 1, 3), Opinion("up", 1, person="Ann"))])
    assert len(two.opinions) == 5
