"""Opinions of every kind are kept, replaced, filtered and taken over from elsewhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.strips import make_strip
from training.errors import PrefPaintError
from training.preferences.order import known_levels
from training.preferences.records import Filter, Opinion, StoredOpinion
from training.preferences.store import PreferenceStore


@pytest.mark.parametrize(
    "opinion",
    [
        Opinion("order", order=(2, 0), reasons=("sharper", "wärmer")),
        Opinion("best", order=(1, 0)),
        Opinion("none", reasons=("blurred",), person="Zoë"),
        Opinion("rating", 1, rating=(1, 7, 4), reasons=("a face",)),
        Opinion("skip", person="second rater"),
    ],
)
def test_every_kind_of_opinion_comes_back(tmp_path: Path, opinion: Opinion) -> None:
    shown = replace(make_strip(), collection="walls", item="0007")
    with PreferenceStore(tmp_path) as store:
        record_id = store.record(shown, opinion, "2025-01-02T03:04:05+00:00")
        expected = StoredOpinion(record_id, opinion, "2025-01-02T03:04:05+00:00")
        (key,) = store.presentation_ids()
        assert store.read(key).opinions == (expected,)
        assert store.collection_opinions("walls") == {"0007": (expected,)}
        assert store.collection_opinions("walls", opinion.person) == {"0007": (expected,)}
        assert store.collection_opinions("walls", "nobody") == {}
        assert store.persons() == [opinion.person]
        assert store.records() == [(shown.photo_sha256, expected)]


@pytest.mark.parametrize(
    "opinion",
    [
        Opinion("up"),
        Opinion("none", 0),
        Opinion("order", order=(1,)),
        Opinion("order", order=(1, 1)),
        Opinion("order", order=(1, 9)),
        Opinion("best", order=(1,)),
        Opinion("best", 1, order=(1, 0)),
        Opinion("up", 0, order=(0, 1)),
        Opinion("rating", 0),
        Opinion("up", 0, rating=(1, 1, 1)),
        Opinion("rating", 0, rating=(0, 1, 1)),
        Opinion("up", 0, person=""),
    ],
)
def test_an_opinion_that_makes_no_sense_is_refused(tmp_path: Path, opinion: Opinion) -> None:
    with PreferenceStore(tmp_path) as store:
        with pytest.raises(ValueError, match=r"seed|order|compar|criteria|person"):
            store.record(make_strip(), opinion)
        assert store.statistics().presentations == 0
    assert not (tmp_path / "images").exists()


def test_what_the_same_person_says_again_replaces_what_they_said(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        first = store.record(make_strip(), Opinion("order", order=(0, 1)))
        assert store.record(make_strip(), Opinion("order", order=(2, 0, 1))) == first
        other = store.record(make_strip(), Opinion("order", order=(1, 0), person="Ann"))
        (key,) = store.presentation_ids()
        assert [(one.record_id, one.opinion.order) for one in store.read(key).opinions] == [
            (first, (2, 0, 1)),
            (other, (1, 0)),
        ]


def test_each_question_has_an_answer_of_its_own(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        said = [
            Opinion("best", order=(0, 1)),
            Opinion("best", order=(1, 2, 0)),
            Opinion("order", order=(2, 0, 1)),
        ]
        first, *_ = [store.record(make_strip(), opinion) for opinion in said]
        (key,) = store.presentation_ids()
        assert [one.opinion for one in store.read(key).opinions] == said
        assert store.record(make_strip(), Opinion("best", order=(1, 0))) == first
        assert store.statistics().bests == 2


def test_the_best_of_some_is_above_each_of_them_and_no_more_is_known() -> None:
    shown = [0, 1, 2, 3]
    levels = known_levels(shown, [Opinion("best", order=(2, 0, 3))])
    assert levels.keys() == {0, 2, 3}
    assert levels[2] > levels[0] == levels[3]
    with_thumbs = [Opinion("best", order=(2, 0, 3)), Opinion("up", 0)]
    levels = known_levels(shown, with_thumbs)
    assert levels[2] > levels[0] > levels[1] == levels[3]
    with_order = [Opinion("order", order=(0, 3, 2)), Opinion("best", order=(2, 0, 3))]
    levels = known_levels(shown, with_order)
    assert levels[0] > levels[3] > levels[2]


def test_candidates_without_a_reward_are_kept_but_not_judged(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.float32)
    first, *rest = make_strip().candidates
    bare = replace(first, reward=None, trust=None, features=nothing)
    mixed = replace(make_strip(), candidates=(bare, *rest))
    unseen = replace(make_strip(1), reward_model="", candidates=(bare,))
    with PreferenceStore(tmp_path) as store:
        store.record(unseen, Opinion("up", 0))
        store.record(mixed, Opinion("none"))
        store.record(mixed, Opinion("up", 1))
        strips = [store.read(key).presentation for key in store.presentation_ids()]
        (judged,) = store.judged_strips("me", "builtin")
        assert store.judged_strips("me", "") == []
        assert store.judged_strips("Ann", "builtin") == []
    for strip in strips:
        assert (strip.candidates[0].reward, strip.candidates[0].trust) == (None, None)
        assert strip.candidates[0].features.shape == (0,)
    assert judged.seeds == (1, 2)
    np.testing.assert_array_equal(judged.rewards, [0.5, -0.5])
    np.testing.assert_array_equal(judged.features, [one.features for one in rest])
    assert judged.opinions == (Opinion("none"), Opinion("up", 1))


def test_filters_limit_what_is_read(tmp_path: Path) -> None:
    other_model = replace(make_strip(2).candidates[0], model="sd")
    shown = [make_strip(1), replace(make_strip(2), candidates=(other_model,)), make_strip(3)]
    with PreferenceStore(tmp_path) as store:
        for day, strip in enumerate(shown, 1):
            store.record(strip, Opinion("up", 0), f"2025-01-0{day}T12:00:00.000+00:00")
        store.record(shown[0], Opinion("none", person="Ann"), "2025-02-01T00:00:00.000+00:00")
        keys = store.presentation_ids()

        def found(which: Filter) -> list[int]:
            return [keys.index(key) for key in store.presentation_ids(which)]

        assert found(Filter(since="2025-01-02")) == [0, 1, 2]
        assert found(Filter(since="2025-01-02", until="2025-01-02")) == [1]
        assert found(Filter(models=("sd",))) == [1]
        assert found(Filter(models=("sd", "patchmatch"))) == [0, 1, 2]
        assert found(Filter(signals=("none", "skip"))) == [0]
        assert found(Filter(persons=("me",), since="2025-01-03")) == [2]
        assert found(Filter(photo_sha256=shown[1].photo_sha256)) == [1]
        strip = store.read(keys[0], Filter(persons=("Ann",)))
        assert [one.opinion.signal for one in strip.opinions] == ["none"]


def test_what_is_added_twice_is_there_once_and_the_later_opinion_stays(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path / "here") as here, PreferenceStore(tmp_path / "there") as there:
        here.record(make_strip(), Opinion("up", 0), "2025-01-01T00:00:00.000+00:00")
        here.record(make_strip(), Opinion("none"), "2025-01-02T00:00:00.000+00:00")
        (key,) = here.presentation_ids()
        assert there.add(here.read(key)) == 2
        assert there.add(here.read(key)) == 0
        (copy,) = there.presentation_ids()
        assert there.read(copy).digest == here.read(key).digest
        assert there.records() == here.records()

        there.record(make_strip(), Opinion("down", 0), "2025-01-03T00:00:00.000+00:00")
        assert there.add(here.read(key)) == 0
        assert there.statistics().downs == 1
        assert here.add(there.read(copy)) == 1
        assert (here.statistics().ups, here.statistics().downs) == (0, 1)
        assert here.add(replace(here.read(key), opinions=())) == 0


def test_a_strip_that_another_window_deleted_is_said_to_be_gone(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        store.record(make_strip(), Opinion("up", 0))
        (key,) = store.presentation_ids()
        store.delete_all()
        with pytest.raises(PrefPaintError, match="deleted meanwhile"):
            store.read(key)
