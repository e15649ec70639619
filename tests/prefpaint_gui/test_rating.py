"""The rating window by keyboard, over the real store; and `prefpaint rate`."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from prefpaint_gui.__main__ import main
from prefpaint_gui.rating_app import RatingProgram
from prefpaint_gui.state.rating import AHEAD
from prefpaint_gui.state.rating_marks import REASONS, Marks, shuffled
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.rating_page import (
    GAP,
    LEAST_WIDTH,
    best_columns,
    picture_room,
    rows_height,
)
from prefpaint_gui.widgets.rating_window import time_words
from prefpaint_gui.widgets.theme import DARK
from tests.prefpaint_gui.conftest import Bench
from tests.prefpaint_gui.fakes import FakeScorer
from tests.prefpaint_gui.rating_prompts import write_prompts
from training.errors import PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.preferences.database import FILE_NAME
from training.preferences.images import pixel_hash
from training.preferences.records import Opinion, Presentation, StoredOpinion
from training.preferences.store import PreferenceStore
from training.prompts.paper_folder import PaperPrompt, list_prompts, read_pictures
from training.reward.score import Score

Key = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier
NAMES = ["a", "b", "c", "d"]


class FailingStore(PreferenceStore):
    """Refuses to record while the disk is said to be full."""

    is_full = False

    def record(
        self, presentation: Presentation, opinion: Opinion, recorded_at: str | None = None
    ) -> int:
        if type(self).is_full:
            raise PrefPaintError("The disk is full.")
        return super().record(presentation, opinion, recorded_at)


class GatedScorer(FakeScorer):
    """Waits for its gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def score(
        self, image: Pixels, hole: Mask, fills: Sequence[Pixels], cancel: threading.Event
    ) -> list[Score]:
        while not self.gate.wait(0.002):
            if cancel.is_set():
                return []
        return super().score(image, hole, fills, cancel)


@dataclass
class Desk:
    """A folder to rate, the store beside it, and what a rater would do."""

    qtbot: QtBot
    folder: Path
    data: Path
    scorer: GatedScorer = field(default_factory=GatedScorer)
    programs: list[RatingProgram] = field(default_factory=list)

    def open(self, person: str | None = "ann") -> RatingProgram:
        program = RatingProgram(
            self.folder, person, lambda: FailingStore(self.data), lambda: self.scorer, DARK
        )
        self.programs.append(program)
        with self.qtbot.waitExposed(program.window):
            program.show()
        program.window.activateWindow()
        self.until(lambda: program.session.phase not in ("listing", "opening"))
        self.until_shown()
        return program

    @property
    def program(self) -> RatingProgram:
        return self.programs[-1]

    @property
    def marks(self) -> Marks:
        assert self.program.session.marks is not None
        return self.program.session.marks

    @property
    def name(self) -> str:
        assert self.program.session.prompt is not None
        return self.program.session.prompt.name

    def press(self, *keys: Key, modifier: Qt.KeyboardModifier | None = None) -> None:
        for key in keys:
            self.until_shown()
            page = self.program.window.pages.currentWidget()
            assert page is not None
            self.qtbot.keyClick(page, key, modifier or Qt.KeyboardModifier.NoModifier)

    def type(self, digits: str) -> None:
        self.press(*(Key(Key.Key_0 + int(digit)) for digit in digits))

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=5000)

    def until_shown(self) -> None:
        session = self.program.session
        self.until(lambda: session.phase != "rating" or session.loaded is not None)

    def until_kept(self) -> None:
        self.until(lambda: self.program.session.writes.unsaved_count == 0)

    def close(self) -> None:
        self.program.window.close()

    def stored(self, person: str = "ann") -> dict[str, tuple[StoredOpinion, ...]]:
        self.until_kept()
        with PreferenceStore(self.data) as store:
            return store.collection_opinions(list_prompts(self.folder).collection, person)

    def ratings(self, name: str, person: str = "ann") -> dict[int | None, object]:
        given = self.stored(person).get(name, ())
        return {one.opinion.seed: one.opinion.rating for one in given if one.opinion.rating}


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Desk]:
    qapp.setStyle("Fusion")
    write_prompts(tmp_path / "prompts", NAMES)
    desk = Desk(qtbot, tmp_path / "prompts", tmp_path / "data")
    yield desk
    FailingStore.is_full = False
    desk.scorer.gate.set()
    for program in desk.programs:
        program.window.close()
        program.window.deleteLater()


