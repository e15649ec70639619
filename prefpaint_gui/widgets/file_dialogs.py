"""Questions about files; the only modal dialogs."""

from pathlib import Path
from typing import Literal

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

OPEN_FILTER = "Photos (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif);;All files (*)"
MODEL_FILTER = "Models (*.safetensors);;All files (*)"
LORA_FILTER = "LoRA files (*.safetensors);;All files (*)"
ARCHIVE_FILTER = "Archives (*.zip *.tar *.tgz *.tar.gz manifest.json);;All files (*)"
SAVE_FILTER = "Photos (*.png *.jpg *.jpeg *.webp *.tif *.tiff)"


def ask_open(parent: QWidget, folder: Path | None) -> Path | None:
    """Which photo to open; None when the person thinks better of it."""
    name, _ = QFileDialog.getOpenFileName(parent, "Open a photo", str(folder or ""), OPEN_FILTER)
    return Path(name) if name else None


def ask_save(parent: QWidget, suggested: Path) -> Path | None:
    """Where to save, PNG unless the name says otherwise; the dialog itself asks before it names a
    file that exists."""
    dialog = QFileDialog(parent, "Save as", str(suggested.parent), SAVE_FILTER)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("png")  # by the dialog, so that it asks about the name in full
    dialog.selectFile(suggested.name)
    return Path(dialog.selectedFiles()[0]) if dialog.exec() else None


def ask_model_folder(parent: QWidget) -> Path | None:
    """Where a model lies whose files fill a folder."""
    name = QFileDialog.getExistingDirectory(parent, "Add a model folder")
    return Path(name) if name else None


def ask_model_file(parent: QWidget) -> Path | None:
    """Where a model lies that is one file."""
    name, _ = QFileDialog.getOpenFileName(parent, "Add a model file", "", MODEL_FILTER)
    return Path(name) if name else None


def ask_lora(parent: QWidget) -> Path | None:
    """A LoRA file."""
    name, _ = QFileDialog.getOpenFileName(parent, "Add a LoRA file", "", LORA_FILTER)
    return Path(name) if name else None


def ask_new_folder(parent: QWidget, suggested: str) -> Path | None:
    """Which folder to make; one that is there must be empty."""
    name, _ = QFileDialog.getSaveFileName(
        parent,
        "Export to a new folder",
        suggested,
        options=QFileDialog.Option.DontConfirmOverwrite,
    )
    return Path(name) if name else None


def ask_archive(parent: QWidget) -> Path | None:
    """An archive of preferences; a folder is named by the manifest in it."""
    name, _ = QFileDialog.getOpenFileName(
        parent, "Import an archive, or manifest.json in a folder", "", ARCHIVE_FILTER
    )
    path = Path(name)
    return (path.parent if path.name == "manifest.json" else path) if name else None


def ask_rating_folder(parent: QWidget) -> Path | None:
    """Where prompts lie that are to be rated."""
    name = QFileDialog.getExistingDirectory(parent, "Rate a folder of prompts")
    return Path(name) if name else None


def ask_unsaved(parent: QWidget, name: str) -> Literal["save", "discard", "cancel"]:
    """What to do with changes that are in no file."""
    box = QMessageBox(parent)
    box.setWindowTitle("Unsaved changes")
    box.setText(f"{name} has changes that are not saved.")
    button = QMessageBox.StandardButton
    box.setStandardButtons(button.Save | button.Discard | button.Cancel)
    box.setDefaultButton(button.Save)
    chosen = box.exec()
    if chosen == button.Save:
        return "save"
    return "discard" if chosen == button.Discard else "cancel"
