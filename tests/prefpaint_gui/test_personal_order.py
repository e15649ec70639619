"""The strip in the order of a person's taste, learned from their answers as they are given."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import Program, build_window
from prefpaint_gui.settings import Settings, load_settings
from prefpaint_gui.state.messages import Taste
from prefpaint_gui.state.models import PATCHMATCH
from prefpaint_gui.widgets import profile_menu
from tests.prefpaint_gui.conftest import LEFT, Bench
from tests.prefpaint_gui.fakes import FakeScorer, fake_backends, red_of
from training.preferences.judged import joined
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore
from training.reward.personal import learn

CONTROL = Qt.KeyboardModifier.ControlModifier


def liking(seed: int) -> float:
    """What the person of these tests looks for, which the reward does not see."""
    return float(np.cos(2.0 * red_of(seed)))


def best_first(seeds: list[int]) -> list[int]:
    return sorted(seeds, key=red_of, reverse=True)


@pytest.fixture
def tasteful(painted: Bench) -> Bench:
    """Features tell of what the person likes and of what they do not care for."""
    painted.scorer.features = lambda red: [np.cos(2.0 * red), np.sin(1.3 * red), red / 100]
    return painted


def press_thumb(bench: Bench, seed: int, thumb: str) -> None:
    bench.qtbot.mouseClick(bench.program.window.strip.cards[seed].thumbs[thumb], LEFT)


def answers(bench: Bench) -> int:
    taste = bench.program.personal.taste
    return taste.reward.answers if taste is not None else -1


def teach(bench: Bench, strips: int) -> None:
    """Generate so many strips, with a thumb up for the one liked most of each."""
    for _ in range(strips):
        bench.generate()
        bench.until(lambda: answers(bench) >= 0)
        before = answers(bench)
        press_thumb(bench, max(bench.seeds, key=liking), "up")
        bench.until(lambda before=before: answers(bench) > before)


def test_before_the_first_answer_the_order_is_the_general_one(tasteful: Bench):
    tasteful.generate()
    tasteful.until(lambda: answers(tasteful) == 0)
    card = tasteful.program.window.strip.cards[tasteful.seeds[0]]
    side = tasteful.program.window.strip.side
    assert tasteful.seeds == best_first([0, 1, 2, 3])
    assert card.reward.text() == f"+{red_of(tasteful.seeds[0]) / 100:.2f}"
    assert side.own.isChecked()
    assert "no answers yet" in side.facts.text()
    assert "nothing learned yet" in side.own.toolTip()


def test_thumbs_bring_what_the_person_likes_to_the_front(tasteful: Bench):
    teach(tasteful, 24)
    places, general_places = 0, 0
    for _ in range(5):
        tasteful.generate()
        seeds = tasteful.seeds
        liked = max(seeds, key=liking)
        places += seeds.index(liked)
        general_places += best_first(seeds).index(liked)
    assert places < general_places
    card = tasteful.program.window.strip.cards[seeds[0]]
    general = tasteful.program.candidates.by_seed(seeds[0]).fill.score
    assert card.reward.text() != f"+{general.reward:.2f}"
    assert f"General reward +{general.reward:.2f}" in card.reward.toolTip()
    assert card.trust.trust < general.trust
    assert "Learned from 24 answers" in tasteful.program.window.strip.side.facts.text()


def test_the_switch_brings_back_the_general_order_and_the_personal_one(tasteful: Bench):
    teach(tasteful, 12)
    tasteful.generate()
    side, personal_order = tasteful.program.window.strip.side, tasteful.seeds
    card = tasteful.program.window.strip.cards[personal_order[0]]
    tasteful.qtbot.mouseClick(side.general, LEFT)
    assert tasteful.seeds == best_first(personal_order)
    assert card.reward.text() == f"+{red_of(card.seed) / 100:.2f}"
    assert not tasteful.program.window.commands["personal_order"].isChecked()
    tasteful.key(Qt.Key.Key_P)
    assert side.own.isChecked()
    tasteful.until(lambda: tasteful.seeds == personal_order)


def test_a_new_reward_learns_from_what_was_said_under_the_old_one(tasteful: Bench):
    teach(tasteful, 12)
    tasteful.until(lambda: len(tasteful.store.kept) == 12)
    tasteful.scorer.name = "trained"
    tasteful.scorer.features = lambda red: [red / 90, np.cos(2.0 * red), np.sin(0.7 * red)]
    tasteful.program.training.choose("/rewards/trained.safetensors")
    tasteful.generate()
    tasteful.until(lambda: answers(tasteful) == 12)
    assert tasteful.program.personal.taste.order.reward_model == "trained"
    press_thumb(tasteful, tasteful.seeds[0], "down")
    tasteful.until(lambda: answers(tasteful) == 13)
    for left in (12, 11, 10):  # of the last two the old reward scored the fills
        tasteful.key(Qt.Key.Key_Z, CONTROL)
        tasteful.until(lambda left=left: answers(tasteful) == left)
    tasteful.key(Qt.Key.Key_Z, CONTROL, Qt.KeyboardModifier.ShiftModifier)
    tasteful.until(lambda: answers(tasteful) == 11)


def test_learning_again_makes_what_is_on_its_way_void(tasteful: Bench):
    tasteful.generate()
    tasteful.until(lambda: answers(tasteful) == 0)
    personal = tasteful.program.personal
    before = personal.taste.order
    with tasteful.qtbot.waitSignal(personal.taste_wanted) as wanted:
        personal.learn_again()
    assert wanted.args[0] == before
    assert wanted.args[0] is not before


def test_the_strip_does_not_wait_for_the_disk(tasteful: Bench):
    teach(tasteful, 3)
    tasteful.generate()
    tasteful.until(lambda: len(tasteful.store.kept) == 3)
    tasteful.store.gate.clear()
    for count, seed in enumerate(tasteful.seeds[:2], 4):
        press_thumb(tasteful, seed, "down")
        tasteful.until(lambda count=count: answers(tasteful) == count)
    assert len(tasteful.store.kept) == 3
    tasteful.store.gate.set()
    tasteful.until(lambda: len(tasteful.store.kept) == 5)


def test_what_stood_on_the_strip_is_kept_in_its_order(tasteful: Bench):
    teach(tasteful, 12)
    tasteful.generate()
    shown = tasteful.seeds
    press_thumb(tasteful, shown[1], "down")
    tasteful.until(lambda: len(tasteful.store.kept) == 13)
    presentation, opinion = list(tasteful.store.kept.values())[-1]
    assert [candidate.seed for candidate in presentation.candidates] == shown
    rewards = [candidate.reward for candidate in presentation.candidates]
    assert rewards == [red_of(seed) / 100 for seed in shown]
    assert opinion == Opinion("down", shown[1])


def test_what_is_learned_is_what_the_store_teaches(tasteful: Bench):
    teach(tasteful, 4)
    press_thumb(tasteful, min(tasteful.seeds, key=liking), "down")
    liked = max(tasteful.seeds, key=liking)
    press_thumb(tasteful, liked, "up")
    press_thumb(tasteful, liked, "up")
    tasteful.program.document.undo()
    tasteful.program.document.undo()
    tasteful.until(lambda: len(tasteful.store.kept) == 5 and answers(tasteful) == 5)
    stored = learn(joined(tasteful.store.judged_strips("me", "redness")))
    now = tasteful.program.personal.taste.reward
    assert np.allclose(stored.weights, now.weights, atol=1e-6)
    assert stored.answers == now.answers


def test_taking_an_answer_back_takes_back_what_it_taught(tasteful: Bench):
    teach(tasteful, 3)
    weights = tasteful.program.personal.taste.reward.weights
    press_thumb(tasteful, min(tasteful.seeds, key=liking), "down")
    tasteful.until(lambda: answers(tasteful) == 4)
    tasteful.key(Qt.Key.Key_Z, CONTROL)
    tasteful.until(lambda: answers(tasteful) == 3)
    assert np.allclose(tasteful.program.personal.taste.reward.weights, weights, atol=1e-6)


def test_an_answer_that_cannot_be_kept_teaches_nothing(tasteful: Bench):
    teach(tasteful, 1)
    tasteful.until(lambda: len(tasteful.store.kept) == 1)
    tasteful.store.error = "The disk is full."
    press_thumb(tasteful, min(tasteful.seeds, key=liking), "down")
    tasteful.until(tasteful.program.window.banner.isVisible)
    tasteful.until(lambda: answers(tasteful) == 1)


def test_what_was_said_before_personal_order_was_on_counts_too(tasteful: Bench):
    tasteful.program.personal.update(personal_order=False)
    tasteful.generate()
    press_thumb(tasteful, tasteful.seeds[-1], "up")
    tasteful.key(Qt.Key.Key_P)
    tasteful.until(lambda: answers(tasteful) == 1)


def test_each_profile_has_answers_of_its_own(tasteful: Bench, monkeypatch: pytest.MonkeyPatch):
    teach(tasteful, 1)
    seed = min(tasteful.seeds, key=liking)
    press_thumb(tasteful, seed, "down")
    menu = tasteful.program.window.findChild(profile_menu.ProfileMenu)
    monkeypatch.setattr(profile_menu, "ask_profile_name", lambda _: "  Ann  Lee ")
    action(menu, "&New profile…").trigger()
    assert tasteful.program.personal.values.profile == "Ann Lee"
    assert tasteful.program.candidates.thumbs == {}
    tasteful.until(lambda: answers(tasteful) == 0)
    press_thumb(tasteful, seed, "up")
    tasteful.until(lambda: answers(tasteful) == 1)
    assert tasteful.opinions()[-1] == Opinion("up", seed, person="Ann Lee")
    menu.aboutToShow.emit()
    action(menu, "me").trigger()
    assert tasteful.program.candidates.thumbs[seed] == "down"
    tasteful.until(lambda: answers(tasteful) == 2)


def test_others_in_the_store_are_offered_and_kept_once_chosen(tasteful: Bench):
    teach(tasteful, 1)
    tasteful.until(lambda: len(tasteful.store.kept) == 1)
    presentation, _ = tasteful.store.kept[1]
    longest = "Dr " * 21 + "M"
    for number, name in enumerate(("Ann  Lee", longest, longest + "m"), 100):  # as imports bring
        opinion = Opinion("up", tasteful.seeds[0], person=name)
        tasteful.store.kept[number] = (presentation, opinion)
    tasteful.program.personal.learn_again()
    tasteful.until(lambda: len(tasteful.program.personal.names) == 3)
    assert tasteful.program.personal.values.profiles == ("me",)
    menu = tasteful.program.window.findChild(profile_menu.ProfileMenu)
    menu.aboutToShow.emit()
    assert action(menu, longest) is not None
    action(menu, "Ann  Lee").trigger()
    tasteful.until(lambda: answers(tasteful) == 1)
    assert tasteful.program.personal.values.profile == "Ann  Lee"
    assert tasteful.program.personal.values.profiles == ("me", "Ann  Lee")


def action(menu: profile_menu.ProfileMenu, text: str):
    return next(entry for entry in menu.actions() if entry.text() == text)


@pytest.mark.parametrize("is_sure", [True, False])
def test_a_reset_is_asked_for_and_keeps_the_records(
    tasteful: Bench, monkeypatch: pytest.MonkeyPatch, is_sure: bool
):
    teach(tasteful, 2)
    tasteful.until(lambda: len(tasteful.store.kept) == 2)
    menu = tasteful.program.window.findChild(profile_menu.ProfileMenu)
    monkeypatch.setattr(profile_menu, "ask_reset", lambda *_: is_sure)
    action(menu, "&Reset what was learned…").trigger()
    tasteful.until(lambda: answers(tasteful) == (0 if is_sure else 2))
    assert len(tasteful.store.kept) == 2


def test_falling_back_to_the_general_order_is_said_once(tasteful: Bench):
    program, notice = tasteful.program, tasteful.program.window.status.notice
    teach(tasteful, 2)
    taste = program.personal.taste
    better = Taste(taste.order, replace(taste.reward, right=0.7, general_right=0.4))
    worse = Taste(taste.order, replace(taste.reward, right=0.4, general_right=0.7))
    program.personal.on_learned(better)
    program.personal.on_learned(worse)
    assert notice.text() == worse.reward.sentence
    assert tasteful.seeds == best_first(tasteful.seeds)
    side = program.window.strip.side
    assert side.own.toolTip() == worse.reward.sentence
    assert "as General" in side.facts.text()
    notice.clear()
    program.personal.on_learned(worse)
    assert notice.text() == ""


def test_profile_and_switches_come_back_with_the_next_start(qtbot, tmp_path: Path):
    file = tmp_path / "settings.json"

    def start(settings: Settings):
        program = build_window(fake_backends(), settings, file)
        qtbot.addWidget(program.window)
        return program

    program = start(Settings())
    program.personal.add_profile("Ann")
    program.personal.update(personal_order=False, asks=True)
    program.personal.reset()
    program.window.close()
    values = program.personal.values
    program = start(load_settings(file))
    assert program.personal.values == values
    assert program.window.commands["asks"].isChecked()
    program.window.close()


def test_what_one_window_resets_and_begins_outlives_another(qtbot, tmp_path: Path):
    file = tmp_path / "settings.json"
    first, second = (build_window(fake_backends(), load_settings(file), file) for _ in range(2))
    for program in (first, second):
        qtbot.addWidget(program.window)
    first.personal.add_profile("Ann")
    assert load_settings(file).profiles == ("me", "Ann")  # written at once
    first.personal.reset()
    since = first.personal.values.learned_since
    assert load_settings(file).learned_since == since
    second.personal.add_profile("Bob")
    second.personal.reset()
    first.window.close()
    second.window.close()
    kept = load_settings(file)
    assert kept.profile == "Bob"
    assert set(kept.profiles) == {"me", "Ann", "Bob"}
    assert kept.learned_since == since | second.personal.values.learned_since


# --- another window -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Two:
    """Two windows over one store and one file of settings; the second has learned of two thumbs."""

    first: Program
    second: Program
    folder: Path

    @property
    def learned(self) -> int:
        taste = self.second.personal.taste
        return taste.reward.answers if taste is not None else -1


@pytest.fixture
def two(qtbot: QtBot, tmp_path: Path, photo_path: Path) -> Iterator[Two]:
    scorer = FakeScorer()
    scorer.features = lambda red: [np.cos(2.0 * red), np.sin(1.3 * red), red / 100]
    backends = fake_backends(
        store=lambda: PreferenceStore(tmp_path / "store"),
        scorer=lambda _: scorer,
        models=lambda: [PATCHMATCH],
    )
    file = tmp_path / "settings.json"
    first, second = (build_window(backends, load_settings(file), file) for _ in range(2))
    for program in (first, second):
        qtbot.addWidget(program.window)
        with qtbot.waitExposed(program.window):
            program.show()
    second.window.activateWindow()
    second.window.files.open_path(photo_path)
    qtbot.waitUntil(lambda: second.document.is_open)
    second.document.fill_rectangle((40, 30), (80, 60))
    second.window.commands["generate"].trigger()
    qtbot.waitUntil(lambda: second.personal.taste is not None and not second.session.is_busy)
    for seed in (0, 1):
        button = second.window.strip.cards[seed].thumbs["up"]
        qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: second.personal.taste.reward.answers == 2)
    with PreferenceStore(tmp_path / "store") as store:
        qtbot.waitUntil(lambda: len(store.records()) == 2)
    yield Two(first, second, tmp_path / "store")
    for program in (first, second):
        program.window.close()


def test_what_is_deleted_elsewhere_is_forgotten_when_the_person_comes_back(qtbot: QtBot, two: Two):
    two.first.window.activateWindow()
    with PreferenceStore(two.folder) as store:
        store.delete_all()
    assert two.learned == 2
    two.second.window.activateWindow()
    qtbot.waitUntil(lambda: two.learned == 0)


def test_what_is_deleted_elsewhere_is_forgotten_with_the_next_answer(qtbot: QtBot, two: Two):
    with PreferenceStore(two.folder) as store:
        store.delete_all()
    qtbot.mouseClick(two.second.window.strip.cards[2].thumbs["up"], LEFT)
    qtbot.waitUntil(lambda: two.learned == 1)


def test_a_reset_in_one_window_holds_in_the_other(qtbot: QtBot, two: Two):
    two.first.window.activateWindow()
    two.first.personal.reset()
    two.second.window.activateWindow()
    qtbot.waitUntil(lambda: two.learned == 0)
    assert two.second.personal.values.learned_since == two.first.personal.values.learned_since