def test_three_numbers_keep_a_picture_at_once_with_what_was_on_screen(desk: Desk) -> None:
    desk.open()
    desk.until(lambda: "a" in desk.program.session.pictures.scores)
    seeds = desk.marks.seeds
    desk.type("53")
    assert desk.stored() == {}
    desk.type("6")
    assert desk.ratings("a") == {seeds[0]: (5, 3, 6)}
    desk.type("111777")
    assert desk.ratings("a") == dict(zip(seeds, [(5, 3, 6), (1, 1, 1), (7, 7, 7)], strict=True))
    with PreferenceStore(desk.data) as store:
        (key,) = store.presentation_ids()
        shown = store.read(key).presentation
    pictures = read_pictures(PaperPrompt(desk.folder, "a", ("0", "1", "2")))
    assert shown.photo_sha256 == pixel_hash(pictures.masked)
    assert (shown.image == pictures.masked).all()
    assert (shown.hole == pictures.hole).all()
    assert (shown.box.height, shown.box.width) == pictures.hole.shape
    assert [one.seed for one in shown.candidates] == list(seeds)
    assert [one.rank for one in shown.candidates] == [1, 2, 3]
    assert all((one.pixels == pictures.fills[one.seed]).all() for one in shown.candidates)
    assert shown.reward_model == "redness"
    assert [one.reward for one in shown.candidates] == [0.2 * seed for seed in seeds]
    assert shown.candidates[0].features.shape == (256,)


def test_enter_goes_on_only_when_all_values_are_there(desk: Desk) -> None:
    desk.open()
    desk.type("4444")
    desk.press(Key.Key_Return)
    assert desk.name == "a"
    assert desk.marks.cell == (1, 1)
    assert "Picture 2 has no value for feeling of local texture" in desk.program.session.note
    assert desk.program.window.page.line.text() == desk.program.session.note
    desk.type("44444")
    desk.press(Key.Key_Enter)
    assert desk.name == "b"
    assert desk.program.window.count.text() == "1 of 4 done"


def test_an_earlier_prompt_comes_back_with_its_values_which_can_be_changed(desk: Desk) -> None:
    desk.open()
    desk.type("123456712")
    desk.press(Key.Key_Return, Key.Key_PageUp)
    assert desk.name == "a"
    assert desk.marks.values == [[1, 2, 3], [4, 5, 6], [7, 1, 2]]
    first = desk.program.window.page.tiles.tiles[0]
    assert [row.value for row in first.rows] == [1, 2, 3]
    desk.press(Key.Key_Down)
    desk.type("7")
    assert desk.ratings("a")[desk.marks.seeds[0]] == (1, 7, 3)
    assert len(desk.stored()["a"]) == 3
    desk.press(Key.Key_Return)
    assert desk.name == "b"
    desk.press(Key.Key_PageDown, Key.Key_PageDown, Key.Key_PageDown)
    assert desk.name == "d"  # the last one


def test_arrows_and_backspace_move_within_the_screen(desk: Desk) -> None:
    desk.open()
    desk.press(Key.Key_Left, Key.Key_Up, Key.Key_Backspace)
    assert desk.marks.cell == (0, 0)
    desk.press(Key.Key_Right, Key.Key_Down)
    assert desk.marks.cell == (1, 1)
    desk.press(Key.Key_Backspace, Key.Key_Backspace)
    assert desk.marks.cell == (0, 2)
    desk.type("5")
    assert desk.marks.values[0] == [None, None, 5]
    assert desk.marks.cell == (1, 0)
    assert desk.program.window.page.tiles.tiles[1].property("chosen")


def test_a_skip_is_kept_with_reasons_and_taken_back_by_a_rating(desk: Desk) -> None:
    desk.open()
    desk.press(Key.Key_R)
    desk.type("2")
    desk.press(Key.Key_Right)
    desk.type("1")
    desk.press(Key.Key_Return, Key.Key_S)
    assert desk.name == "b"
    (skip,) = desk.stored()["a"]
    assert (skip.opinion.signal, skip.opinion.reasons) == ("skip", ("seam", "blur"))
    desk.press(Key.Key_PageUp)
    assert "Skipped" in desk.program.window.page.line.text()
    desk.press(Key.Key_Left)
    desk.type("222")
    assert desk.ratings("a") == {desk.marks.seeds[0]: (2, 2, 2)}
    assert [one.opinion.signal for one in desk.stored()["a"]] == ["rating"]
    assert desk.program.session.progress.done == 0


