"""A personal reward learns one person's taste from their answers, and steps back when it fails."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.preferences.records import JudgedStrip, Opinion
from training.reward.asking import WORTH, drawn_utilities, information, most_telling
from training.reward.choices import choices_of
from training.reward.personal import Pairs, PersonalReward, learn

SIZE = 4
SPREADS = np.array([1.0, 0.5, 0.2, 0.1, 0.1, 0.05])
"""Of the six directions of z that vary; the reward is the first."""


def make_strip(seed: int, opinions: Sequence[Opinion] = (), size: int = SIZE) -> JudgedStrip:
    rng = np.random.default_rng(seed)
    features = np.zeros((size, 256), np.float32)
    features[:, : len(SPREADS)] = rng.normal(size=(size, len(SPREADS))) * SPREADS
    features += rng.normal(size=256).astype(np.float32)  # what the photo has in common
    rewards = features[:, 0].astype(np.float64) * 0.3
    seeds = tuple(range(size))
    return JudgedStrip(f"{seed:08d}", seeds, rewards, features, tuple(opinions))


def taste(strip: JudgedStrip) -> npt.NDArray[np.float64]:
    """Someone who looks at the second and third directions more than at the reward's."""
    return strip.features[:, :3] @ np.array([0.5, 2.0, -3.0])


def said(seed: int) -> JudgedStrip:
    """A strip whose best was accepted by that taste."""
    strip = make_strip(seed)
    return replace(strip, opinions=(Opinion("accept", int(taste(strip).argmax())),))


def agreement(personal: PersonalReward, strips: Sequence[JudgedStrip]) -> float:
    return float(
        np.mean(
            [
                personal.judge(strip.features, strip.rewards)[0].argmax() == taste(strip).argmax()
                for strip in strips
            ]
        )
    )


def test_without_evidence_it_is_the_general_reward() -> None:
    strip = make_strip(1)
    for personal in (
        learn([]),
        learn([strip]),
        learn([replace(strip, opinions=(Opinion("none"),))]),
    ):
        means, deviations = personal.judge(strip.features, strip.rewards)
        np.testing.assert_array_equal(means, strip.rewards)
        np.testing.assert_array_equal(deviations, 0)
        assert not personal.active
        assert "nothing learned yet" in personal.sentence


def test_a_clear_taste_is_learned_and_the_sentence_says_so() -> None:
    personal = learn([said(seed) for seed in range(60)])
    fresh = [make_strip(seed) for seed in range(1000, 1200)]
    general = np.mean([strip.rewards.argmax() == taste(strip).argmax() for strip in fresh])
    assert personal.active
    assert agreement(personal, fresh) > general + 0.3
    assert personal.right > personal.general_right
    assert "is on" in personal.sentence
    assert "your 60 answers" in personal.sentence


def test_one_answer_moves_its_strip_at_once() -> None:
    strip = make_strip(3)
    worst = int(strip.rewards.argmin())
    personal = learn([]).with_strip(replace(strip, opinions=(Opinion("up", worst),)))
    means, deviations = personal.judge(strip.features, strip.rewards)
    assert means[worst] > strip.rewards[worst]
    assert means.mean() == pytest.approx(strip.rewards.mean())
    assert (deviations > 0).all()


def test_deviations_shrink_with_answers() -> None:
    strip = make_strip(5000)
    few = learn([said(seed) for seed in range(5)])
    many = learn([said(seed) for seed in range(100)])
    assert few.active
    assert many.active
    assert (
        many.judge(strip.features, strip.rewards)[1].mean()
        < 0.7 * few.judge(strip.features, strip.rewards)[1].mean()
    )


