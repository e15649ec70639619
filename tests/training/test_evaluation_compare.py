"""Figures of models from arrays: what must hold whatever the numbers are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import PrefPaintError
from training.evaluation.compare import Comparison, against_base, as_json, compare
from training.evaluation.full_reference import psnr, ssim
from training.evaluation.report import cautions
from training.evaluation.samples import Features, Filled, Judged

PROMPTS, SAMPLES = 12, 10


def _filled(name: str, seed: int, shift: float = 0.0, judge_shift: float = 0.0) -> Filled:
    rng = np.random.default_rng(seed)
    shape = (PROMPTS, 1 + SAMPLES)
    originals = np.random.default_rng(99).normal(size=(PROMPTS, 4))
    return Filled(
        name,
        Path(name),
        tuple(f"p{number}" for number in range(PROMPTS)),
        tuple(f"photo{number // 2}" for number in range(PROMPTS)),
        Judged(rng.normal(shift, 1, shape), np.full(PROMPTS, 2.0)),
        Judged(rng.normal(judge_shift, 1, shape), np.full(PROMPTS, 2.0)),
        Features(
            (originals[:, None] + rng.normal(shift, 1, (*shape, 4))).astype("f4"),
            originals.astype("f4"),
        ),
        rng.normal(20 + shift, 1, shape),
        rng.uniform(size=shape),
    )


def _ordered(one: Filled, order: np.ndarray) -> Filled:
    def judged(j: Judged | None) -> Judged:
        assert j is not None
        assert j.originals is not None
        return Judged(j.fills[order], j.originals[order])

    assert one.features is not None
    assert one.psnr is not None
    assert one.ssim is not None
    return Filled(
        one.name,
        one.folder,
        tuple(one.prompts[index] for index in order),
        tuple(one.photos[index] for index in order),
        judged(one.reward),
        judged(one.judge),
        Features(one.features.fills[order], one.features.originals[order]),
        one.psnr[order],
        one.ssim[order],
    )


def _values(comparison: Comparison) -> list[float]:
    """Every figure, without the intervals, which depend on what is drawn."""
    found: list[float] = []

    def collect(part: object) -> None:
        if isinstance(part, dict):
            if set(part) == {"value", "low", "high"}:
                found.append(part["value"])
                return
            for one in part.values():
                collect(one)

    collect(as_json(comparison))
    return found


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_the_order_of_prompts_does_not_matter(seed: int) -> None:
    both = {"base": _filled("base", seed), "other": _filled("other", seed + 1, 0.5)}
    order = np.random.default_rng(seed).permutation(PROMPTS)
    turned = {name: _ordered(one, order) for name, one in both.items()}
    ours, theirs = _values(compare(both, "base")), _values(compare(turned, "base"))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_a_model_against_itself_shows_no_change(seed: int) -> None:
    found = compare({"base": _filled("base", seed), "copy": _filled("copy", seed)}, "base")
    copy, base = found.models["copy"], found.models["base"]
    assert copy == base
    for measured in (copy.reward.mean, copy.reward.variance, copy.kid, copy.psnr, copy.ssim):
        assert measured is not None
        assert measured.change.low == measured.change.value == measured.change.high == 0
    assert base.reward.mean.value.value == pytest.approx(0)
    for rates in found.heat_maps.values():
        assert rates["base"]["copy"].value == rates["base"]["base"].value == 0.5


def test_the_units_are_the_bases() -> None:
    """Rewards on another scale give the same figures."""
    pair = {"base": _filled("base", 0), "other": _filled("other", 1, 1.0)}
    scaled = {
        name: Filled(
            **{**vars(one), "reward": Judged(7 + 3 * one.reward.fills, np.full(PROMPTS, 13.0))}
        )
        for name, one in pair.items()
    }
    ours, theirs = compare(pair, "base"), compare(scaled, "base")
    np.testing.assert_allclose(_values(ours), _values(theirs), atol=1e-6)
    fills = pair["base"].reward.fills
    moved = (pair["other"].reward.fills.mean() - fills.mean()) / fills.std()
    assert ours.models["other"].reward.mean.change.value == pytest.approx(moved)


def test_the_base_is_not_compared_with_its_own_single_fill() -> None:
    base = _filled("base", 3)
    base.reward.fills[:, 0] = 100.0
    rates = compare({"base": base}, "base").models["base"].reward.win_rate
    assert list(rates) == [1, 3, 10]
    assert all(rate.value == 0 for rate in rates.values())


def test_a_reward_that_no_one_else_believes_is_reported() -> None:
    deceiving = {"base": _filled("base", 0), "other": _filled("other", 1, 5.0, 0.0)}
    above, alone = cautions(compare(deceiving, "base"))
    assert "other" in above
    assert "deceives" in above
    assert "independent judge" in alone
    low = np.full(PROMPTS, -100.0)
    sharp = {
        name: Filled(**{**vars(one), "reward": replace(one.reward, originals=low)})
        for name, one in deceiving.items()
    }
    base, _alone = cautions(compare(sharp, "base"))
    assert "no limit" in base
    better = {"base": _filled("base", 0), "other": _filled("other", 1, 1.5, 3.0)}
    assert cautions(compare(better, "base")) == []


def test_what_the_reports_name_is_there_and_what_is_unknown_is_none() -> None:
    pair = {"base": _filled("base", 0), "other": _filled("other", 1)}
    found = against_base(compare(pair, "base"), "other")
    assert set(found["win_rate"]) == {"aligned_s1", "base_s1", "base_s3", "aligned_s1_ci"}
    assert set(found["independent"]["kid"]) == {"base", "aligned"}
    bare = {
        name: Filled(
            name, one.folder, one.prompts, one.photos, Judged(one.reward.fills, None), *[None] * 4
        )
        for name, one in pair.items()
    }
    found = against_base(compare(bare, "base"), "other")
    none = {"judge_win_rate_s1": None, "kid": None, "full_reference": None}
    assert found["independent"] == none


def test_what_cannot_be_compared_is_said() -> None:
    base, other = _filled("base", 0), _filled("other", 1)
    with pytest.raises(PrefPaintError, match="No model is called third"):
        compare({"base": base}, "third")
    with pytest.raises(PrefPaintError, match="not filled the same prompts"):
        compare({"base": base, "other": _ordered(other, np.arange(PROMPTS)[::-1])}, "base")
    base.reward.fills[:] = 1.0
    with pytest.raises(PrefPaintError, match="one score"):
        compare({"base": base}, "base")


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_full_reference_measures_the_hole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 256, (32, 40, 3)).astype(np.uint8)
    hole = np.zeros((32, 40), bool)
    hole[12:20, 12:20] = True
    fill = np.where(hole[..., None], rng.integers(0, 256, original.shape), original)
    fill = fill.astype(np.uint8)
    error = np.mean((fill[hole].astype(float) - original[hole].astype(float)) ** 2)
    assert psnr(fill, original, hole) == pytest.approx(10 * np.log10(255**2 / error))
    assert ssim(original, original, hole) == pytest.approx(1)
    assert ssim(fill, original, hole) == pytest.approx(_slow_ssim(fill, original, hole))
    far = fill.copy()
    far[:4, :4] = 0  # no window around the hole reaches there
    assert ssim(far, original, hole) == pytest.approx(ssim(fill, original, hole))
    assert psnr(far, original, hole) == psnr(fill, original, hole)


def _slow_ssim(fill: np.ndarray, original: np.ndarray, hole: np.ndarray) -> float:
    offsets = np.arange(-5, 6)
    bell = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = np.outer(bell, bell)
    weights /= weights.sum()
    found = []
    for row, column in zip(*np.nonzero(hole), strict=True):
        for channel in range(3):
            around = (slice(row - 5, row + 6), slice(column - 5, column + 6), channel)
            x, y = fill[around].astype(float), original[around].astype(float)
            mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
            var_x = (weights * (x - mean_x) ** 2).sum()
            var_y = (weights * (y - mean_y) ** 2).sum()
            both = (weights * (x - mean_x) * (y - mean_y)).sum()
            one, two = 2.55**2, 7.65**2
            found.append(
                (2 * mean_x * mean_y + one)
                * (2 * both + two)
                / ((mean_x**2 + mean_y**2 + one) * (var_x + var_y + two))
            )
    return float(np.mean(found))