def test_skipping_what_is_rated_loses_nothing(desk: Desk) -> None:
    desk.open()
    desk.type("444444444")
    desk.press(Key.Key_S)
    assert desk.name == "b"
    assert len(desk.ratings("a")) == 3
    assert [one.opinion.signal for one in desk.stored()["a"]] == ["rating"] * 3


def test_reasons_are_ticked_by_key_and_kept_with_the_rating(desk: Desk) -> None:
    desk.open()
    desk.type("444")
    desk.press(Key.Key_Left, Key.Key_R)
    desk.type("165")
    desk.type("6")  # taken back
    tile = desk.program.window.page.tiles.tiles[0]
    assert [bool(reason.property("ticked")) for reason in tile.reasons] == [
        word in ("seam", "colour") for word in REASONS
    ]
    desk.press(Key.Key_R)
    assert desk.marks.values[0] == [4, 4, 4]  # the numbers ticked reasons only
    (rating,) = desk.stored()["a"]
    assert rating.opinion.reasons == ("seam", "colour")
    desk.type("5")
    assert desk.marks.values[0][2] == 4


def test_a_held_key_shows_a_picture_or_the_prompt_large(desk: Desk) -> None:
    desk.open()
    page, loaded = desk.program.window.page, desk.program.session.loaded
    assert loaded is not None
    desk.press(Key.Key_Right)
    for key, place in ((Key.Key_Space, 1 + desk.marks.order[1]), (Key.Key_Tab, 0)):
        desk.qtbot.keyPress(page, key)
        assert page.large.isVisible()
        assert page.large.pyramid is loaded.pyramids[place]
        desk.qtbot.keyRelease(page, key)
        assert not page.large.isVisible()
    assert page.hasFocus()


def test_a_key_that_repeats_rates_and_skips_nothing(desk: Desk) -> None:
    desk.open()
    for key, text in ((Key.Key_5, "5"), (Key.Key_S, "s"), (Key.Key_Return, "\r")):
        event = QKeyEvent(
            QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text, autorep=True
        )
        QApplication.sendEvent(desk.program.window.page, event)
    assert desk.name == "a"
    assert desk.marks.values[0][0] is None
    assert desk.program.session.note == ""


def test_it_goes_on_where_it_stopped_in_the_same_order(desk: Desk) -> None:
    desk.open()
    order = desk.marks.order
    desk.type("111222333")
    desk.press(Key.Key_Return)
    desk.type("777")  # half of b
    half = desk.marks.values
    desk.press(Key.Key_PageDown, Key.Key_S)
    desk.until_kept()
    desk.close()
    desk.open()
    assert desk.name == "b"
    assert desk.marks.values == half
    assert desk.marks.cell == (1, 0)
    assert desk.program.session.progress.done == 2
    desk.type("222222")
    desk.press(Key.Key_Return)
    assert desk.name == "d"  # c was skipped
    desk.press(Key.Key_PageUp, Key.Key_PageUp, Key.Key_PageUp)
    assert desk.marks.order == order
    assert desk.marks.values == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]


def test_a_second_rater_begins_anew_and_the_end_tells_how_they_agree(desk: Desk) -> None:
    def rate_all() -> None:
        for _ in NAMES:
            by_seed = {0: "135", 1: "246", 2: "777"}
            desk.type("".join(by_seed[seed] for seed in desk.marks.seeds))
            desk.press(Key.Key_Return)

    desk.open()
    rate_all()
    session, window = desk.program.session, desk.program.window
    assert session.phase == "summary"
    desk.until(lambda: session.agreement is not None)
    assert "second rater" in window.summary.raters.text()
    desk.close()
    desk.open("bob")
    assert desk.name == "a"
    assert desk.program.session.progress.done == 0
    rate_all()
    session, window = desk.program.session, desk.program.window
    desk.until(lambda: session.agreement is not None and len(session.agreement.raters) == 2)
    assert session.agreement is not None
    assert [one.alpha for one in session.agreement.criteria] == [1, 1, 1]
    item = window.summary.criteria.itemAtPosition(0, 1)
    assert item is not None
    assert item.widget().property("text") == "α = 1.00"
    assert "ann (12 pictures), bob (12 pictures)" in window.summary.raters.text()
    desk.press(Key.Key_PageUp)
    assert desk.name == "d"


