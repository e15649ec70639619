"""Export and import from the window: what is shown, what is written, and how it goes wrong."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import Program, build_window
from prefpaint_gui.state.models import PATCHMATCH
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.export_dialog import ExportDialog
from prefpaint_gui.widgets.parts import Choice
from tests.prefpaint_gui.conftest import LEFT
from tests.prefpaint_gui.fakes import fake_backends
from tests.training.strips import make_strip, with_photo
from training.preferences import export as exporting
from training.preferences import importing
from training.preferences.database import FILE_NAME
from training.preferences.export import export
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore


@dataclass
class Desk:
    """The program with a real store, and what a person would do to it."""

    qtbot: QtBot
    program: Program
    folder: Path

    @property
    def dialog(self) -> ExportDialog:
        return self.program.window.dialogs.export

    @property
    def status(self) -> str:
        return self.program.window.status.notice.text()

    def open(self) -> None:
        """Choose Export preferences in the menu, and wait for the preview."""
        self.program.window.commands["export"].trigger()
        self.settle()

    def settle(self) -> None:
        exchange = self.program.exchange
        self.until(lambda: exchange.outlook is not None and not exchange.is_looking)

    def choose(self, choice: Choice, text: str) -> None:
        row = choice.findText(text)
        assert row >= 0, [choice.itemText(row) for row in range(choice.count())]
        choice.setCurrentIndex(row)
        choice.activated.emit(row)
        self.settle()

    def press(self, button: QWidget) -> None:
        assert button.isVisible()
        assert button.isEnabled()
        self.qtbot.mouseClick(button, LEFT)

    def until(self, condition) -> None:
        self.qtbot.waitUntil(condition, timeout=20_000)  # the first export imports much

    def store(self) -> PreferenceStore:
        return PreferenceStore(self.folder / "store")

    @property
    def leaves(self) -> str:
        return "\n".join(self.dialog.preview.leaves.lines)


@pytest.fixture
def desk(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """With three strips in the store, and a file dialog that names tmp_path / "out"."""
    qapp.setStyle("Fusion")
    monkeypatch.setattr(file_dialogs, "ask_new_folder", lambda *_: tmp_path / "out")
    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(1), Opinion("up", 0))
        store.record(make_strip(2), Opinion("order", order=(1, 0)))
        store.record(make_strip(3), Opinion("accept", 2, person="Zoe"))
    backends = fake_backends(
        store=lambda: PreferenceStore(tmp_path / "store"), models=lambda: [PATCHMATCH]
    )
    program = build_window(backends)
    qtbot.addWidget(program.window)
    with qtbot.waitExposed(program.window):
        program.show()
    yield Desk(qtbot, program, tmp_path)
    program.window.close()


def test_the_dialog_shows_what_leaves_and_what_stays(desk: Desk) -> None:
    desk.open()
    preview = desk.dialog.preview
    assert preview.leaves.lines[:3] == [
        "3 regions around holes in 3 photos",
        "9 fills by patchmatch",
        "1 thumb up, 1 accepted into the photo, 1 explicit order of a strip",
    ]
    assert any("Whole photos" in line for line in preview.stays.lines)
    assert "What lay under the masks" in preview.stays.lines
    outlook = desk.program.exchange.outlook
    assert outlook is not None
    assert [crop.said for crop in outlook.crops] == [
        "1 accepted into the photo",
        "1 explicit order of a strip",
    ]
    region = outlook.crops[0].pictures[0]
    assert (region[make_strip(3).hole] == 255).all()
    # Two rows of a region, three fills and what was said.
    assert preview.pictures.count() == 10


def test_whole_photos_leave_where_they_are_kept_and_wanted(desk: Desk) -> None:
    desk.open()
    assert desk.dialog.photos.itemText(1) == "Whole photos (none kept)"
    with desk.store() as store:
        store.record(with_photo(make_strip(4)), Opinion("up", 0))
    desk.choose(desk.dialog.signal, "Thumbs")
    assert "whole" not in desk.leaves
    desk.choose(desk.dialog.photos, "Whole photos (1 of 2 kept)")
    assert "1 photo whole, with what lay under the masks" in desk.leaves
    stays = desk.dialog.preview.stays.lines
    assert not any("Whole photos" in line or "under the masks" in line for line in stays)
    desk.press(desk.dialog.export_button)
    desk.until(lambda: bool(desk.dialog.outcome.text()))
    assert "1 photo is with them whole." in desk.dialog.outcome.text()
    assert (desk.folder / "out" / "photos" / "photo-2.png").exists()


def test_filters_change_what_leaves(desk: Desk) -> None:
    desk.open()
    desk.choose(desk.dialog.signal, "Orders and answers to questions")
    assert "1 explicit order of a strip" in desk.leaves.lower()
    assert "thumb" not in desk.leaves
    desk.choose(desk.dialog.person, "Zoe")
    assert desk.leaves == "Nothing: no opinion is like this"
    assert not desk.dialog.export_button.isEnabled()
    desk.choose(desk.dialog.signal, "All that was said")
    assert "1 region around holes in 1 photo" in desk.leaves
    desk.choose(desk.dialog.model, "patchmatch")
    desk.choose(desk.dialog.time, "In the last day")
    desk.press(desk.dialog.export_button)
    desk.until(lambda: bool(desk.dialog.outcome.text()))
    assert desk.dialog.outcome.text() == f"1 strip is in {desk.folder / 'out'}."
    (record,) = (desk.folder / "out" / "records.jsonl").read_text().splitlines()
    assert json.loads(record)["rater"] == "rater-1"


def test_an_archive_says_that_it_is_not_to_be_shared(desk: Desk) -> None:
    desk.open()
    desk.choose(desk.dialog.form, "Archive of everything")
    desk.choose(desk.dialog.licence, "CC0 1.0")
    assert "keep this archive for yourself" in desk.leaves
    assert "What lay under the masks" not in desk.dialog.preview.stays.lines
    desk.press(desk.dialog.export_button)
    desk.until(lambda: bool(desk.dialog.outcome.text()))
    assert "license: cc0-1.0" in (desk.folder / "out" / "README.md").read_text()
    # The same as the command's.
    with desk.store() as store:
        export(store, desk.folder / "same", "jsonl", licence="CC0 1.0")
    ours, theirs = (
        {path.name: path.read_bytes() for path in (desk.folder / name).rglob("*.*")}
        for name in ("out", "same")
    )
    assert ours == theirs


def test_a_folder_with_something_in_it_is_named_in_the_dialog(desk: Desk) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "mine.txt").write_text("mine")
    desk.open()
    desk.press(desk.dialog.export_button)
    desk.until(desk.dialog.banner.isVisible)
    assert "holds something already" in desk.dialog.banner.text.text()
    assert not desk.program.window.banner.isVisible()
    assert desk.dialog.export_button.isEnabled()
    (desk.folder / "out" / "mine.txt").unlink()
    desk.press(desk.dialog.export_button)
    desk.until(lambda: bool(desk.dialog.outcome.text()))
    assert not desk.dialog.banner.isVisible()


def test_thinking_better_of_it_exports_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_dialogs, "ask_new_folder", lambda *_: None)
    desk.open()
    desk.press(desk.dialog.export_button)
    assert desk.program.exchange.order is None
    desk.qtbot.keyClick(desk.dialog, Qt.Key.Key_Escape)
    assert not desk.dialog.isVisible()


def test_an_export_can_be_cancelled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()
    real = exporting._strips

    def slow(*args):
        for strip in real(*args):
            yield strip
            reached.set()
            assert go_on.wait(20)

    monkeypatch.setattr(exporting, "_strips", slow)
    desk.open()
    desk.press(desk.dialog.export_button)
    desk.until(reached.is_set)
    assert desk.dialog.bar.isVisible()
    assert not desk.dialog.export_button.isVisible()
    desk.press(desk.dialog.cancel_button)
    go_on.set()
    assert desk.dialog.export_button.isVisible()
    desk.until(lambda: not list(desk.folder.glob(".prefpaint-*")))
    assert not (desk.folder / "out").exists()
    assert desk.dialog.outcome.text() == ""


def test_an_empty_store_says_what_to_do(desk: Desk) -> None:
    with desk.store() as store:
        store.delete_all()
    desk.open()
    assert desk.leaves == "Nothing: no opinion is kept yet"
    assert not desk.dialog.export_button.isEnabled()


def test_an_archive_comes_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with PreferenceStore(desk.folder / "laptop") as store:
        store.record(make_strip(1), Opinion("up", 0), "2026-01-01T00:00:00.000+00:00")
        store.record(make_strip(9), Opinion("down", 1))
        export(store, desk.folder / "archive", "jsonl")
    monkeypatch.setattr(file_dialogs, "ask_archive", lambda *_: desk.folder / "archive")
    with desk.qtbot.waitSignal(desk.program.exchange.imported, timeout=20_000):
        desk.program.window.commands["import"].trigger()
    desk.until(lambda: desk.status == "1 opinion is new, of 2 in archive.")
    with desk.store() as store:
        assert store.statistics().presentations == 4
    (desk.folder / "archive" / "README.md").write_text("altered")
    desk.program.window.commands["import"].trigger()
    desk.until(desk.program.window.banner.isVisible)
    assert "README.md was altered" in desk.program.window.banner.text.text()


def test_an_import_shows_its_course_and_can_be_cancelled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PreferenceStore(desk.folder / "laptop") as store:
        for number in range(10, 20):
            store.record(make_strip(number), Opinion("up", 0))
        export(store, desk.folder / "archive", "jsonl")
    monkeypatch.setattr(file_dialogs, "ask_archive", lambda *_: desk.folder / "archive")
    reached, go_on = threading.Event(), threading.Event()
    real = importing._strips

    def slow(*args):
        for number, strip in enumerate(real(*args)):
            if number == 5:
                reached.set()
                assert go_on.wait(20)
            yield strip

    monkeypatch.setattr(importing, "_strips", slow)
    course = desk.program.window.status.importing
    assert not course.isVisible()
    desk.program.window.commands["import"].trigger()
    desk.until(lambda: reached.is_set() and course.bar.value() > 0)
    assert course.isVisible()
    assert course.what.text() == "Importing archive"
    desk.press(course.cancel)
    go_on.set()
    assert not course.isVisible()
    assert desk.status == "Nothing was imported."
    desk.open()  # the same worker, which has ended the import by then
    with desk.store() as store:
        assert store.statistics().presentations == 3


def test_a_manifest_stands_for_its_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        file_dialogs.QFileDialog, "getOpenFileName", lambda *_: ("/place/out/manifest.json", "")
    )
    assert file_dialogs.ask_archive(desk.program.window) == Path("/place/out")
    monkeypatch.setattr(file_dialogs.QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    assert file_dialogs.ask_archive(desk.program.window) is None


def test_a_broken_database_is_told_of(desk: Desk) -> None:
    with desk.store() as store:
        store.delete_all()
    (desk.folder / "store" / FILE_NAME).write_bytes(b"garbage" * 1000)
    desk.open()
    desk.until(desk.dialog.banner.isVisible)
    assert "was damaged" in desk.dialog.banner.text.text()
