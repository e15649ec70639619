"""The document: strokes, accepts and one history that restores them bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefpaint_gui.photo_io import photo_from_pixels
from prefpaint_gui.state import history
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.history import Swap
from prefpaint_gui.state.pyramid import Pyramid
from training.inpainting.request import Box

HEIGHT, WIDTH = 24, 32


def make_document(channels: int = 3) -> Document:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, channels), np.uint8)
    document = Document()
    document.load(photo_from_pixels(pixels))
    return document


def accept(document: Document, seed: int = 1) -> None:
    """Accept a fill of what is masked in a box."""
    box = Box(4, 6, 12, 16)
    filled = document.mask[box.slices].copy()
    region = document.pixels[box.slices].copy()
    noise = np.random.default_rng(seed).integers(0, 256, region.shape, np.uint8)
    region[filled] = noise[filled]
    document.accept(box, region, filled, seed)


place = st.tuples(st.floats(-5, WIDTH + 5), st.floats(-5, HEIGHT + 5))
edits = st.lists(
    st.one_of(
        st.tuples(
            st.just("stroke"),
            st.lists(place, min_size=1, max_size=4),
            st.floats(0.5, 8),
            st.booleans(),
        ),
        st.tuples(st.just("rectangle"), place, place),
        st.tuples(st.sampled_from(["invert", "clear", "accept", "undo"])),
    ),
    max_size=12,
)


def perform(document: Document, edit: tuple) -> None:
    if edit[0] == "stroke":
        _, points, radius, value = edit
        document.begin_stroke(points[0], radius, value)
        for point in points[1:]:
            document.extend_stroke(point)
        document.end_stroke()
    elif edit[0] == "rectangle":
        document.fill_rectangle(*edit[1:])
    elif edit[0] == "accept":
        accept(document)
    else:
        {
            "invert": document.invert_mask,
            "clear": document.clear_mask,
            "undo": document.undo,
        }[edit[0]]()


def state(document: Document) -> tuple[bytes, bytes, tuple[int, int], bytes]:
    levels = b"".join(level.tobytes() for level in document.pyramid.levels)
    return document.mask.tobytes(), document.pixels.tobytes(), document.versions, levels


@settings(max_examples=150, deadline=None)
@given(edits)
def test_undo_all_restores_bit_for_bit_and_redo_brings_it_back(sequence):
    document = make_document()
    before = state(document)
    for edit in sequence:
        perform(document, edit)
    after = state(document)
    while document.undo_label:
        document.undo()
    assert state(document) == before
    while document.redo_label:
        document.redo()
    if not any(edit[0] == "undo" for edit in sequence):
        assert state(document) == after


def test_accept_changes_only_what_was_masked_and_takes_it_off_the_mask():
    document = make_document(4)
    original = document.pixels
    document.fill_rectangle((8, 6), (14, 12))
    mask = document.mask.copy()
    accept(document)
    assert not document.mask.any()
    assert np.array_equal(document.pixels[~mask], original[~mask])
    assert not np.array_equal(document.pixels[mask], original[mask])


def test_a_worker_may_go_on_reading_the_pixels_it_was_given():
    document = make_document()
    held, copy = document.pixels, document.pixels.copy()
    document.fill_rectangle((8, 6), (14, 12))
    accept(document)
    document.undo()
    assert np.array_equal(held, copy)


def test_what_is_painted_after_generate_stays_masked():
    document = make_document()
    document.fill_rectangle((8, 6), (14, 12))
    filled = document.mask[4:16, 6:22].copy()
    document.fill_rectangle((18, 6), (20, 8))
    document.accept(Box(4, 6, 12, 16), document.pixels[4:16, 6:22].copy(), filled, 1)
    assert document.mask.sum() == 4


def test_undo_in_the_middle_of_a_stroke_takes_the_whole_stroke_back():
    document = make_document()
    document.begin_stroke((5, 5), 3, True)
    document.extend_stroke((15, 5))
    document.undo()
    assert not document.mask.any()
    document.extend_stroke((20, 20))
    assert not document.mask.any()


def test_a_stroke_that_changes_nothing_leaves_no_step():
    document = make_document()
    document.begin_stroke((5, 5), 3, False)
    document.end_stroke()
    document.clear_mask()
    assert document.undo_label is None


def test_modified_follows_undo_and_save(tmp_path: Path):
    document = make_document()
    assert document.is_modified  # pasted pixels are in no file
    document.mark_saved(tmp_path / "a.png", document.versions.pixels)
    assert not document.is_modified
    document.fill_rectangle((8, 6), (14, 12))
    assert not document.is_modified  # a mask is not part of the file
    accept(document)
    assert document.is_modified
    document.undo()
    assert not document.is_modified


def test_undoing_an_accept_tells_whose_answer_is_void():
    document = make_document()
    swaps: list[Swap] = []
    document.answers_swapped.connect(swaps.append)
    document.fill_rectangle((8, 6), (14, 12))
    accept(document, 7)
    document.undo()
    document.redo()
    assert swaps == [Swap(7, None), Swap(None, 7)]


def test_an_answer_is_a_step_of_the_history_and_leaves_the_photo_alone():
    document = make_document()
    swaps: list[Swap] = []
    document.answers_swapped.connect(swaps.append)
    before = document.versions
    document.note_answers("thumb up", Swap(3, 4))
    assert document.undo_label == "thumb up"
    document.undo()
    assert swaps == [Swap(4, 3)]
    assert document.versions == before


def test_the_oldest_edits_go_when_memory_is_short(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history, "MEMORY_LIMIT", 2000)
    document = make_document()
    for _ in range(5):
        document.invert_mask()
    undone = 0
    while document.undo_label:
        document.undo()
        undone += 1
    assert 1 <= undone < 5


@given(
    st.integers(1, 700),
    st.integers(1, 60),
    st.sampled_from([3, 4]),
    st.tuples(*[st.floats(0, 1) for _ in range(4)]),
)
@settings(max_examples=60, deadline=None)
def test_a_pyramid_updated_in_a_box_is_the_pyramid_made_anew(width, height, channels, corners):
    random = np.random.default_rng(width)
    pixels = random.integers(0, 256, (height, width, channels), np.uint8)
    pyramid = Pyramid.of(pixels)
    top, bottom = sorted(int(share * height) for share in corners[:2])
    left, right = sorted(int(share * width) for share in corners[2:])
    box = Box(top, left, max(1, bottom - top), max(1, right - left))
    box = Box(min(top, height - 1), min(left, width - 1), box.height, box.width)
    pixels[box.slices] = random.integers(0, 256, pixels[box.slices].shape, np.uint8)
    pyramid.update(pixels, box)
    for level, expected in zip(pyramid.levels, Pyramid.of(pixels).levels, strict=True):
        assert np.array_equal(level, expected)