def test_the_summary_can_be_seen_at_any_time(desk: Desk) -> None:
    desk.open()
    desk.type("111")
    desk.press(Key.Key_End)
    assert desk.program.window.summary.title.text() == "So far"
    desk.press(Key.Key_Return)
    assert desk.name == "a"
    assert desk.program.session.note == ""
    desk.type("1")
    assert desk.marks.values[1][0] == 1


def test_what_cannot_be_written_is_said_and_tried_again(desk: Desk) -> None:
    desk.open()
    FailingStore.is_full = True
    desk.type("123")
    window, writes = desk.program.window, desk.program.session.writes
    desk.until(window.banner.isVisible)
    assert "The disk is full. One opinion waits to be kept" in window.banner.text.text()
    desk.type("123")
    desk.until(lambda: writes.failed_count == 2)
    assert "2 opinions wait" in window.banner.text.text()
    assert desk.marks.values[:2] == [[1, 2, 3], [1, 2, 3]]
    window.close()
    assert window.isVisible()
    assert "2 opinions are not kept" in window.banner.text.text()
    desk.press(Key.Key_R, modifier=CONTROL)  # still full
    desk.until(lambda: writes.failed_count == 2)
    FailingStore.is_full = False
    desk.type("123")  # all three are written
    desk.until_kept()
    assert not window.banner.isVisible()
    assert len(desk.ratings("a")) == 3


def test_closing_twice_leaves_without_what_could_not_be_written(desk: Desk) -> None:
    desk.open()
    FailingStore.is_full = True
    desk.type("123")
    window = desk.program.window
    desk.until(window.banner.isVisible)
    window.close()
    with desk.qtbot.waitSignal(desk.program.closed):
        window.close()
    assert not window.isVisible()


def test_a_score_that_comes_late_is_kept_with_the_rating(desk: Desk) -> None:
    desk.scorer.gate.clear()
    desk.open()
    desk.type("123")
    assert len(desk.ratings("a")) == 1
    desk.type("456")
    desk.scorer.gate.set()
    desk.until(lambda: "a" in desk.program.session.pictures.scores)
    assert len(desk.stored()["a"]) == 2
    with PreferenceStore(desk.data) as store:
        (strip,) = store.judged_strips("ann", "redness")
        assert len(store.presentation_ids()) == 1  # the one without scores is gone
    assert [opinion.rating for opinion in strip.opinions] == [(1, 2, 3), (4, 5, 6)]


def test_without_a_scorer_ratings_are_kept_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Score]:
        raise PrefPaintError("No model.")

    monkeypatch.setattr(desk.scorer, "score", fail)
    desk.open()
    desk.type("123")
    assert len(desk.ratings("a")) == 1


def test_prompts_that_cannot_be_shown_are_set_aside_and_counted(desk: Desk) -> None:
    (desk.folder / "inpaint" / "a_1.png").write_bytes(b"no image")
    (desk.folder / "masks" / "b_mask.png").unlink()
    Image.new("RGB", (9, 9)).save(desk.folder / "inpaint" / "d_0.png")
    desk.open()
    desk.until(lambda: len(desk.program.session.progress.broken) == 2)
    assert desk.name == "c"
    window = desk.program.window
    assert window.aside.text() == "3 set aside"
    assert window.count.text() == "0 of 1 done"
    desk.press(Key.Key_PageUp)
    assert desk.name == "c"
    desk.type("111111111")
    desk.press(Key.Key_Return)
    assert desk.program.session.phase == "summary"
    told = window.summary.aside.toPlainText()
    assert all(name in told for name in ("a_1.png", "b_mask.png", "d_0.png"))


