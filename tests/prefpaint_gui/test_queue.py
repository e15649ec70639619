"""Orders that wait: who gets the cancel, who comes next, and what the window shows of it."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import Qt

from prefpaint_gui.photo_io import photo_from_pixels
from prefpaint_gui.state import candidates as candidates_module
from prefpaint_gui.state.answers import Answers
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Order
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.personal import Personal, PersonalValues
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.job_list import JobList
from tests.prefpaint_gui.conftest import Bench
from tests.prefpaint_gui.fakes import red_of

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
opens_popup = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
BEST_OF_FOUR = max(range(4), key=red_of)


@pytest.fixture
def busy(painted: Bench) -> Bench:
    """One order runs, held at its first candidate, and two wait."""
    painted.inpainter.gate.clear()
    for _ in range(3):
        painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.inpainter.requests) == 1)
    return painted


def job_ids(bench: Bench) -> list[int]:
    return [order.job_id for order in bench.program.session.jobs.all]


def open_list(bench: Bench) -> JobList:
    status = bench.program.window.status
    bench.qtbot.mouseClick(status.waiting, LEFT)
    assert status.job_list.isVisible()
    return status.job_list


def session_with_mask() -> Session:
    document, options = Document(), Options()
    document.load(photo_from_pixels(np.zeros((8, 8, 3), np.uint8)))
    document.fill_rectangle((2, 2), (4, 4))
    candidates = Candidates(document)
    answers = Answers(document, candidates, Personal(candidates, PersonalValues()))
    session = Session(document, candidates, options, answers)
    session.keep_alive = (document, options)  # type: ignore[attr-defined]
    return session


doings = st.sampled_from(["place", "cancel", "finish", "fail", "cancel running", "cancel all"])


@settings(deadline=None)
@given(st.lists(st.tuples(doings, st.integers(1, 12)), max_size=40))
def test_what_is_left_is_what_was_placed_less_what_was_cancelled_or_finished(
    script: list[tuple[str, int]],
):
    session = session_with_mask()
    started: list[Order] = []
    session.jobs.started.connect(started.append)
    left: list[int] = []
    orders: dict[int, Order] = {}
    cancelled: set[int] = set()
    for doing, job_id in script:
        running = left[:1]
        if doing == "place":
            session.generate()
            (order,) = [order for order in session.jobs.all if order.job_id not in orders]
            orders[order.job_id] = order
            left.append(order.job_id)
        elif doing == "cancel":
            session.jobs.cancel(job_id)
            cancelled |= {job_id} & set(left)
            left = [other for other in left if other != job_id]
        elif doing == "cancel running":
            session.jobs.cancel_running()
            cancelled |= set(running)
            left = left[1:]
        elif doing == "cancel all":
            session.jobs.cancel_all()
            cancelled |= set(left)
            left = []
        else:  # a report, which counts only for the running job
            if doing == "finish":
                session.jobs.finish(job_id)
            else:
                session.on_failed(job_id, "It failed.")
            left = left[1:] if running == [job_id] else left
        assert [order.job_id for order in session.jobs.all] == left
        assert {number for number, order in orders.items() if order.cancel.is_set()} == cancelled
    order_of_start = [order.job_id for order in started]
    assert order_of_start == sorted(order_of_start)
    assert order_of_start[-1:] == left[:1] or not left


def test_generate_while_busy_waits_and_takes_over_the_strip_in_its_turn(busy: Bench):
    candidates = busy.program.candidates
    assert candidates.pending == (0, 1, 2, 3)
    assert busy.program.window.status.waiting.text() == "2 waiting"
    busy.inpainter.gate.set()
    busy.until(lambda: not busy.program.session.is_busy)
    assert [request.seeds for request in busy.inpainter.requests] == [
        (0, 1, 2, 3),
        (4, 5, 6, 7),
        (8, 9, 10, 11),
    ]
    assert {filled.seed for filled in candidates.ranked} == {8, 9, 10, 11}
    assert not busy.program.window.status.waiting.isVisible()


def test_escape_cancels_the_running_order_alone(busy: Bench):
    first, second, third = busy.program.session.jobs.all
    busy.key(Qt.Key.Key_Escape)
    assert busy.program.session.jobs.all == (second, third)
    assert first.cancel.is_set()
    assert not second.cancel.is_set()
    busy.until(lambda: len(busy.inpainter.requests) == 2)
    assert busy.inpainter.requests[-1].seeds == (4, 5, 6, 7)
    assert busy.program.candidates.pending == (4, 5, 6, 7)


def test_the_cancel_button_is_there_while_something_runs(busy: Bench):
    top_bar, before = busy.program.window.top_bar, job_ids(busy)
    busy.qtbot.mouseClick(top_bar.cancel, LEFT)
    assert job_ids(busy) == before[1:]
    busy.key(Qt.Key.Key_Escape, SHIFT)
    assert job_ids(busy) == []
    assert not top_bar.cancel.isVisible()


@opens_popup
def test_each_job_of_the_list_has_its_own_cancel(busy: Bench):
    first, second, third = busy.program.session.jobs.all
    jobs = open_list(busy)
    busy.qtbot.mouseClick(jobs.cancels[second.job_id], LEFT)
    assert second.cancel.is_set()
    assert list(jobs.cancels) == [first.job_id, third.job_id]
    busy.qtbot.mouseClick(jobs.cancels[first.job_id], LEFT)
    assert first.cancel.is_set()
    assert busy.program.session.jobs.running is third
    busy.until(lambda: busy.inpainter.requests[-1].seeds == third.seeds)
    assert not third.cancel.is_set()


@opens_popup
def test_cancel_all_ends_everything_and_closes_the_list(busy: Bench):
    orders = busy.program.session.jobs.all
    jobs = open_list(busy)
    busy.qtbot.mouseClick(jobs.cancel_all, LEFT)
    assert not busy.program.session.is_busy
    assert all(order.cancel.is_set() for order in orders)
    assert not jobs.isVisible()
    busy.until(busy.inpainter.cancelled.is_set)


@opens_popup
def test_escape_closes_the_list_and_cancels_nothing(busy: Bench):
    before = job_ids(busy)
    jobs = open_list(busy)
    busy.qtbot.keyClick(jobs, Qt.Key.Key_Escape)
    assert not jobs.isVisible()
    assert job_ids(busy) == before


def test_accepting_drops_what_waits_for_the_photo_as_it_was(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    running, waiting = painted.program.session.jobs.all
    painted.key(Qt.Key.Key_Return)
    painted.inpainter.gate.set()
    painted.until(lambda: painted.program.document.is_modified)
    assert running.cancel.is_set()
    assert waiting.cancel.is_set()
    assert not painted.program.session.is_busy
    assert "1 waiting fill was dropped" in painted.program.window.status.notice.text()
    assert painted.program.document.pixels[45, 60, 0] == red_of(BEST_OF_FOUR)


def test_undo_of_the_photo_drops_what_waits(painted: Bench):
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    painted.mask_rectangle()
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.key(Qt.Key.Key_Return, CONTROL)
    running, waiting = painted.program.session.jobs.all
    painted.key(Qt.Key.Key_Z, CONTROL)  # the mask: what waits is still of use
    assert painted.program.session.jobs.all == (running, waiting)
    painted.key(Qt.Key.Key_Z, CONTROL)  # the accepted candidate
    assert painted.program.session.jobs.all == (running,)
    assert waiting.cancel.is_set()


def test_closing_the_window_cancels_what_runs_and_what_waits(busy: Bench):
    orders = busy.program.session.jobs.all
    busy.program.window.close()
    assert all(order.cancel.is_set() for order in orders)
    assert len(busy.inpainter.requests) == 1


def test_an_error_stays_in_sight_while_the_next_order_runs(busy: Bench):
    running = busy.program.session.jobs.all[0]
    busy.program.session.on_failed(running.job_id, "There is not enough memory.")
    running.cancel.set()
    busy.inpainter.gate.set()
    busy.until(lambda: not busy.program.session.is_busy)
    assert busy.program.window.banner.text.text() == "There is not enough memory."
    assert busy.program.window.banner.isVisible()
    busy.generate()
    assert not busy.program.window.banner.isVisible()


# --- the strips of earlier jobs -------------------------------------------------------------------


@pytest.fixture
def two_sets(painted: Bench) -> Bench:
    """Two Generates, one after the other; the second one's fills are shown."""
    painted.generate()
    painted.generate()
    assert set(painted.seeds) == {4, 5, 6, 7}
    return painted


