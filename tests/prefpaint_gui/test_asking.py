"""The question which of two fills is better: seldom, and only for those who asked for it."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication

from prefpaint_gui.state.asking import PAUSE_S
from tests.prefpaint_gui.conftest import LEFT, Bench
from training.preferences.records import Opinion


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(painted: Bench) -> Clock:
    """The window asks, and time stands still unless it is told to go on."""
    painted.scorer.features = lambda red: [np.cos(red), np.sin(1.3 * red), red / 100]
    painted.program.asking.now = clock = Clock()
    painted.program.window.commands["asks"].trigger()
    return clock


def generate_asked(bench: Bench) -> tuple[int, int]:
    bench.generate()
    bench.until(lambda: bench.program.asking.question is not None)
    question = bench.program.asking.question
    return question.first, question.second


def test_nothing_is_asked_unless_it_is_wanted(painted: Bench):
    painted.scorer.features = lambda red: [np.cos(red), np.sin(1.3 * red)]
    painted.generate()
    painted.until(lambda: painted.program.personal.taste is not None)
    assert painted.program.asking.question is None
    assert not painted.program.window.strip.side.question.isVisible()


@pytest.mark.usefixtures("clock")
def test_the_two_cards_are_marked_and_the_choice_is_kept(painted: Bench):
    first, second = generate_asked(painted)
    cards, panel = painted.program.window.strip.cards, painted.program.window.strip.side.question
    assert panel.isVisible()
    assert {seed: card.mark.text() for seed, card in cards.items() if card.mark.isVisible()} == {
        first: "A",
        second: "B",
    }
    assert painted.seeds.index(first) < painted.seeds.index(second)
    painted.qtbot.mouseClick(panel.second, LEFT)
    assert not panel.isVisible()
    assert not any(card.mark.isVisible() for card in cards.values())
    painted.until(lambda: painted.opinions() == [Opinion("order", order=(second, first))])
    assert painted.program.candidates.own_order == ()


@pytest.mark.usefixtures("clock")
def test_it_is_answered_by_key(painted: Bench):
    first, second = generate_asked(painted)
    painted.key(Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
    painted.until(lambda: painted.opinions() == [Opinion("order", order=(first, second))])


def test_no_answer_is_an_answer_too(painted: Bench, clock: Clock):
    generate_asked(painted)
    panel = painted.program.window.strip.side.question
    painted.qtbot.mouseClick(panel.neither, LEFT)
    assert not panel.isVisible()
    clock.seconds += PAUSE_S
    painted.key(Qt.Key.Key_Up)
    painted.until(lambda: painted.opinions() != [])
    assert painted.program.asking.question is None  # one question a strip


def test_there_is_at_most_one_question_a_minute(painted: Bench, clock: Clock):
    generate_asked(painted)
    painted.program.asking.dismiss()
    clock.seconds += PAUSE_S - 1
    painted.generate()
    assert painted.program.asking.question is None
    clock.seconds += 1
    generate_asked(painted)


@pytest.mark.usefixtures("clock")
def test_an_order_of_ones_own_says_more_than_an_answer(painted: Bench):
    generate_asked(painted)
    painted.key(Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert painted.program.asking.question is None
    painted.until(lambda: len(painted.opinions()) == 1)
    assert len(painted.opinions()[0].order) == 4


@pytest.mark.usefixtures("clock")
def test_an_answer_gives_way_to_an_order_and_comes_back_with_undo(painted: Bench):
    first, second = generate_asked(painted)
    painted.program.asking.answer(second)
    painted.until(lambda: len(painted.opinions()) == 1)
    painted.key(Qt.Key.Key_1)
    painted.key(Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    painted.until(lambda: [len(opinion.order) for opinion in painted.opinions()] == [4])
    painted.program.document.undo()
    painted.until(lambda: [opinion.order for opinion in painted.opinions()] == [(second, first)])
    assert painted.program.candidates.own_order == ()


@pytest.mark.usefixtures("clock")
def test_a_question_goes_with_its_candidates(painted: Bench):
    generate_asked(painted)
    painted.key(Qt.Key.Key_Return)
    assert painted.program.asking.question is None
    painted.program.document.undo()
    assert painted.program.asking.question is None
    painted.program.window.commands["asks"].trigger()
    painted.generate()
    assert painted.program.asking.question is None


@pytest.mark.usefixtures("clock")
def test_nothing_is_asked_while_candidates_are_made(painted: Bench):
    painted.inpainter.gate.clear()
    painted.inpainter.drafts = True
    painted.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    painted.until(lambda: painted.program.personal.taste is not None)
    assert painted.program.asking.question is None
    painted.inpainter.gate.set()
    painted.until(lambda: painted.program.asking.question is not None)


@pytest.mark.usefixtures("clock")
def test_thumbs_on_both_cards_answer_it(painted: Bench):
    first, second = generate_asked(painted)
    cards, panel = painted.program.window.strip.cards, painted.program.window.strip.side.question
    painted.qtbot.mouseClick(cards[first].thumbs["up"], LEFT)
    assert panel.isVisible()
    painted.program.personal.add_profile("Ann")  # who has said nothing
    painted.until(lambda: painted.program.personal.taste is not None)
    painted.qtbot.mouseClick(cards[second].thumbs["down"], LEFT)
    assert panel.isVisible()
    painted.qtbot.mouseClick(cards[first].thumbs["up"], LEFT)
    assert not panel.isVisible()
    assert painted.program.asking.question is None


@pytest.mark.usefixtures("clock")
def test_in_a_small_window_the_cards_asked_about_come_into_view(painted: Bench):
    strip = painted.program.window.strip
    painted.program.window.resize(900, 640)
    painted.program.options.update(count=8)
    seeds = generate_asked(painted)

    def is_in_view(seed: int) -> bool:
        area = strip.drag.line.parentWidget().parentWidget()
        card = strip.cards[seed]
        left = card.mapTo(area, QPoint()).x()
        return 0 <= left <= area.width() - card.width()

    both = painted.seeds.index(seeds[1]) - painted.seeds.index(seeds[0]) < 3
    assert is_in_view(seeds[1])
    assert is_in_view(seeds[0]) == both
    panel = strip.side.question
    for button, seed in zip((panel.first, panel.second), seeds, strict=True):
        QApplication.sendEvent(button, QEvent(QEvent.Type.Enter))
        assert is_in_view(seed)
