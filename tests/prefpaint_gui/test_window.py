"""The whole path through the real window: open, paint, generate, accept, save, close."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from prefpaint_gui.photo_io import photo_from_pixels
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.file_actions import pixels_of
from resources import SAMPLE_PHOTO
from tests.prefpaint_gui.conftest import Bench
from tests.prefpaint_gui.fakes import red_of

CONTROL = Qt.KeyboardModifier.ControlModifier


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def answer_save(monkeypatch: pytest.MonkeyPatch, path: Path | None) -> list[Path]:
    """Let the Save as dialog answer with a path; returns what it was asked to suggest."""
    suggested: list[Path] = []

    def ask_save(_parent: object, suggestion: Path) -> Path | None:
        suggested.append(suggestion)
        return path

    monkeypatch.setattr(file_dialogs, "ask_save", ask_save)
    return suggested


@pytest.mark.parametrize("feather", [0, 4])
@pytest.mark.parametrize("channels", [3, 4])
def test_from_open_to_save_only_the_masked_pixels_change(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feather: int, channels: int
):
    original = np.random.default_rng(5).integers(0, 256, (90, 120, channels), np.uint8)
    original[..., 3:] |= 1  # nothing wholly transparent, which would be filled as well
    path = tmp_path / "photo.png"
    Image.fromarray(original).save(path)
    bench.open(path)
    bench.program.options.update(feather=feather)
    bench.mask_rectangle()
    mask = bench.program.document.mask.copy()
    bench.generate()
    bench.key(Qt.Key.Key_Return)
    target = tmp_path / "out.png"
    suggested = answer_save(monkeypatch, target)
    with bench.qtbot.waitSignal(bench.program.window.files.succeeded):
        bench.key(Qt.Key.Key_S, CONTROL)
    saved = read(target)
    assert suggested == [tmp_path / "photo-filled.png"]
    rows, columns = np.nonzero(mask)
    near = np.zeros_like(mask)
    near[rows.min() - feather : rows.max() + feather + 1][
        :, columns.min() - feather : columns.max() + feather + 1
    ] = True
    assert np.array_equal(saved[~near], original[~near])
    best = max(red_of(seed) for seed in range(4))
    assert (saved[mask][:, 0] == best).all()
    assert np.array_equal(read(path), original)


def test_saving_again_writes_the_file_of_our_own_without_asking(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    suggested = answer_save(monkeypatch, tmp_path / "own.png")
    for _ in range(2):
        with painted.qtbot.waitSignal(painted.program.window.files.succeeded):
            painted.key(Qt.Key.Key_S, CONTROL)
    assert len(suggested) == 1


def test_a_photo_that_cannot_be_opened_leaves_the_old_one(painted: Bench, tmp_path: Path):
    window, document = painted.program.window, painted.program.document
    before, mask = document.pixels, document.mask.copy()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    window.files.open_path(bad)
    painted.until(window.banner.isVisible)
    assert "bad.png" in window.banner.text.text()
    assert document.pixels is before
    assert np.array_equal(document.mask, mask)
    painted.generate()
    assert not window.banner.isVisible()


def test_a_save_that_fails_says_so_and_loses_nothing(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    answer_save(monkeypatch, tmp_path / "missing" / "out.png")
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    painted.key(Qt.Key.Key_S, CONTROL)
    painted.until(painted.program.window.banner.isVisible)
    assert painted.program.document.is_modified


def test_generate_without_a_mask_or_a_photo_says_what_to_do(bench: Bench, photo_path: Path):
    banner = bench.program.window.banner
    bench.program.session.generate()
    assert "no photo" in banner.text.text()
    bench.open(photo_path)
    assert not banner.isVisible()
    bench.key(Qt.Key.Key_Return, CONTROL)
    assert "mask is empty" in banner.text.text()
    bench.qtbot.mouseClick(banner.dismiss, Qt.MouseButton.LeftButton)
    assert not banner.isVisible()


def test_a_full_mask_is_one_sentence_in_the_banner(painted: Bench):
    window = painted.program.window
    painted.key(Qt.Key.Key_D, CONTROL)
    painted.key(Qt.Key.Key_I)
    painted.generate()
    assert window.banner.isVisible()
    assert "covers everything" in window.banner.text.text()
    assert painted.program.candidates.ranked == []


def test_a_dropped_file_and_a_pasted_picture_are_opened(bench: Bench, photo_path: Path):
    window, document = bench.program.window, bench.program.document
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo_path))])
    where, nothing = QPoint(300, 300), Qt.KeyboardModifier.NoModifier
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    entering = QDragEnterEvent(where, copy, data, left, nothing)
    QApplication.sendEvent(window, entering)
    assert entering.isAccepted()
    with bench.qtbot.waitSignal(document.replaced):
        QApplication.sendEvent(window, QDropEvent(where.toPointF(), copy, data, left, nothing))
    assert document.path == photo_path
    picture = window.canvas.grab().toImage()
    QGuiApplication.clipboard().setImage(picture)
    with bench.qtbot.waitSignal(document.replaced):
        bench.key(Qt.Key.Key_V, CONTROL)
    assert document.path is None
    assert document.is_modified
    assert np.array_equal(document.pixels, pixels_of(picture))


def test_an_empty_clipboard_is_one_sentence(bench: Bench):
    QGuiApplication.clipboard().clear()
    bench.key(Qt.Key.Key_V, CONTROL)
    assert "clipboard" in bench.program.window.banner.text.text()


def test_a_fill_of_the_sample_is_not_saved_beside_the_program_s_own_files(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    folders = tmp_path / "home", tmp_path / "home" / "Pictures"
    monkeypatch.setattr(Path, "home", lambda: folders[0])
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(folders[1]))
    suggested = answer_save(monkeypatch, None)
    bench.open(SAMPLE_PHOTO)
    bench.program.window.commands["save_as"].trigger()
    folders[1].mkdir(parents=True)
    bench.program.window.commands["save_as"].trigger()
    assert [path.parent for path in suggested] == list(folders)
    assert bench.program.settings.last_folder is None


def test_the_strip_is_slim_until_the_first_generate(bench: Bench, photo_path: Path):
    bench.open(photo_path)
    strip = bench.program.window.strip
    assert strip.height() < 56
    assert strip.message.isVisible()
    assert not strip.side.isVisible()
    bench.mask_rectangle()
    bench.generate()
    height = strip.height()
    assert height > 200
    assert strip.side.isVisible()
    bench.key(Qt.Key.Key_Return)
    assert strip.cards == {}
    assert strip.height() == height
    bench.open(photo_path)
    assert strip.height() < 56


def test_the_sample_opens_ready_to_generate(bench: Bench):
    window = bench.program.window
    assert window.area.empty.isVisible()
    with bench.qtbot.waitSignal(bench.program.document.replaced):
        bench.qtbot.mouseClick(window.area.empty.sample, Qt.MouseButton.LeftButton)
    assert not window.area.empty.isVisible()
    assert bench.program.document.mask.any()
    bench.generate()
    assert len(bench.program.candidates.ranked) == 4


def test_closing_asks_about_changes_and_saves_them(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    window = painted.program.window
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "cancel")
    assert not window.close()
    target = tmp_path / "closing.png"
    answer_save(monkeypatch, target)
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "save")
    with painted.qtbot.waitSignal(window.closed):
        window.close()
    assert np.array_equal(read(target), painted.program.document.pixels)


def test_a_close_that_was_thought_better_of_is_forgotten(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    window = painted.program.window
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    answer_save(monkeypatch, None)
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "save")
    assert not window.close()
    answer_save(monkeypatch, tmp_path / "later.png")
    with painted.qtbot.waitSignal(window.files.succeeded):
        painted.key(Qt.Key.Key_S, CONTROL)
    assert window.isVisible()


@pytest.mark.parametrize("typed", ["plain", "named.jpg"])
def test_the_save_dialog_is_asked_about_the_name_in_full(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
):
    def accept(dialog: QFileDialog) -> int:
        dialog.selectFile(str(tmp_path / typed))
        return 1

    monkeypatch.setattr(QFileDialog, "exec", accept)
    chosen = file_dialogs.ask_save(bench.program.window, tmp_path / "photo-filled.png")
    assert chosen == tmp_path / ("plain.png" if typed == "plain" else typed)


@pytest.mark.parametrize("answer", ["cancel", "discard"])
def test_what_is_changed_while_a_photo_is_read_is_not_lost_unasked(
    painted: Bench, photo_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
):
    asked: list[str] = []
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: (asked.append(answer), answer)[1])
    document, window = painted.program.document, painted.program.window
    painted.generate()
    window.files.open_path(photo_path)
    painted.key(Qt.Key.Key_Return)  # before the file has been read
    assert document.is_modified
    painted.until(lambda: bool(asked))
    assert document.is_modified == (answer == "cancel")
    assert len(asked) == 1


def test_changes_made_while_another_save_runs_are_asked_about_too(
    painted: Bench, photo_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    document, files = painted.program.document, painted.program.window.files
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    answers = ["save", "cancel"]
    monkeypatch.setattr(
        file_dialogs, "ask_unsaved", lambda *_: answers.pop(0) if answers else "discard"
    )
    answer_save(monkeypatch, tmp_path / "first.png")
    with painted.qtbot.waitSignal(files.succeeded):
        files.open_path(photo_path)
        painted.key(Qt.Key.Key_Z, CONTROL)  # an edit while the file is being written
    assert not answers
    assert document.path == tmp_path / "first.png"
    assert document.is_modified


def test_save_as_writes_the_photo_that_it_asked_about(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = painted.program
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    wanted = program.document.pixels
    other = photo_from_pixels(np.zeros((40, 50, 3), np.uint8))

    def ask_save(*_: object) -> Path:
        program.document.load(other)  # it arrives while the dialog is open
        return tmp_path / "asked.png"

    monkeypatch.setattr(file_dialogs, "ask_save", ask_save)
    with painted.qtbot.waitSignal(program.window.files.succeeded):
        program.window.files.save_as()
    assert np.array_equal(read(tmp_path / "asked.png"), wanted)
    assert program.document.photo is other


def test_closing_waits_for_a_save_that_is_under_way(
    painted: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    window = painted.program.window
    answer_save(monkeypatch, tmp_path / "copy.png")
    with painted.qtbot.waitSignal(window.closed):
        window.files.save_as()
        assert not window.close()
    assert read(tmp_path / "copy.png").shape == painted.program.document.pixels.shape


def test_the_keys_work_on_after_a_click_on_generate(painted: Bench):
    window = painted.program.window
    painted.qtbot.mouseClick(window.top_bar.generate, Qt.MouseButton.LeftButton)
    painted.until(lambda: not painted.program.session.is_busy)
    painted.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
    painted.until(lambda: [opinion.signal for opinion in painted.opinions()] == ["up"])
    painted.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert painted.program.document.is_modified


def test_closing_during_work_ends_everything(painted: Bench):
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: bool(painted.inpainter.requests))
    painted.program.window.close()
    assert painted.inpainter.cancelled.is_set()
    assert painted.inpainter.is_closed
    assert painted.scorer.is_closed


def test_the_title_names_the_photo_and_marks_changes(painted: Bench):
    window = painted.program.window
    assert window.windowTitle().startswith("photo.png")
    assert not window.isWindowModified()
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    assert window.isWindowModified()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_can_be_chosen(painted: Bench, theme: str):
    painted.generate()
    painted.program.window.commands.themes[theme].trigger()
    assert painted.program.settings.theme == theme
    corner = painted.program.window.canvas.grab().toImage().pixelColor(2, 2)
    assert (corner.lightness() > 128) == (theme == "light")
    assert len(painted.program.window.strip.cards) == 4


def test_every_control_has_a_name_for_screen_readers(painted: Bench):
    from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QSlider

    painted.use_diffusion()
    painted.generate()
    window = painted.program.window
    assert all(line.accessibleName() for line in window.top_bar.prompts.findChildren(QLineEdit))
    for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider):
        for control in window.findChildren(kind):
            if control.isVisible() and control.objectName() != "qt_menubar_ext_button":
                assert control.accessibleName() or control.text(), control
