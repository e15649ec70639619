"""Win rates, intervals and KID, against what they must give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.measures import (
    bootstrapped,
    bootstrapped_pairs,
    kernel_pairs,
    preference,
    win_rate,
)


@given(st.integers(0, 1000), st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_win_rate_counts_prompts_and_grows_with_samples(seed: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    rewards, base = rng.integers(0, 4, (12, 5)).astype(float), rng.integers(0, 4, 12).astype(float)
    wins = 0.0
    for row, single in zip(rewards, base, strict=True):
        best = max(row[:samples])
        wins += 1.0 if best > single else 0.5 if best == single else 0.0
    found = win_rate(rewards, base, samples)
    assert found.value == pytest.approx(wins / 12)
    assert found.low <= found.value <= found.high
    assert found.value <= win_rate(rewards, base, samples + 1).value


def test_a_model_against_itself_wins_half_of_the_time() -> None:
    rewards = np.random.default_rng(0).normal(size=(4000, 2))
    found = win_rate(rewards[:, :1], rewards[:, 1], 1)
    assert found.low < 0.5 < found.high


def test_the_interval_covers_the_mean_that_numbers_were_drawn_from() -> None:
    rng = np.random.default_rng(1)
    covered = [
        (found := bootstrapped(rng.normal(3, 1, 60))).low < 3 < found.high for _ in range(40)
    ]
    assert np.mean(covered) > 0.8


def test_prompts_of_one_photo_are_one_observation() -> None:
    """Each number ten times over says no more than once."""
    values = np.random.default_rng(2).normal(size=30)
    alone = bootstrapped(values)
    repeated = np.repeat(values, 10)
    photos = tuple(str(number) for number in np.repeat(np.arange(30), 10))
    together = bootstrapped(repeated, photos)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert (found := bootstrapped(repeated)).high - found.low < 0.5 * (alone.high - alone.low)


@given(st.integers(0, 1000), st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_another_judge_says_who_wins_but_the_reward_chooses(seed: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    rewards, judged, base = rng.normal(size=(9, 5)), rng.normal(size=(9, 5)), rng.normal(size=9)
    wins = 0
    for reward_row, judge_row, single in zip(rewards, judged, base, strict=True):
        chosen = max(range(samples), key=lambda number: reward_row[number])
        wins += judge_row[chosen] > single
    assert win_rate(rewards, base, samples, judged).value == pytest.approx(wins / 9)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_preference_is_antisymmetric_and_a_half_against_the_same_fills(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 4, (7, 3)).astype(float) for _ in range(2))
    there, back = preference(one, other), preference(other, one)
    assert there.value + back.value == pytest.approx(1)
    assert there.low + back.high == pytest.approx(1)
    assert preference(one, one).value == 0.5
    outcomes = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for ours, theirs in zip(one, other, strict=True)
        for i, a in enumerate(ours)
        for j, b in enumerate(theirs)
        if i != j
    ]
    assert there.value == pytest.approx(np.mean(outcomes))


def test_kernel_distance_is_near_0_for_one_distribution_and_not_for_two() -> None:
    rng = np.random.default_rng(2)
    one, same = rng.normal(size=(200, 8)), rng.normal(size=(200, 8))
    other = rng.normal(1, 1, (200, 8))
    near = bootstrapped_pairs(kernel_pairs(one, same))
    far = bootstrapped_pairs(kernel_pairs(one, other))
    assert near.low < 0.1
    assert abs(near.value) < 0.1 < far.low < far.value < far.high
    assert far.value == pytest.approx(_slow(one, other))


def test_pairs_of_a_prompt_drawn_twice_are_left_out() -> None:
    """Else every interval would lie above its value, for a prompt is like itself."""
    pairs = np.ones((5, 5)) + 1000 * np.eye(5)
    found = bootstrapped_pairs(pairs)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


def _slow(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    values = [
        k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i])
        for i in range(len(x))
        for j in range(len(x))
        if i != j
    ]
    return float(np.mean(values))