def test_when_nothing_can_be_shown_it_says_so(desk: Desk) -> None:
    for name in NAMES:
        (desk.folder / "inpaint" / f"{name}_1.png").write_bytes(b"no image")
    desk.open()
    desk.until(lambda: desk.program.session.phase == "summary")
    desk.press(Key.Key_PageUp, Key.Key_Return)
    assert desk.program.session.phase == "summary"
    assert "a_1.png" in desk.program.window.summary.aside.toPlainText()


def test_a_damaged_store_is_set_aside_and_rating_goes_on(desk: Desk) -> None:
    desk.data.mkdir()
    (desk.data / FILE_NAME).write_bytes(b"garbage" * 1000)
    desk.open()
    desk.until(desk.program.window.banner.isVisible)
    assert "was damaged" in desk.program.window.banner.text.text()
    desk.type("123")
    assert len(desk.ratings("a")) == 1


def test_few_pictures_are_held_however_many_prompts_there_are(desk: Desk) -> None:
    write_prompts(desk.folder, [f"p{number:03}" for number in range(40)])
    desk.open()
    session = desk.program.session
    for _ in range(30):
        desk.press(Key.Key_PageDown)
        assert len(session.pictures.loaded) <= AHEAD + 2
    assert desk.name == "p026"


@pytest.mark.parametrize("count", [2, 9])
def test_two_to_nine_pictures_fit_the_screen(desk: Desk, count: int) -> None:
    write_prompts(desk.folder, ["a"], count)
    for index in range(count, 3):
        (desk.folder / "inpaint" / f"a_{index}.png").unlink()
    desk.open()
    tiles = desk.program.window.page.tiles
    assert len(tiles.tiles) == count
    frames = [tiles.prompt.geometry(), *(tile.geometry() for tile in tiles.tiles)]
    assert all(tiles.rect().contains(frame) for frame in frames)
    assert not any(a.intersects(b) for a in frames for b in frames if a is not b)


def test_the_start_asks_for_a_name_and_refuses_bad_ones(desk: Desk) -> None:
    desk.open()
    desk.type("444")
    desk.until_kept()
    desk.close()
    program = desk.open(None)
    start = program.window.start
    desk.until(start.raters.isVisible)
    assert "ann (1 picture)" in start.raters.text()
    for name, says in (("   ", "no name"), ("x" * 65, "65 characters")):
        start.name.setText(name)
        desk.qtbot.keyClick(start.name, Key.Key_Return)
        assert says in start.error.text()
        assert program.session.phase == "naming"
    start.name.setText("  Bob   B. ")
    desk.qtbot.keyClick(start.name, Key.Key_Return)
    desk.until(lambda: program.session.phase == "rating")
    assert program.window.rater.text() == "Bob B."


def test_a_folder_that_cannot_be_rated_is_said(desk: Desk, tmp_path: Path) -> None:
    desk.folder = tmp_path
    program = desk.open(None)
    assert program.session.phase == "failed"
    assert "holds no folder inpaint" in program.window.start.text.text()


def test_time_left_is_told_from_the_median(desk: Desk) -> None:
    desk.open()
    session = desk.program.session
    assert session.progress.seconds_left is None
    session.progress.seconds = [2, 100, 4]
    assert session.progress.seconds_left == 16
    assert time_words(16) == "less than a minute left"
    assert time_words(700) == "about 12 min left"
    assert time_words(17000 * 6) == "about 28 h 20 min left"


