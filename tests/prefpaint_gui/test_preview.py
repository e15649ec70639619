"""What is seen while a model works: on the canvas, on the cards, and never in the photo."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QEnterEvent
from PySide6.QtWidgets import QApplication

from tests.prefpaint_gui.conftest import Bench
from tests.prefpaint_gui.fakes import preview_red_of, red_of

CONTROL = Qt.KeyboardModifier.ControlModifier
BEST = max(range(4), key=red_of)


@pytest.fixture
def previewing(painted: Bench) -> Bench:
    """An order runs, with a preview of each seed and no candidate yet."""
    painted.use_diffusion()
    painted.inpainter.previews = True
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.previews) == 4)
    return painted


def middle_colour(bench: Bench) -> QColor:
    image = bench.program.window.canvas.grab().toImage()
    return image.pixelColor(bench.at(60, 45))


def card_colour(bench: Bench, seed: int) -> QColor:
    """The middle of a card's picture, which is the middle of the hole."""
    picture = bench.program.window.strip.cards[seed].picture
    return picture.grab().toImage().pixelColor(picture.rect().center())


def test_the_first_pending_candidate_is_previewed_in_place(previewing: Bench):
    document, window = previewing.program.document, previewing.program.window
    before = document.pixels.copy()
    assert middle_colour(previewing) == QColor(preview_red_of(0), 0, 0)
    assert window.area.state_hint.text() == "Preview of seed 0"
    assert np.array_equal(document.pixels, before)
    assert not window.commands["accept"].isEnabled()
    previewing.inpainter.gate.set()
    previewing.until(lambda: not previewing.program.session.is_busy)
    assert middle_colour(previewing).red() == red_of(BEST)
    assert previewing.program.candidates.previews == {}
    assert np.array_equal(document.pixels, before)


def test_only_the_hole_shows_the_preview(previewing: Bench):
    known = previewing.program.document.pixels[45, 2]
    previewing.program.window.commands["actual"].trigger()
    image = previewing.program.window.canvas.grab().toImage()
    assert image.pixelColor(previewing.at(2.2, 45.2)) == QColor(*(int(value) for value in known))


def test_the_preview_goes_when_the_order_is_cancelled(previewing: Bench):
    previewing.key(Qt.Key.Key_Escape)
    assert previewing.program.candidates.shown_preview is None
    assert middle_colour(previewing).red() != preview_red_of(0)
    assert not previewing.program.window.area.state_hint.isVisible()


def test_the_card_under_the_pointer_or_chosen_is_previewed(previewing: Bench):
    card = previewing.program.window.strip.cards[2]
    QApplication.sendEvent(card, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))
    assert middle_colour(previewing).red() == preview_red_of(2)
    QApplication.sendEvent(card, QEvent(QEvent.Type.Leave))
    assert middle_colour(previewing).red() == preview_red_of(0)
    previewing.qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert middle_colour(previewing).red() == preview_red_of(2)
    previewing.inpainter.gate.set()
    previewing.until(lambda: not previewing.program.session.is_busy)
    assert middle_colour(previewing).red() == red_of(2)


def test_a_stroke_shows_the_mask_while_the_order_runs(previewing: Bench):
    previewing.program.options.update(brush_size=8)
    previewing.drag((5, 5))
    assert previewing.program.session.is_busy
    assert previewing.program.candidates.shown_preview is None
    assert middle_colour(previewing).blue() > 90


def test_a_pending_card_shows_its_preview_dimly(previewing: Bench):
    for seed in range(4):
        red = card_colour(previewing, seed).red()
        assert abs(red - (preview_red_of(seed) + QColor("#2a2d32").red()) / 2) < 4
    assert previewing.program.window.strip.cards[1].waiting.isVisible()
    previewing.inpainter.gate.set()
    previewing.until(lambda: not previewing.program.session.is_busy)
    assert card_colour(previewing, 1).red() == red_of(1)


def test_a_preview_of_another_job_is_dropped(previewing: Bench):
    session, candidates = previewing.program.session, previewing.program.candidates
    stale = candidates.previews[0]
    previewing.key(Qt.Key.Key_Escape)
    session.on_previewed(stale)
    assert candidates.previews == {}
    previewing.inpainter.previews = False
    previewing.key(Qt.Key.Key_Return, CONTROL)
    session.on_previewed(stale)
    assert candidates.previews == {}


def test_progress_tells_the_stage(previewing: Bench):
    previewing.inpainter.gate.set()
    share = previewing.program.window.status.share
    with previewing.qtbot.waitSignal(previewing.program.session.jobs.progress_changed):
        pass
    assert share.text().startswith("Filling on CPU")
