"""The Models dialog: what it lists; download after consent, cancel, add, remove, use."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from prefpaint_gui.state.jobs import RunningProgress
from prefpaint_gui.state.models import BUILTIN
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.model_words import progress_words
from prefpaint_gui.widgets.models_dialog import ModelsDialog
from tests.prefpaint_gui.conftest import LEFT, Bench
from tests.prefpaint_gui.fake_models import OFFERED_NAME, SIZE
from training.inpainting.model_entry import OFFERED, REWARD_FILE

NEEDED = [("plan", OFFERED_NAME), ("download", OFFERED_NAME)]


@pytest.fixture
def dialog(bench: Bench) -> ModelsDialog:
    """Opened, with its list, PrefPaint v1.0 selected."""
    bench.qtbot.mouseClick(bench.program.window.panel.models, LEFT)
    dialog = bench.program.window.dialogs.models
    bench.until(lambda: dialog.list.count() == 1 + len(OFFERED))
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Down)
    assert dialog.list.name == OFFERED_NAME
    return dialog


def click(bench: Bench, button: QAbstractButton) -> None:
    assert button.isVisible()
    assert button.isEnabled()
    bench.qtbot.mouseClick(button, LEFT)


def begin_download(bench: Bench, dialog: ModelsDialog) -> None:
    """Up to where a share has arrived; the rest waits for the gate."""
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    bench.models.gate.clear()
    click(bench, dialog.transfer.yes)
    bench.until(lambda: dialog.transfer.bar.value() == 250)


def state_of(dialog: ModelsDialog, name: str) -> str:
    return dialog.list.words(name).state


def becomes(dialog: ModelsDialog, name: str, state: str) -> Callable[[], bool]:
    return lambda: name in dialog.list.names and state_of(dialog, name) == state


# --- the list -------------------------------------------------------------------------------------


def test_the_list_tells_what_each_model_is_and_nothing_asks_the_hub(
    bench: Bench, dialog: ModelsDialog
):
    assert dialog.list.names[:2] == ["patchmatch", OFFERED_NAME]
    assert state_of(dialog, "patchmatch") == "In use"
    words = dialog.list.words("sdxl-inpainting")
    assert words.title == "Stable Diffusion XL Inpainting 0.1"
    assert words.state == "Not on this computer"
    assert words.facts == "Stable Diffusion XL · CreativeML OpenRAIL++-M"
    assert dialog.place.text() == "Downloads lie in /nowhere/models"
    assert not dialog.use.isEnabled()
    assert not dialog.remove.isEnabled()
    assert bench.models.calls == []


def test_what_is_built_in_can_neither_go_nor_come(bench: Bench, dialog: ModelsDialog):
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Up)
    assert dialog.list.name == "patchmatch"
    for button in (dialog.use, dialog.download, dialog.remove):
        assert not button.isEnabled()


# --- download -------------------------------------------------------------------------------------


def test_a_download_begins_after_consent_to_size_licence_and_place(
    bench: Bench, dialog: ModelsDialog
):
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    assert dialog.transfer.title.text() == "Download PrefPaint v1.0?"
    assert dialog.transfer.facts == {
        "From": "https://huggingface.co/kd5678/prefpaint-v1.0",
        "Size": "4.3 GB",
        "Licence": "openrail",
        "To": "/nowhere/models/prefpaint-v1.0",
    }
    assert bench.models.calls == NEEDED[:1]
    click(bench, dialog.transfer.yes)
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))
    assert bench.models.calls == NEEDED
    assert not dialog.transfer.isVisible()
    assert bench.program.window.status.notice.text() == "PrefPaint v1.0 is ready."


def test_no_consent_no_download(bench: Bench, dialog: ModelsDialog):
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    click(bench, dialog.transfer.no)
    assert not dialog.transfer.isVisible()
    assert dialog.download.isEnabled()
    assert dialog.list.hasFocus()
    assert bench.models.calls == NEEDED[:1]


def test_by_the_keyboard_alone_from_the_menu_to_the_chosen_model(bench: Bench):
    bench.key(Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier)
    dialog = bench.program.window.dialogs.models
    bench.until(lambda: dialog.list.count() == 1 + len(OFFERED))
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Down)
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
    bench.until(dialog.transfer.yes.hasFocus)
    bench.qtbot.keyClick(dialog.transfer.yes, Qt.Key.Key_Return)
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))
    bench.until(dialog.list.hasFocus)
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
    bench.until(becomes(dialog, OFFERED_NAME, "In use"))
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    panel = bench.program.window.panel
    bench.until(lambda: panel.model.currentText() == "PrefPaint v1.0")
    assert panel.sampling.isVisible()


def test_a_running_download_is_cancelled_at_once_and_can_go_on(bench: Bench, dialog: ModelsDialog):
    begin_download(bench, dialog)
    assert state_of(dialog, OFFERED_NAME) == "Downloading"
    assert dialog.transfer.note.text() == "1.1 GB of 4.3 GB"
    assert not dialog.remove.isEnabled()
    before = time.monotonic()
    click(bench, dialog.transfer.no)
    assert not dialog.transfer.isVisible()
    bench.until(becomes(dialog, OFFERED_NAME, "Not complete"))
    assert bench.models.cancelled_at is not None
    assert bench.models.cancelled_at - before < 1
    bench.models.gate.set()
    begin_again = [*NEEDED, *NEEDED]
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    click(bench, dialog.transfer.yes)
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))
    assert bench.models.calls == begin_again


def test_asking_the_hub_can_be_cancelled(bench: Bench, dialog: ModelsDialog):
    bench.models.gate.clear()
    click(bench, dialog.download)
    assert dialog.transfer.title.text() == "Asking the hub about PrefPaint v1.0…"
    bench.until(lambda: bench.models.calls == NEEDED[:1])
    click(bench, dialog.transfer.no)
    bench.until(lambda: bench.models.cancelled_at is not None)
    assert not dialog.transfer.isVisible()
    assert not dialog.banner.isVisible()


def test_a_download_outlives_the_dialog_and_shows_in_it_again(bench: Bench, dialog: ModelsDialog):
    begin_download(bench, dialog)
    bench.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    bench.program.window.commands["models"].trigger()
    assert dialog.transfer.isVisible()
    assert dialog.transfer.bar.value() == 250
    bench.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    bench.models.gate.set()
    bench.until(lambda: bench.program.window.status.notice.text() == "PrefPaint v1.0 is ready.")
    bench.program.window.commands["models"].trigger()
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))


def test_closing_with_an_open_question_is_a_no(bench: Bench, dialog: ModelsDialog):
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    bench.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    bench.program.window.commands["models"].trigger()
    assert not dialog.transfer.isVisible()
    assert bench.program.library.phase == "idle"


def test_closing_the_window_cancels_the_download(bench: Bench, dialog: ModelsDialog):
    begin_download(bench, dialog)
    before = time.monotonic()
    bench.program.window.close()
    assert bench.models.cancelled_at is not None
    assert time.monotonic() - before < 2
    assert not dialog.isVisible()


def test_a_model_of_the_hub_is_named_by_its_id(bench: Bench, dialog: ModelsDialog):
    click(bench, dialog.from_hub)
    assert dialog.question.line.hasFocus()
    bench.qtbot.keyClicks(dialog.question.line, " someone/brick-walls ")
    bench.qtbot.keyClick(dialog.question.line, Qt.Key.Key_Return)
    bench.until(dialog.transfer.yes.isVisible)
    assert dialog.transfer.title.text() == "Download someone/brick-walls?"
    assert not dialog.question.isVisible()
    click(bench, dialog.transfer.yes)
    bench.until(becomes(dialog, "brick-walls", "Ready"))
    bench.until(lambda: dialog.list.name == "brick-walls")


@pytest.mark.parametrize("page", ["", "https://huggingface.co/"])
def test_what_is_here_already_is_shown_instead_of_asked_for(
    bench: Bench, dialog: ModelsDialog, page: str
):
    begin_download(bench, dialog)
    bench.models.gate.set()
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))
    bench.qtbot.keyClick(dialog.list, Qt.Key.Key_Down)
    click(bench, dialog.from_hub)
    bench.qtbot.keyClicks(dialog.question.line, f"{page}kd5678/prefpaint-v1.0")
    bench.qtbot.keyClick(dialog.question.line, Qt.Key.Key_Return)
    assert dialog.list.name == OFFERED_NAME
    assert bench.models.calls == NEEDED


def test_the_time_left_is_told_in_words(bench: Bench, dialog: ModelsDialog):
    begin_download(bench, dialog)
    offer = bench.program.library.offer
    assert offer is not None
    for seconds, words in ((0.2, "1 s"), (59.5, "60 s"), (61, "2 min"), (9000, "2.5 h")):
        told = progress_words(RunningProgress(0.5, seconds), offer)
        assert told == f"{SIZE / 2e9:.1f} GB of 4.3 GB · {words} left"


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", ["plan", "download"])
def test_an_error_is_one_sentence_in_the_dialog(bench: Bench, dialog: ModelsDialog, fails: str):
    if fails == "plan":
        bench.models.error = "The hub did not answer. Try again."
        click(bench, dialog.download)
    else:
        click(bench, dialog.download)
        bench.until(dialog.transfer.yes.isVisible)
        bench.models.error = "The hub did not answer. Try again."
        click(bench, dialog.transfer.yes)
    bench.until(dialog.banner.isVisible)
    assert dialog.banner.text.text() == "The hub did not answer. Try again."
    assert not bench.program.window.banner.isVisible()
    assert not dialog.transfer.isVisible()
    assert dialog.download.isEnabled()
    bench.models.error = None
    click(bench, dialog.download)
    assert not dialog.banner.isVisible()


def test_an_error_without_the_dialog_is_told_in_the_window(bench: Bench, dialog: ModelsDialog):
    click(bench, dialog.download)
    bench.until(dialog.transfer.yes.isVisible)
    bench.models.error = "The disk is full."
    click(bench, dialog.transfer.yes)
    dialog.close()
    bench.until(bench.program.window.banner.isVisible)
    assert bench.program.window.banner.text.text() == "The disk is full."


def test_a_damaged_list_is_told_of_once(bench: Bench, dialog: ModelsDialog):
    bench.models.notice = "The list of models was damaged."
    dialog.close()
    bench.program.window.commands["models"].trigger()
    bench.until(dialog.banner.isVisible)
    assert dialog.banner.text.text() == "The list of models was damaged."
    assert bench.models.notice is None


# --- add, remove, use -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_added_model_is_selected_and_can_be_used(
    bench: Bench, dialog: ModelsDialog, monkeypatch: pytest.MonkeyPatch, kind: str
):
    path = Path("/elsewhere/walls.safetensors")
    monkeypatch.setattr(file_dialogs, f"ask_model_{kind}", lambda _: path)
    click(bench, dialog.add_folder if kind == "folder" else dialog.add_file)
    bench.until(lambda: dialog.list.name == "walls")
    words = dialog.list.words("walls")
    assert (words.state, words.place) == ("Ready", str(path))
    assert words.facts == "Stable Diffusion XL · 7 MB · licence: unknown"
    click(bench, dialog.use)
    assert state_of(dialog, "walls") == "In use"
    bench.until(lambda: bench.program.options.model.name == "walls")
    assert not dialog.use.isEnabled()


def test_a_choice_of_no_file_adds_nothing(
    bench: Bench, dialog: ModelsDialog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(file_dialogs, "ask_model_file", lambda _: None)
    click(bench, dialog.add_file)
    assert bench.models.calls == []


def test_what_is_no_model_is_told_of(
    bench: Bench, dialog: ModelsDialog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(file_dialogs, "ask_model_folder", lambda _: Path("/elsewhere"))
    bench.models.error = "/elsewhere holds no model."
    click(bench, dialog.add_folder)
    bench.until(dialog.banner.isVisible)
    assert dialog.banner.text.text() == "/elsewhere holds no model."


def test_a_downloaded_model_is_deleted_after_a_question(bench: Bench, dialog: ModelsDialog):
    begin_download(bench, dialog)
    bench.models.gate.set()
    bench.until(becomes(dialog, OFFERED_NAME, "Ready"))
    click(bench, dialog.use)
    bench.until(lambda: bench.program.options.model.name == OFFERED_NAME)
    click(bench, dialog.remove)
    assert dialog.question.title.text() == "Delete PrefPaint v1.0?"
    assert "(4.3 GB) are deleted" in dialog.question.note.text()
    assert dialog.question.no.hasFocus()
    click(bench, dialog.question.no)
    assert not dialog.question.isVisible()
    click(bench, dialog.remove)
    click(bench, dialog.question.yes)
    bench.until(becomes(dialog, OFFERED_NAME, "Not on this computer"))
    assert [call for call in bench.models.calls if call[0] == "remove"] == [
        ("remove", OFFERED_NAME)
    ]
    bench.until(lambda: bench.program.options.model.name == "patchmatch")
    bench.until(becomes(dialog, "patchmatch", "In use"))


def test_a_persons_own_files_are_only_taken_off_the_list(
    bench: Bench, dialog: ModelsDialog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(file_dialogs, "ask_model_folder", lambda _: Path("/elsewhere/walls"))
    click(bench, dialog.add_folder)
    bench.until(lambda: dialog.list.name == "walls")
    click(bench, dialog.remove)
    assert dialog.question.title.text() == "Take walls off the list?"
    assert dialog.question.note.text().startswith("No file is deleted")
    click(bench, dialog.question.yes)
    bench.until(lambda: "walls" not in dialog.list.names)
    assert "untouched" in bench.program.window.status.notice.text()


def test_a_downloaded_reward_ranks_when_it_is_used_and_not_when_it_is_gone(
    bench: Bench, dialog: ModelsDialog, tmp_path: Path
):
    name = "prefpaint-reward"
    bench.models.folder = tmp_path
    file = tmp_path / name / REWARD_FILE
    file.parent.mkdir()
    file.touch()
    entry = bench.models.kept[name]
    bench.models.kept[name] = replace(entry, state="ready", location=file, is_downloaded=True)
    bench.program.library.look()
    bench.until(becomes(dialog, name, "Ready"))
    dialog.list.select(name)
    model = bench.program.options.model
    click(bench, dialog.use)
    bench.until(becomes(dialog, name, "In use"))
    assert bench.program.training.reward == str(file)
    assert bench.program.window.status.reward.text() == f"Ranked by {name}"
    assert bench.program.options.model == model
    file.unlink()
    click(bench, dialog.remove)
    click(bench, dialog.question.yes)
    bench.until(lambda: bench.program.training.reward == BUILTIN)
    assert "is gone" in bench.program.window.banner.text.text()