@given(order=st.permutations(range(12)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_evidence_does_not_matter(order: list[int]) -> None:
    whole = learn([said(seed) for seed in range(12)])
    again = learn([said(seed) for seed in order])
    np.testing.assert_array_equal(whole.weights, again.weights)
    clicked = learn([])
    for seed in order:
        clicked = clicked.with_strip(said(seed))
    np.testing.assert_allclose(clicked.weights, whole.weights, atol=1e-8)
    assert (clicked.right, clicked.active) == (whole.right, whole.active)


def test_what_is_withdrawn_was_never_said() -> None:
    before = learn([said(1), said(2)])
    told = before.with_strip(said(3))
    withdrawn = told.with_strip(make_strip(3))
    assert set(withdrawn.strips) == set(before.strips)
    assert np.abs(told.weights - before.weights).max() > 1e-3
    np.testing.assert_allclose(withdrawn.weights, before.weights, atol=1e-8)
    assert withdrawn.answers == before.answers


def test_who_follows_the_general_order_keeps_it() -> None:
    strips = [make_strip(seed) for seed in range(100)]
    follower = learn(
        [replace(s, opinions=(Opinion("accept", int(s.rewards.argmax())),)) for s in strips]
    )
    strip = make_strip(2000)
    means, _ = follower.judge(strip.features, strip.rewards)
    assert means.argmax() == strip.rewards.argmax()


def test_falls_back_to_the_general_order_for_whom_it_serves_better() -> None:
    rng = np.random.default_rng(0)
    strips = []
    for seed in range(60):
        strip = make_strip(seed)
        careless = rng.random() < 0.3
        chosen = int(rng.integers(SIZE)) if careless else int(strip.rewards.argmax())
        strips.append(replace(strip, opinions=(Opinion("accept", chosen),)))
    personal = learn(strips)
    assert not personal.active
    assert personal.general_right > personal.right
    assert "is off: over your 60 answers the general order was right more" in personal.sentence
    means, deviations = personal.judge(strips[0].features, strips[0].rewards)
    np.testing.assert_array_equal(means, strips[0].rewards)
    np.testing.assert_array_equal(deviations, 0)


def test_held_out_check_is_close_to_learning_without_each_strip() -> None:
    strips = [said(seed) for seed in range(30)]
    personal = learn(strips)
    shares = []
    for place, strip in enumerate(strips):
        without = learn([*strips[:place], replace(strip, opinions=()), *strips[place + 1 :]])
        utilities = without.project(strip.features, strip.rewards) @ without.weights
        chosen = taste(strip).argmax()
        shares.append((np.delete(utilities, chosen) < utilities[chosen]).mean())
    assert personal.right == pytest.approx(np.mean(shares), abs=0.04)


@pytest.mark.parametrize(
    ("opinions", "expected"),
    [
        ([Opinion("accept", 12)], [[(2, 0), (2, 1), (2, 3)]]),
        ([Opinion("up", 10), Opinion("down", 13)], [[(0, 4), (0, 3)], [(4, 3)]]),
        ([Opinion("order", order=(13, 10, 11))], [[(3, 0), (3, 1)], [(0, 1)]]),
        (
            [Opinion("rating", 10, rating=(4, 4, 4)), Opinion("rating", 11, rating=(7, 4, 4))],
            [[(1, 0)]],
        ),
        ([Opinion("rating", 10, rating=(4, 4, 4)), Opinion("rating", 11, rating=(4, 4, 4))], []),
        ([Opinion("none"), Opinion("skip"), Opinion("accept", 99)], []),
        ([Opinion("order", order=(99, 10))], []),
        ([Opinion("best", order=(13, 10, 11, 99))], [[(3, 0), (3, 1)]]),
        ([Opinion("best", order=(99, 10, 11))], []),
    ],
)
def test_opinions_as_choices(
    opinions: list[Opinion], expected: list[list[tuple[int, int]]]
) -> None:
    assert choices_of(opinions, [10, 11, 12, 13]) == expected


def test_slopes_and_curvature_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    pairs = Pairs(rng.normal(size=(9, 3)), np.array([0, 1, 4]), np.array([0, 4, 9]))
    weights, small = rng.normal(size=3), 1e-5
    chances = pairs.chances(weights)
    for place, step in enumerate(np.eye(3) * small):
        up, down = weights + step, weights - step
        slope = (pairs.loss(up) - pairs.loss(down)) / (2 * small)
        assert slope == pytest.approx((pairs.rows.T @ chances)[place], abs=1e-7)
        bend = pairs.rows.T @ (pairs.chances(up) - pairs.chances(down)) / (2 * small)
        np.testing.assert_allclose(pairs.curvature(chances)[place], bend, atol=1e-7)


def degenerate() -> dict[str, JudgedStrip]:
    strip = make_strip(1, [Opinion("accept", 0), Opinion("up", 1), Opinion("order", order=(0, 1))])
    nothing = np.full_like(strip.rewards, np.nan)
    broken = strip.features.copy()
    broken[1] = np.inf
    return {
        "one candidate": make_strip(2, [Opinion("accept", 0), Opinion("up", 0)], size=1),
        "no candidate": make_strip(3, [Opinion("up", 0)], size=0),
        "all equal": replace(
            strip, rewards=np.zeros(SIZE), features=np.ones((SIZE, 256), np.float32)
        ),
        "equal features": replace(strip, features=np.ones((SIZE, 256), np.float32)),
        "no reward": replace(strip, rewards=nothing),
        "one reward": replace(strip, rewards=np.where(np.arange(SIZE) == 2, 1.0, np.nan)),
        "infinite features": replace(strip, features=broken),
        "huge": replace(strip, rewards=strip.rewards * 1e12, features=strip.features * 1e12),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", degenerate())
def test_degenerate_strips_do_no_harm(name: str) -> None:
    strip = degenerate()[name]
    for personal in (learn([strip]), learn([strip, *(said(seed) for seed in range(10, 20))])):
        assert np.isfinite(personal.weights).all()
        for judged in (strip, make_strip(9)):
            means, deviations = personal.judge(judged.features, judged.rewards)
            assert means.shape == deviations.shape == judged.rewards.shape
            finite = np.isfinite(judged.rewards) & np.isfinite(judged.features).all(axis=1)
            assert np.isfinite(means[finite]).all()
            assert np.isfinite(deviations).all()
            asked = most_telling(judged.features, judged.rewards, personal)
            assert asked is None or (len(asked) > 1 and finite[list(asked)].all())


def test_asks_about_the_cards_it_is_unsure_of() -> None:
    personal = learn([said(seed) for seed in range(8)])
    strip = make_strip(77, size=8)
    asked = most_telling(strip.features, strip.rewards, personal)
    assert asked is not None
    assert list(asked) == sorted(set(asked))
    assert asked == most_telling(strip.features, strip.rewards, personal)
    drawn = drawn_utilities(strip.features, strip.rewards, personal)
    pairs = np.array(list(combinations(range(8), 2)))
    assert information(drawn, np.array([asked]))[0] > max(WORTH, information(drawn, pairs).max())
    twins = np.repeat(strip.features[:1], 3, axis=0)
    assert most_telling(twins, np.zeros(3), personal) is None
    assert most_telling(twins[:1], np.zeros(1), personal) is None


def test_information_is_that_of_the_answer_and_the_taste() -> None:
    even, known, open_ = [0.0, 0.0], [20.0, 0.0], [40.0, -40.0]
    drawn = np.array([[*even, *known, *open_], [*even, *known, *open_[::-1]]])
    questions = np.array([[0, 1], [2, 3], [4, 5]])
    np.testing.assert_allclose(information(drawn, questions), [0, 0, 1], atol=1e-6)


def test_a_first_question_is_asked_before_any_answer() -> None:
    strip = make_strip(4)
    assert most_telling(strip.features, strip.rewards, learn([])) is not None
