"""Win rates, intervals and KID, against what they must give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.measures import bootstrapped, kernel_distance, win_rate


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


def test_kernel_distance_is_small_for_one_distribution_and_not_for_two() -> None:
    rng = np.random.default_rng(2)
    one, same, other = (
        rng.normal(size=(300, 8)),
        rng.normal(size=(300, 8)),
        rng.normal(1, 1, (300, 8)),
    )
    assert abs(kernel_distance(one, same)) < 0.1 < kernel_distance(one, other)
    assert kernel_distance(one, other) == pytest.approx(_slow(one, other))


def _slow(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def mean(a: np.ndarray, b: np.ndarray, skip: bool) -> float:
        values = [
            k(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not (skip and i == j)
        ]
        return float(np.mean(values))

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
