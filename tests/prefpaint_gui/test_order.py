"""What a person says of the strip: an order of their own, none of these, and all of it undone."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication

from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.candidate_card import CandidateCard
from prefpaint_gui.widgets.strip_drag import place_of
from tests.prefpaint_gui.conftest import LEFT, Bench
from tests.prefpaint_gui.fakes import red_of
from training.preferences.images import pixel_hash
from training.preferences.records import Opinion

CONTROL = Qt.KeyboardModifier.ControlModifier
BEST_FIRST = sorted(range(4), key=red_of, reverse=True)
A, B, C, D = BEST_FIRST
STEP = place_of(1).x() - place_of(0).x()


@pytest.fixture
def filled(painted: Bench) -> Bench:
    """Four candidates, best first."""
    painted.generate()
    return painted


def pointer(card: CandidateCard, kind: QEvent.Type, point: QPoint) -> None:
    """Send a card an event of the mouse, of which the left button is held until its release."""
    button = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else LEFT
    held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else LEFT
    at = QPointF(card.mapFromGlobal(point))
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(card, QMouseEvent(kind, at, QPointF(point), button, held, none))


def drag(bench: Bench, seed: int, places: float, before_drop: Callable[[], object] = bool) -> None:
    """Drag a card so many places to the right."""
    card = bench.program.window.strip.cards[seed]
    start = card.mapToGlobal(QPoint(80, 60))
    end = start + QPoint(round(places * STEP), 4)
    pointer(card, QEvent.Type.MouseButtonPress, start)
    for tenth in range(1, 11):
        pointer(card, QEvent.Type.MouseMove, start + (end - start) * tenth / 10)
    before_drop()
    pointer(card, QEvent.Type.MouseButtonRelease, end)


def test_a_card_dragged_to_another_place_stays_there(filled: Bench):
    line = filled.program.window.strip.drag.line
    places: list[int] = []

    def look() -> None:
        assert line.isVisible()
        places.append(line.x())

    drag(filled, D, -2, look)
    assert place_of(0).x() < places[0] < place_of(1).x()
    assert not line.isVisible()
    assert filled.seeds == [A, D, B, C]
    filled.until(lambda: filled.opinions() == [Opinion("order", order=(A, D, B, C))])
    badges = [filled.program.window.strip.cards[seed].badge.text() for seed in filled.seeds]
    assert badges == ["1", "2", "3", "4"]


def test_an_order_is_kept_with_the_places_before_it_was_given(filled: Bench):
    drag(filled, A, 3)
    filled.until(lambda: bool(filled.store.kept))
    ((presentation, opinion),) = filled.store.kept.values()
    assert opinion.order == (B, C, D, A)
    assert [shown.seed for shown in presentation.candidates] == [A, B, C, D]
    filled.key(Qt.Key.Key_1)
    filled.key(Qt.Key.Key_Up)
    filled.until(lambda: len(filled.store.kept) == 2)
    (presentation, opinion) = list(filled.store.kept.values())[-1]
    assert opinion == Opinion("up", B)
    assert [shown.rank for shown in presentation.candidates if shown.seed == B] == [1]


def test_a_further_drag_takes_the_place_of_the_first(filled: Bench):
    drag(filled, D, -1)
    drag(filled, A, 1)
    assert filled.seeds == [B, A, D, C]
    filled.until(lambda: filled.opinions() == [Opinion("order", order=(B, A, D, C))])


@pytest.mark.parametrize("places", [0.0, 0.3, -5.0])
def test_a_card_that_comes_back_to_its_place_says_nothing(filled: Bench, places: float):
    drag(filled, A, places)
    assert filled.seeds == BEST_FIRST
    assert filled.program.document.undo_label == "rectangle"


def test_escape_ends_a_drag_and_nothing_else(filled: Bench):
    def escape() -> None:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, CONTROL & ~CONTROL)
        QApplication.sendEvent(filled.program.window.canvas, event)

    drag(filled, D, -2, escape)
    assert filled.seeds == BEST_FIRST
    assert filled.program.candidates.own_order == ()
    assert filled.program.candidates.shown is not None


def test_the_candidate_shown_moves_by_key_and_stays_shown(filled: Bench):
    filled.key(Qt.Key.Key_Right, CONTROL)
    assert filled.seeds == [B, A, C, D]
    assert filled.program.candidates.shown is filled.program.candidates.by_seed(A)
    filled.key(Qt.Key.Key_Left, CONTROL)
    filled.key(Qt.Key.Key_Left, CONTROL)
    assert filled.seeds == BEST_FIRST
    filled.until(lambda: filled.opinions() == [Opinion("order", order=(A, B, C, D))])


def test_placeholders_are_not_dragged_and_late_ones_stand_behind(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    drag(painted, D, -3)
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert painted.seeds == [D, A, B, C]
    painted.inpainter.drafts = False
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    drag(painted, 4, 2)
    assert painted.seeds == [4, 5, 6, 7]
    assert painted.program.candidates.own_order == ()


def test_an_order_is_undone_redone_and_given_back_to_the_model(filled: Bench):
    side = filled.program.window.strip.side
    assert not side.back.isVisible()
    drag(filled, D, -3)
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert filled.seeds == BEST_FIRST
    filled.until(lambda: filled.opinions() == [])
    filled.key(Qt.Key.Key_Y, CONTROL)
    assert filled.seeds == [D, A, B, C]
    filled.until(lambda: filled.opinions() == [Opinion("order", order=(D, A, B, C))])
    filled.qtbot.mouseClick(side.back, LEFT)
    assert filled.seeds == BEST_FIRST
    assert not side.back.isVisible()
    filled.until(lambda: filled.opinions() == [])
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert filled.seeds == [D, A, B, C]


def test_none_of_these_is_said_and_taken_back(filled: Bench):
    none = filled.program.window.strip.side.none
    filled.qtbot.mouseClick(none, LEFT)
    assert none.isChecked()
    filled.until(lambda: filled.opinions() == [Opinion("none")])
    filled.key(Qt.Key.Key_N)
    assert not none.isChecked()
    filled.until(lambda: filled.opinions() == [])
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert none.isChecked()
    filled.until(lambda: filled.opinions() == [Opinion("none")])
    filled.generate()
    assert not none.isChecked()


def test_thumbs_are_steps_that_can_be_undone(filled: Bench):
    thumbs = filled.program.candidates
    filled.key(Qt.Key.Key_Up)
    filled.key(Qt.Key.Key_Down)
    filled.until(lambda: filled.opinions() == [Opinion("down", A)])
    assert filled.program.window.commands["undo"].text() == "&Undo thumb down"
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert thumbs.thumbs == {A: "up"}
    filled.until(lambda: filled.opinions() == [Opinion("up", A)])
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert thumbs.thumbs == {}
    filled.until(lambda: filled.opinions() == [])
    filled.key(Qt.Key.Key_Y, CONTROL)
    filled.until(lambda: filled.opinions() == [Opinion("up", A)])
    assert filled.program.document.undo_label == "thumb up"


def test_a_thumb_of_an_earlier_strip_is_undone_without_touching_this_one(filled: Bench):
    filled.key(Qt.Key.Key_Up)
    filled.until(lambda: len(filled.opinions()) == 1)
    filled.generate()
    filled.program.document.undo()
    filled.until(lambda: filled.opinions() == [])
    assert len(filled.program.candidates.ranked) == 4


def test_an_answer_leaves_photo_mask_and_the_next_seeds_alone(filled: Bench):
    document, session = filled.program.document, filled.program.session
    pixels, mask, seeds = document.pixels, document.mask.copy(), session.next_seeds
    filled.key(Qt.Key.Key_Up)
    drag(filled, D, -3)
    filled.key(Qt.Key.Key_Z, CONTROL)
    assert document.pixels is pixels
    assert (document.mask == mask).all()
    assert session.next_seeds == seeds
    assert filled.program.candidates.are_current


def test_the_strip_says_that_a_candidate_is_in_the_photo_until_it_is_saved(
    filled: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    message = filled.program.window.strip.message
    filled.key(Qt.Key.Key_Return)
    assert message.text().startswith("The candidate is in the photo.")
    monkeypatch.setattr(file_dialogs, "ask_save", lambda *_: tmp_path / "saved.png")
    filled.program.window.commands["save_as"].trigger()
    filled.until(lambda: not filled.program.document.is_modified)
    assert message.text().startswith("Candidates appear here")


def test_the_whole_photo_is_kept_where_that_is_wanted(filled: Bench):
    opened = filled.program.document.pixels.copy()
    filled.key(Qt.Key.Key_Up)
    filled.until(lambda: len(filled.opinions()) == 1)
    filled.program.window.commands["keeps_photos"].trigger()
    filled.key(Qt.Key.Key_N)
    filled.until(lambda: len(filled.opinions()) == 2)
    without, with_photo = [shown for shown, _ in filled.store.kept.values()]
    assert without.photo is None
    assert with_photo.photo is not None
    assert (with_photo.photo == opened).all()
    assert with_photo.photo_sha256 == pixel_hash(opened) == without.photo_sha256


def test_a_kept_photo_is_let_go_with_the_next_one(filled: Bench, tmp_path: Path):
    photo = weakref.ref(filled.program.document.photo.pixels)
    filled.program.window.commands["keeps_photos"].trigger()
    filled.key(Qt.Key.Key_Up)
    filled.until(lambda: len(filled.opinions()) == 1)
    (kept,) = filled.store.kept.values()
    assert kept[0].photo is photo()
    del kept
    filled.store.kept.clear()  # the fakes alone remember everything
    filled.inpainter.requests.clear()
    other = tmp_path / "other.png"
    Image.new("RGB", (40, 30)).save(other)
    filled.open(other)

    def is_let_go() -> bool:
        gc.collect()
        return photo() is None

    filled.until(is_let_go)