def test_the_fills_of_the_job_before_are_a_key_away_with_what_was_said_of_them(painted: Bench):
    program, side = painted.program, painted.program.window.strip.side
    painted.generate()
    painted.key(Qt.Key.Key_2)
    painted.key(Qt.Key.Key_Up)
    chosen = program.candidates.selected
    assert not side.earlier.isVisible()
    painted.generate()
    assert side.place.text() == "Set 2 of 2"
    assert program.candidates.thumbs == {}
    painted.key(Qt.Key.Key_PageUp)
    assert set(painted.seeds) == {0, 1, 2, 3}
    assert program.candidates.thumbs == {chosen: "up"}
    assert program.candidates.shown.seed == chosen
    assert not side.earlier.isEnabled()
    painted.qtbot.mouseClick(side.later, LEFT)
    assert set(painted.seeds) == {4, 5, 6, 7}
    assert program.candidates.thumbs == {}


def test_a_waiting_job_that_starts_costs_no_work(painted: Bench):
    """Fills come for the second set while the person accepts one of the first."""
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.inpainter.requests) == 3)
    painted.key(Qt.Key.Key_PageUp)
    painted.key(Qt.Key.Key_PageUp)
    assert set(painted.seeds) == {0, 1, 2, 3}
    painted.key(Qt.Key.Key_Up)
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert set(painted.seeds) == {0, 1, 2, 3}
    painted.key(Qt.Key.Key_Return)
    assert painted.program.document.pixels[45, 60, 0] == red_of(BEST_OF_FOUR)
    painted.until(lambda: len(painted.store.kept) == 2)
    assert painted.store.answers == [(BEST_OF_FOUR, "up"), (BEST_OF_FOUR, "accept")]


