"""Open and save, as the menu, the keyboard and a drop ask for them."""

import itertools
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QObject, QStandardPaths, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from prefpaint_gui.state.document import Document, Image
from prefpaint_gui.state.messages import Opened, OpenOrder, SaveOrder
from prefpaint_gui.widgets import file_dialogs
from resources import FOLDER

SAVED_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}


class FileActions(QObject):
    """Places orders for the file worker and takes in what it reports.

    A failed open leaves the current photo as it is; of two opens only the later counts.
    """

    open_ordered = Signal(object)
    save_ordered = Signal(object)
    failed = Signal(str)
    succeeded = Signal()
    notice = Signal(str)
    folder_used = Signal(object)
    close_granted = Signal()
    """The changes that held up closing are saved."""

    def __init__(self, document: Document, window: QWidget) -> None:
        super().__init__(window)
        self._document = document
        self._window = window
        self._numbers = itertools.count(1)
        self._opening = 0
        self._after_save: OpenOrder | None = None
        self._closes_after_save = False
        self.folder: Path | None = None

    # --- open ---------------------------------------------------------------------------------

    def open(self) -> None:
        path = file_dialogs.ask_open(self._window, self.folder)
        if path is not None:
            self.open_path(path)

    def open_path(self, path: Path, mask: Path | None = None) -> None:
        """Open a file, with a mask to start with if one is named."""
        self._order_open(path, mask)

    def paste(self) -> None:
        """Open what the clipboard holds: a picture, or a file."""
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()
        self.take(data or QMimeData())  # an empty clipboard may have none

    def take(self, data: QMimeData) -> None:
        """Open what was dropped or pasted."""
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.open_path(paths[0])
            return
        image = data.imageData() if data.hasImage() else None
        if isinstance(image, QImage) and not image.isNull():
            self._order_open(pixels_of(image), None)
        else:
            self.failed.emit("The clipboard holds no picture. Copy one first, or open a file.")

    def _order_open(self, source: Path | Image, mask: Path | None) -> None:
        order = OpenOrder(next(self._numbers), source, mask)
        if self._document.is_modified:
            answer = file_dialogs.ask_unsaved(self._window, self._name)
            if answer == "cancel":
                return
            if answer == "save":
                self._after_save = order
                self._forget_wishes_unless(self.save())
                return
        self._place(order)

    def _place(self, order: OpenOrder) -> None:
        self._opening = order.job_id
        if isinstance(order.source, Path):
            self.notice.emit(f"Opening {order.source.name}…")
        self.open_ordered.emit(order)

    @Slot(object)
    def on_opened(self, opened: Opened) -> None:
        if opened.job_id != self._opening:
            return
        self._document.load(opened.photo, opened.mask, opened.pyramid)
        if opened.photo.path is not None and not _is_ours(opened.photo.path):
            self._use_folder(opened.photo.path)
        self.succeeded.emit()
        self.notice.emit("")

    @Slot(int, str)
    def on_open_failed(self, job_id: int, sentence: str) -> None:
        if job_id == self._opening:
            self.notice.emit("")
            self.failed.emit(sentence)

    # --- save ---------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._document.path.name if self._document.path else "The photo"

    def save(self) -> bool:
        """Write the file again if this program wrote it, else ask where; False if not ordered."""
        if self._document.is_own_file and self._document.path is not None:
            return self._order_save(self._document.path)
        return self.save_as()

    def save_as(self) -> bool:
        """Ask where and write; False when there is nothing to save or the person cancels."""
        if not self._document.is_open:
            return False
        path = file_dialogs.ask_save(self._window, self._suggested())
        return path is not None and self._order_save(path)

    def _suggested(self) -> Path:
        path = self._document.path
        if path is not None and self._document.is_own_file:
            return path
        folder = self.folder
        if folder is None or _is_ours(folder):
            folder = _pictures() if path is None or _is_ours(path) else path.parent
        if path is None:
            return folder / "pasted-filled.png"
        suffix = path.suffix if path.suffix.lower() in SAVED_SUFFIXES else ".png"
        return folder / f"{path.stem}-filled{suffix}"

    def _order_save(self, path: Path) -> bool:
        document = self._document
        if document.photo is None:
            return False
        if not path.suffix:
            path = path.with_suffix(".png")
        self.notice.emit(f"Saving {path.name}…")
        order = SaveOrder(path, document.pixels, document.versions.pixels, document.photo)
        self.save_ordered.emit(order)
        return True

    @Slot(object)
    def on_saved(self, order: SaveOrder) -> None:
        if order.photo is self._document.photo:
            self._document.mark_saved(order.path, order.pixels_version)
        self._use_folder(order.path)
        self.succeeded.emit()
        self.notice.emit(f"Saved {order.path.name}")
        after, closes = self._after_save, self._closes_after_save
        self._forget_wishes_unless(False)
        if after is not None:
            self._place(after)
        elif closes:
            self.close_granted.emit()

    @Slot(str)
    def on_save_failed(self, sentence: str) -> None:
        self._forget_wishes_unless(False)
        self.notice.emit("")
        self.failed.emit(sentence)

    def _forget_wishes_unless(self, ordered: bool) -> None:
        if not ordered:
            self._after_save = None
            self._closes_after_save = False

    def _use_folder(self, path: Path) -> None:
        self.folder = path.parent
        self.folder_used.emit(path.parent)

    # --- close --------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Whether the window may close now; asks about unsaved changes."""
        if not self._document.is_modified:
            return True
        answer = file_dialogs.ask_unsaved(self._window, self._name)
        if answer == "save":
            self._closes_after_save = True
            self._forget_wishes_unless(self.save())
        return answer == "discard"


def _is_ours(path: Path) -> bool:
    """Whether it is part of the program, as the sample is: nothing is to be written beside it."""
    return path.is_relative_to(FOLDER)


def _pictures() -> Path:
    """The person's folder for pictures, or their home where there is none."""
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return Path(place) if place and Path(place).is_dir() else Path.home()


def pixels_of(image: QImage) -> Image:
    """(height, width, 3 or 4) uint8 of a picture in any of Qt's formats."""
    channels = 4 if image.hasAlphaChannel() else 3
    wanted = QImage.Format.Format_RGBA8888 if channels == 4 else QImage.Format.Format_RGB888
    converted = image.convertToFormat(wanted)
    height, width, stride = converted.height(), converted.width(), converted.bytesPerLine()
    rows = np.frombuffer(converted.constBits(), np.uint8).reshape(height, stride)
    return rows[:, : width * channels].reshape(height, width, channels).copy()
