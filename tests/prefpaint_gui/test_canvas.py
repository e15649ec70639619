"""The canvas under real mouse and keyboard events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from prefpaint_gui.photo_io import photo_from_pixels
from prefpaint_gui.state.options import Tool
from prefpaint_gui.state.strokes import capsule
from prefpaint_gui.widgets.viewport import Viewport, fitted
from tests.prefpaint_gui.conftest import Bench

GREY = 120


@pytest.fixture
def grey(bench: Bench) -> Bench:
    """The window with an even photo of 200 x 150 pixels."""
    bench.program.document.load(photo_from_pixels(np.full((150, 200, 3), GREY, np.uint8)))
    return bench


def wheel(bench: Bench, at: QPoint, notches: int) -> None:
    canvas = bench.program.window.canvas
    event = QWheelEvent(
        QPointF(at),
        QPointF(canvas.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def colour_at(bench: Bench, x: float, y: float) -> QColor:
    return bench.program.window.canvas.grab().toImage().pixelColor(bench.at(x, y))


@pytest.mark.parametrize("notches", [-6, 0, 9])
def test_a_stroke_marks_the_pixels_under_the_brush_at_any_zoom(grey: Bench, notches: int):
    wheel(grey, grey.at(100, 75), notches)
    grey.program.options.update(brush_size=9)
    canvas, document = grey.program.window.canvas, grey.program.document
    start, end = (96.0, 70.0), (104.0, 78.0)
    grey.drag(start, end)
    # The mouse knows whole pixels of the screen, so the ends are those of the rounded points.
    ratio = canvas.devicePixelRatioF()
    ends = [grey.at(*point).toPointF() * ratio for point in (start, end)]
    real = [canvas.viewport.to_photo(point.x(), point.y()) for point in ends]
    drawn = capsule(real[0], real[1], 4.5, 150, 200)
    expected = np.zeros((150, 200), bool)
    assert drawn is not None
    expected[drawn[0].slices] = drawn[1]
    # The middle of the way lies on the capsule as well, whatever moves came in between.
    assert np.array_equal(document.mask, expected)


def test_a_fast_stroke_leaves_no_gaps(grey: Bench):
    grey.program.options.update(brush_size=6)
    grey.drag((20, 75), (180, 75))
    assert grey.program.document.mask[75, 20:180].all()


def test_the_eraser_and_undo(grey: Bench):
    document = grey.program.document
    grey.drag((50, 75), (150, 75))
    painted = document.mask.copy()
    grey.key(Qt.Key.Key_E)
    grey.drag((100, 75))
    assert not document.mask[75, 100]
    assert document.mask[75, 55]
    grey.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(document.mask, painted)
    shift = Qt.KeyboardModifier.ShiftModifier
    grey.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier, shift)
    assert not document.mask[75, 100]


def test_the_rectangle_invert_and_clear(grey: Bench):
    document = grey.program.document
    grey.key(Qt.Key.Key_M)
    grey.drag((40, 30), (60, 50))
    assert document.mask[31:49, 41:59].all()
    assert document.mask.sum() < 24 * 24
    grey.key(Qt.Key.Key_I)
    assert not document.mask[40, 50]
    assert document.mask[0, 0]
    grey.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert not document.mask.any()


def test_keys_change_tool_and_size(grey: Bench):
    options = grey.program.options
    size = options.values.brush_size
    grey.key(Qt.Key.Key_BracketRight)
    assert options.values.brush_size > size
    grey.key(Qt.Key.Key_BracketLeft)
    assert options.values.brush_size == size
    grey.key(Qt.Key.Key_X)
    assert options.values.tool is Tool.ERASER
    grey.key(Qt.Key.Key_B)
    assert options.values.tool is Tool.BRUSH


def test_the_wheel_holds_the_point_under_the_pointer(grey: Bench):
    spot = grey.at(150, 40)
    canvas = grey.program.window.canvas
    before = canvas.viewport.to_photo(spot.x(), spot.y())
    wheel(grey, spot, 5)
    assert canvas.viewport.to_photo(spot.x(), spot.y()) == pytest.approx(before)
    grey.key(Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert canvas.viewport.scale == 1
    grey.key(Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert canvas.viewport == fitted((200, 150), (canvas.width(), canvas.height()))


def test_space_and_the_middle_button_drag_the_photo(grey: Bench):
    canvas, document = grey.program.window.canvas, grey.program.document
    before = canvas.viewport
    grey.qtbot.keyPress(canvas, Qt.Key.Key_Space)
    grey.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    grey.qtbot.mouseMove(canvas, QPoint(130, 90))
    grey.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(130, 90))
    grey.qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert (canvas.viewport.x, canvas.viewport.y) == (before.x + 30, before.y - 10)
    grey.qtbot.mousePress(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(130, 90))
    grey.qtbot.mouseMove(canvas, QPoint(100, 100))
    grey.qtbot.mouseRelease(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(100, 100))
    assert canvas.viewport == before
    assert not document.mask.any()


def test_another_button_does_not_keep_a_stroke_going(grey: Bench):
    canvas, document = grey.program.window.canvas, grey.program.document
    left, middle = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
    grey.qtbot.mousePress(canvas, left, pos=grey.at(50, 50))
    grey.qtbot.mousePress(canvas, middle, pos=grey.at(60, 50))
    grey.qtbot.mouseRelease(canvas, left, pos=grey.at(60, 50))
    assert not document.is_painting
    painted = document.mask.sum()
    grey.qtbot.mouseRelease(canvas, middle, pos=grey.at(60, 50))
    grey.qtbot.mouseMove(canvas, grey.at(150, 100))
    assert document.mask.sum() == painted
    grey.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not document.mask.any()


def test_a_release_that_a_dialog_has_taken_ends_the_stroke_at_the_next_move(grey: Bench):
    canvas, document = grey.program.window.canvas, grey.program.document
    grey.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=grey.at(50, 50))
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(grey.at(150, 100)),
        QPointF(canvas.mapToGlobal(grey.at(150, 100))),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, move)
    assert not document.is_painting
    grey.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=grey.at(50, 50))


@pytest.mark.parametrize("zoomed", [False, True])
def test_a_screen_with_twice_the_pixels_shows_the_photo_at_the_same_place(
    grey: Bench, monkeypatch: pytest.MonkeyPatch, zoomed: bool
):
    canvas = grey.program.window.canvas
    if zoomed:
        wheel(grey, grey.at(60, 60), 2)
    before = canvas.photo_to_widget(20, 30)
    monkeypatch.setattr(canvas, "devicePixelRatioF", lambda: 2.0)
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.DevicePixelRatioChange))
    after = canvas.photo_to_widget(20, 30)
    distance = (after - before).manhattanLength()
    assert distance < (0.01 if zoomed else 40)  # fitted: the margin is in device pixels


def test_the_mask_is_seen_in_the_accent_over_the_photo(grey: Bench):
    grey.program.options.update(brush_size=24)
    assert colour_at(grey, 100, 75) == QColor(GREY, GREY, GREY)
    grey.drag((100, 75), (110, 75))
    assert colour_at(grey, 103, 75).blue() > colour_at(grey, 103, 75).red() + 40
    assert colour_at(grey, 20, 20) == QColor(GREY, GREY, GREY)
    canvas = grey.program.window.canvas
    grey.qtbot.keyPress(canvas, Qt.Key.Key_Backslash)
    assert colour_at(grey, 105, 80) == QColor(GREY, GREY, GREY)
    grey.qtbot.keyRelease(canvas, Qt.Key.Key_Backslash)
    assert colour_at(grey, 105, 80) != QColor(GREY, GREY, GREY)


def test_large_photo_pixels_have_crisp_edges(bench: Bench):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    bench.program.document.load(photo_from_pixels(pixels))
    canvas = bench.program.window.canvas
    wheel(bench, bench.at(4, 4), 5)
    image = canvas.grab().toImage()
    row = bench.at(4, 1).y()
    span = range(bench.at(2, 1).x(), bench.at(6, 1).x())
    assert {image.pixelColor(x, row).red() for x in span} == {0, 255}


def test_tab_moves_the_focus_while_there_is_nothing_to_compare(grey: Bench):
    canvas = grey.program.window.canvas
    grey.key(Qt.Key.Key_Tab)
    assert not canvas.is_comparing
    assert not canvas.hasFocus()


def test_leaving_hides_the_place_of_the_pointer(grey: Bench):
    canvas, status = grey.program.window.canvas, grey.program.window.status
    grey.qtbot.mouseMove(canvas, grey.at(10.5, 20.5))
    assert status.pointer.text() == "10, 20"
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert status.pointer.text() == ""


scales = st.floats(0.05, 20)


@given(scales, st.floats(-500, 500), st.floats(-500, 500), st.floats(0.3, 3))
def test_zoom_holds_the_point(scale: float, x: float, y: float, factor: float):
    viewport = Viewport(scale, x, y)
    zoomed = viewport.zoomed(factor, 300, 200)
    assert zoomed.to_photo(300, 200) == pytest.approx(viewport.to_photo(300, 200), abs=1e-6)


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_the_photo_cannot_be_lost(width: int, height: int, dx: float, dy: float):
    moved = fitted((width, height), (900, 600)).panned(dx, dy)
    kept = moved.kept_in_sight((width, height), (900, 600))
    left, top = kept.to_device(0, 0)
    right, bottom = kept.to_device(width, height)
    assert left < 900
    assert top < 600
    assert right > 0
    assert bottom > 0