def test_an_undone_thumb_goes_from_its_own_set(two_sets: Bench):
    candidates = two_sets.program.candidates
    two_sets.key(Qt.Key.Key_1)
    two_sets.key(Qt.Key.Key_Up)
    two_sets.key(Qt.Key.Key_PageUp)
    two_sets.key(Qt.Key.Key_Z, CONTROL)
    assert candidates.thumbs == {}
    two_sets.key(Qt.Key.Key_PageDown)
    assert candidates.thumbs == {}
    two_sets.key(Qt.Key.Key_Z, CONTROL, SHIFT)
    assert list(candidates.thumbs.values()) == ["up"]


def test_a_job_that_is_cancelled_with_nothing_made_gives_the_strip_back(painted: Bench):
    painted.generate()
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: set(painted.seeds) == {4, 5, 6, 7})
    painted.key(Qt.Key.Key_Escape)
    assert set(painted.seeds) == {0, 1, 2, 3}
    assert not painted.program.window.strip.side.earlier.isVisible()


def test_sets_of_the_photo_as_it_was_come_back_with_undo(two_sets: Bench):
    candidates = two_sets.program.candidates
    two_sets.key(Qt.Key.Key_Return)
    assert candidates.current_strips == []
    two_sets.mask_rectangle()
    two_sets.generate()
    assert len(candidates.current_strips) == 1
    two_sets.key(Qt.Key.Key_Z, CONTROL)  # the mask
    two_sets.key(Qt.Key.Key_Z, CONTROL)  # the accepted candidate
    assert candidates.place == 2
    assert set(two_sets.seeds) == {4, 5, 6, 7}
    two_sets.key(Qt.Key.Key_Z, CONTROL, SHIFT)
    assert len(candidates.current_strips) == 1


@pytest.fixture
def awaited(painted: Bench) -> Bench:
    """A draft of the first set is accepted while the second set runs."""
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    painted.key(Qt.Key.Key_Escape)
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(
        lambda: set(painted.seeds) == {4, 5, 6, 7} and len(painted.inpainter.requests) == 2
    )
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    painted.key(Qt.Key.Key_PageUp)
    painted.key(Qt.Key.Key_Return)
    return painted


