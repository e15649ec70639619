"""The question which of some fills is best: seldom, and only for those who asked for it."""

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


def generate_asked(bench: Bench) -> tuple[int, ...]:
    bench.generate()
    bench.until(lambda: bench.program.asking.question is not None)
    return bench.program.asking.question.seeds


def test_nothing_is_asked_unless_it_is_wanted(painted: Bench):
    painted.scorer.features = lambda red: [np.cos(red), np.sin(1.3 * red)]
    painted.generate()
    painted.until(lambda: painted.program.personal.taste is not None)
    assert painted.program.asking.question is None
    assert not painted.program.window.strip.side.question.isVisible()


@pytest.mark.usefixtures("clock")
def test_the_cards_are_marked_and_the_choice_is_kept(painted: Bench):
    seeds = generate_asked(painted)
    cards, panel = painted.program.window.strip.cards, painted.program.window.strip.side.question
    assert panel.isVisible()
    assert 2 <= len(seeds) <= 4
    assert list(seeds) == [seed for seed in painted.seeds if seed in seeds]
    marks = {seed: card.mark.text() for seed, card in cards.items() if card.mark.isVisible()}
    assert marks == dict(zip(seeds, "ABCD", strict=False))
    assert sum(button.isVisible() for button in panel.choices) == len(seeds)
    painted.qtbot.mouseClick(panel.choices[1], LEFT)
    assert not panel.isVisible()
    assert not any(card.mark.isVisible() for card in cards.values())
    chosen = (seeds[1], seeds[0], *seeds[2:])
    painted.until(lambda: painted.opinions() == [Opinion("best", order=chosen)])
    assert painted.program.candidates.own_order == ()


@pytest.mark.usefixtures("clock")
def test_it_is_answered_by_key(painted: Bench):
    seeds = generate_asked(painted)
    painted.key(Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
    painted.until(lambda: painted.opinions() == [Opinion("best", order=seeds)])


def test_no_answer_is_an_answer_too(painted: Bench, clock: Clock):
    generate_asked(painted)
    panel = painted.program.window.strip.side.question
    painted.qtbot.mouseClick(panel.skip, LEFT)
    assert not panel.isVisible()
    clock.seconds += PAUSE_S
    painted.key(Qt.Key.Key_Up)
    painted.until(lambda: painted.opinions() != [])
    assert painted.program.asking.question is None  # one question a strip


def test_a_question_fits_beside_the_way_to_earlier_fills(painted: Bench, clock: Clock):
    generate_asked(painted)
    clock.seconds += PAUSE_S
    generate_asked(painted)
    side = painted.program.window.strip.side
    assert side.question.isVisible()
    assert side.earlier.isVisible()
    assert side.none.isVisible()
    assert side.minimumSizeHint().height() <= side.height()


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
def test_an_answer_stays_beside_an_order(painted: Bench):
    seeds = generate_asked(painted)
    painted.program.asking.answer(seeds[1])
    painted.until(lambda: len(painted.opinions()) == 1)
    painted.key(Qt.Key.Key_1)
    painted.key(Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    painted.until(lambda: [one.signal for one in painted.opinions()] == ["best", "order"])
    painted.program.document.undo()
    painted.until(lambda: [one.signal for one in painted.opinions()] == ["best"])
    assert painted.program.candidates.own_order == ()
    painted.program.document.undo()
    painted.until(lambda: painted.opinions() == [])


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
def test_thumbs_on_all_its_cards_answer_it(painted: Bench):
    first, *others = generate_asked(painted)
    cards, panel = painted.program.window.strip.cards, painted.program.window.strip.side.question
    painted.qtbot.mouseClick(cards[first].thumbs["up"], LEFT)
    assert panel.isVisible()
    painted.program.personal.add_profile("Ann")  # who has said nothing
    painted.until(lambda: painted.program.personal.taste is not None)
    for seed in others:
        painted.qtbot.mouseClick(cards[seed].thumbs["down"], LEFT)
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

    assert is_in_view(seeds[0])
    panel = strip.side.question
    for button, seed in zip(panel.choices, seeds, strict=False):
        QApplication.sendEvent(button, QEvent(QEvent.Type.Enter))
        assert is_in_view(seed)