def test_the_menu_opens_it(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_prompts(tmp_path / "prompts", NAMES)
    monkeypatch.setattr(file_dialogs, "ask_rating_folder", lambda _: tmp_path / "prompts")
    bench.program.window.commands["rate"].trigger()
    (rating,) = bench.program.ratings
    bench.until(lambda: rating.session.phase == "naming")
    assert rating.window.isVisible()
    bench.program.use_theme("light")
    rating.window.close()
    bench.until(lambda: not bench.program.ratings)


@given(st.text(max_size=10), st.text(min_size=1, max_size=10), st.integers(2, 9))
def test_the_order_is_a_shuffle_that_stays_the_same(person: str, name: str, count: int) -> None:
    prompt = PaperPrompt(Path(), name, tuple(map(str, range(count))))
    order = shuffled(person, prompt)
    assert sorted(order) == list(range(count))
    assert shuffled(person, prompt) == order


@given(
    st.integers(2, 9),
    st.lists(st.one_of(st.integers(1, 7), st.sampled_from("lrudb")), max_size=60),
)
def test_the_cell_in_hand_stays_on_screen(count: int, course: list[int | str]) -> None:
    prompt = PaperPrompt(Path(), "p", tuple(map(str, range(count))))
    marks = Marks.of("ann", prompt, ())
    moves = {"l": (-1, 0), "r": (1, 0), "u": (0, -1), "d": (0, 1)}
    for step in course:
        if isinstance(step, int):
            marks.put(step)
        elif step == "b":
            marks.go(-1)
        else:
            marks.move(*moves[step])
        assert 0 <= marks.cell[0] < count
        assert 0 <= marks.cell[1] < 3
    assert marks.is_complete == all(None not in values for values in marks.values)


@given(
    st.integers(3, 10),
    st.tuples(st.integers(700, 3000), st.integers(400, 2000)),
    st.tuples(st.integers(10, 2000), st.integers(10, 2000)),
)
def test_no_other_columns_that_hold_the_values_show_larger_pictures(
    count: int, room: tuple[int, int], shape: tuple[int, int]
) -> None:
    def scale(columns: int) -> float:
        width, height = picture_room(count, columns, room, shape)
        return min(width / shape[0], height / shape[1])

    def fits(columns: int) -> bool:
        height = picture_room(count, columns, room, shape)[1]
        return rows_height(count, columns, height) <= room[1]

    best = best_columns(count, room, shape)
    wide = [one for one in range(1, count + 1) if one * (LEAST_WIDTH + GAP) <= room[0] + GAP]
    assert best in wide
    assert fits(best) or not any(map(fits, wide))
    assert all(scale(one) <= scale(best) for one in wide if fits(one) or not fits(best))


def test_in_a_small_window_the_values_stay_wide_and_the_picture_in_hand_in_view(
    desk: Desk,
) -> None:
    write_prompts(desk.folder, NAMES, pictures=6)
    program = desk.open()
    program.window.resize(960, 640)
    tiles = program.window.page.tiles

    def is_in_view() -> bool:
        tile = tiles.tiles[desk.marks.cell[0]]
        return (
            tiles.viewport()
            .rect()
            .contains(tile.rect().translated(tile.mapTo(tiles.viewport(), QPoint())))
        )

    assert all(row.box_of(7).width() >= 24 for tile in tiles.tiles for row in tile.rows)
    for _ in range(6):
        desk.until(is_in_view)
        desk.type("444")
    desk.press(Key.Key_Return)
    assert desk.name == "b"
    desk.until(is_in_view)


# --- prefpaint rate -------------------------------------------------------------------------------


@pytest.fixture
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    write_prompts(tmp_path / "prompts", NAMES)
    return tmp_path / "prompts"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing"], "missing is not a folder"),
        (["."], "holds no folder inpaint"),
        (["prompts", "--rater", " "], "no name"),
        (["prompts", "--rater", "x" * 65], "65 characters"),
        (["prompts", "--rater", "a\0b"], "characters that cannot be shown"),
        (["prompts", "--json"], "Add --agreement"),
    ],
)
def test_what_cannot_be_rated_is_one_sentence(
    prompts: Path,
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(prompts.parent)
    assert main(["rate", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.count("\n") == 1


def test_without_a_display_it_says_what_works(
    prompts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["rate", str(prompts)]) == 2
    assert "prefpaint rate DIR --agreement" in capsys.readouterr().err


def test_agreement_is_printed_in_words_and_as_json(
    prompts: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["rate", str(prompts), "--agreement"]
    assert main(command) == 0
    assert capsys.readouterr().out == "Nobody has rated these prompts yet.\n"
    for person in ("ann", "bob"):
        desk.open(person)
        desk.type("".join({0: "135", 1: "246", 2: "777"}[seed] for seed in desk.marks.seeds))
        desk.until_kept()
        desk.close()
    assert main(command) == 0
    words = capsys.readouterr().out
    assert "ann: 3 pictures rated" in words
    assert "overall feeling" in words
    assert "1.000  reliable   3 pictures, 6 ratings" in words
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["raters"] == {"ann": 3, "bob": 3}
    assert [one["alpha"] for one in found["criteria"]] == [1, 1, 1]
    assert (found["prompts"], found["set_aside"]) == (4, [])