def test_a_draft_of_an_earlier_set_is_finished_behind_the_job_that_runs(awaited: Bench):
    awaited.inpainter.gate.set()
    awaited.until(lambda: awaited.program.document.is_modified)
    assert awaited.program.document.pixels[45, 60, 0] == red_of(BEST_OF_FOUR)


def test_escape_withdraws_the_accept_and_not_the_job_that_runs(awaited: Bench):
    running, finishing = awaited.program.session.jobs.all
    awaited.key(Qt.Key.Key_Escape)
    assert awaited.program.session.jobs.all == (running,)
    assert finishing.cancel.is_set()
    awaited.inpainter.gate.set()
    awaited.until(lambda: not awaited.program.session.is_busy)
    assert not awaited.program.document.is_modified
    awaited.key(Qt.Key.Key_Return, CONTROL)
    awaited.key(Qt.Key.Key_Escape)
    assert not awaited.program.session.is_busy


def test_the_draft_that_was_accepted_last_is_the_one_that_comes(awaited: Bench):
    awaited.key(Qt.Key.Key_2)
    awaited.key(Qt.Key.Key_Return)
    second = awaited.program.candidates.selected
    assert second is not None
    awaited.inpainter.gate.set()
    awaited.until(lambda: awaited.program.document.is_modified)
    assert awaited.program.document.pixels[45, 60, 0] == red_of(second)


def test_undo_while_an_accept_waits_leaves_the_strip_that_is_there(painted: Bench):
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    painted.mask_rectangle()
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    painted.key(Qt.Key.Key_Return)
    painted.key(Qt.Key.Key_Z, CONTROL)  # the mask
    painted.key(Qt.Key.Key_Z, CONTROL)  # what was accepted before
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert not painted.program.document.is_modified
    assert painted.program.candidates.place == 1
    assert len(painted.seeds) == 4


def test_old_sets_go_when_they_take_too_much_memory(
    painted: Bench, monkeypatch: pytest.MonkeyPatch
):
    painted.generate()
    (first,) = painted.program.candidates.current_strips
    monkeypatch.setattr(candidates_module, "MEMORY_LIMIT", 2 * first.size)
    for _ in range(4):
        painted.generate()
    assert 1 < len(painted.program.candidates.current_strips) < 5
    assert set(painted.seeds) == {16, 17, 18, 19}


def test_too_much_memory_is_noticed_as_soon_as_a_set_is_complete(
    painted: Bench, monkeypatch: pytest.MonkeyPatch
):
    painted.generate()
    (first,) = painted.program.candidates.current_strips
    monkeypatch.setattr(candidates_module, "MEMORY_LIMIT", first.size * 3 // 2)
    painted.generate()
    assert painted.program.candidates.current_strips != [first]
    assert len(painted.program.candidates.current_strips) == 1
    assert not painted.program.window.strip.side.earlier.isVisible()


def test_the_set_that_is_looked_at_stays(painted: Bench, monkeypatch: pytest.MonkeyPatch):
    painted.generate()
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.key(Qt.Key.Key_PageUp)
    monkeypatch.setattr(candidates_module, "MEMORY_LIMIT", 0)
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert set(painted.seeds) == {0, 1, 2, 3}
    assert len(painted.program.candidates.current_strips) == 1


def test_photos_that_only_old_sets_know_count_as_memory(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    document, path = bench.program.document, tmp_path / "large.png"
    Image.new("RGB", (1500, 1000), "gray").save(path)
    bench.open(path)
    monkeypatch.setattr(candidates_module, "MEMORY_LIMIT", 3 * document.pixels.nbytes)
    photos = []
    for _ in range(8):
        photos.append(weakref.ref(document.pixels))
        document.fill_rectangle((40, 40), (60, 60))
        bench.generate()
        bench.key(Qt.Key.Key_Return)
    bench.until(lambda: len(bench.opinions()) == 8)
    gc.collect()
    alive = [photo for photo in photos if photo() is not None]
    assert alive[0] is photos[0]  # as it was opened
    assert len(alive) <= 4
