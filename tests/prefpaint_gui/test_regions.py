"""The frame around what the next fill will look at."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from prefpaint_gui.state.messages import RegionOrder
from prefpaint_gui.state.strokes import painted_box
from prefpaint_gui.workers.regions import find_regions
from tests.prefpaint_gui.conftest import Bench
from training.errors import PrefPaintError
from training.inpainting.region import make_request, pad
from training.inpainting.request import Box

boxes = st.tuples(st.integers(0, 59), st.integers(0, 39), st.integers(1, 9), st.integers(1, 9))


@settings(deadline=None)
@given(st.lists(boxes, min_size=1, max_size=4), st.none() | st.integers(0, 30), st.integers(0, 6))
def test_the_regions_are_those_of_the_request(
    holes: list[tuple[int, int, int, int]], padding: int | None, feather: int
):
    mask = np.zeros((40, 60), np.bool_)
    for left, top, width, height in holes:
        mask[top : top + height, left : left + width] = True
    box = painted_box(mask)
    assert box is not None
    packed = np.packbits(mask[box.slices], axis=1)
    found = find_regions(RegionOrder(1, (40, 60), box, packed, padding, feather))
    photo = np.zeros((40, 60, 3), np.uint8)
    try:
        request = make_request(photo, mask, job_id=1, seeds=(0,), padding=padding, feather=feather)
    except PrefPaintError:
        return  # nothing around the hole to continue: the frame says so
    whole = request.box
    assert set(found) == {
        Box(part.top + whole.top, part.left + whole.left, part.height, part.width)
        for part in request.parts
    }


@pytest.fixture
def framed(painted: Bench) -> Bench:
    """The middle of the photo is masked, with five pixels of context."""
    painted.program.options.update(padding=5)
    painted.until(lambda: painted.program.regions.boxes == (around_mask(painted, 5),))
    return painted


def around_mask(bench: Bench, margin: int) -> Box:
    box = painted_box(bench.program.document.mask)
    assert box is not None
    return pad(box, margin, *bench.program.document.size)


def without_frames(bench: Bench) -> QImage:
    bench.program.window.commands["regions"].setChecked(False)
    image = bench.program.window.canvas.grab().toImage()
    bench.program.window.commands["regions"].setChecked(True)
    return image


def is_framed(bench: Bench, box: Box) -> bool:
    """Whether a line runs along the box's upper edge, to the pixel of the screen it falls on."""
    image, plain = bench.program.window.canvas.grab().toImage(), without_frames(bench)
    start, end = bench.at(box.left, box.top), bench.at(box.left + box.width, box.top)
    return all(
        any(image.pixel(x, start.y() + d) != plain.pixel(x, start.y() + d) for d in (-1, 0, 1))
        for x in range(start.x() + 2, end.x() - 2)
    )


def test_the_region_of_the_next_fill_is_framed(framed: Bench):
    assert is_framed(framed, around_mask(framed, 5))
    framed.program.options.update(padding=8, feather=2)
    larger = around_mask(framed, 10)
    framed.until(lambda: framed.program.regions.boxes == (larger,))
    assert is_framed(framed, larger)


def test_the_frame_waits_for_the_end_of_a_stroke(framed: Bench):
    before = framed.program.regions.boxes
    canvas = framed.program.window.canvas
    framed.program.options.update(brush_size=4)
    framed.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=framed.at(5, 5))
    framed.qtbot.mouseMove(canvas, framed.at(9, 5))
    assert framed.program.document.mask[5, 7]
    assert framed.program.regions.boxes == before
    with framed.qtbot.waitSignal(framed.program.regions.changed):
        framed.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=framed.at(9, 5))
    assert len(framed.program.regions.boxes) == 2


def test_an_empty_mask_has_no_frame(framed: Bench):
    framed.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert framed.program.regions.boxes == ()


def test_the_frame_can_be_switched_off_and_is_not_looked_for_then(framed: Bench):
    action, options = framed.program.window.commands["regions"], framed.program.options
    action.trigger()
    assert not options.values.show_regions
    with framed.qtbot.assertNotEmitted(framed.program.regions.wanted):
        options.update(padding=9)
    with framed.qtbot.waitSignal(framed.program.regions.changed):
        action.trigger()
    assert framed.program.regions.boxes == (around_mask(framed, 9),)


def test_the_shown_candidate_is_framed_by_what_it_was_made_from(framed: Bench):
    box = framed.program.regions.boxes[0]
    framed.generate()
    framed.program.options.update(padding=8)
    framed.until(lambda: framed.program.regions.boxes != (box,))
    assert is_framed(framed, box)


def test_the_window_comes_without_opencv_and_torch():
    code = (
        "import sys; import prefpaint_gui.app; "
        "print([name for name in ('cv2', 'torch', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
