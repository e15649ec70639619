"""Open and save, as the menu, the keyboard and a drop ask for them."""

import itertools
from collections.abc import Callable
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

    A failed open leaves the current photo as it is; of two opens only the later counts. Changes
    that are in no file are lost only where the person said so, also those made while a file is
    being read or written.
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
        self._opening: OpenOrder | None = None
        self._given_up: int | None = None
        """The version of the pixels that may be lost to what is being opened."""
        self._saving: dict[SaveOrder, Callable[[], None] | None] = {}
        """Saves under way, with what is to be done after them."""
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
        self._place(OpenOrder(next(self._numbers), source, mask))

    def _place(self, order: OpenOrder) -> None:
        if not self._may_replace(order):
            return
        self._opening = order
        if isinstance(order.source, Path):
            self.notice.emit(f"Opening {order.source.name}…")
        self.open_ordered.emit(order)

    def _may_replace(self, order: OpenOrder) -> bool:
        """Whether nothing is lost by it that the person wants; if wanted, saves and opens then."""
        version = self._document.versions.pixels
        if not self._document.is_modified or version == self._given_up:
            return True
        answer = file_dialogs.ask_unsaved(self._window, self._name)
        if answer == "save":
            self._save_then(lambda: self._place(order))
        elif answer == "discard":
            self._given_up = version
        return answer == "discard"

    @Slot(object)
    def on_opened(self, opened: Opened) -> None:
        order = self._take_opening(opened.job_id)
        if order is None or not self._may_replace(order):
            return
        self._given_up = None
        self._document.load(opened.photo, opened.mask, opened.pyramid)
        if opened.photo.path is not None and not _is_ours(opened.photo.path):
            self._use_folder(opened.photo.path)
        self.succeeded.emit()

    @Slot(int, str)
    def on_open_failed(self, job_id: int, sentence: str) -> None:
        if self._take_opening(job_id) is not None:
            self._given_up = None
            self.failed.emit(sentence)

    def _take_opening(self, job_id: int) -> OpenOrder | None:
        """The order that was carried out, if none came after it."""
        order = self._opening
        if order is None or order.job_id != job_id:
            return None
        self._opening = None
        self.notice.emit("")
        return order

    # --- save ---------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._document.path.name if self._document.path else "The photo"

    def save(self) -> SaveOrder | None:
        """Write the file again if this program wrote it, else ask where; None if not ordered."""
        own = self._document.path if self._document.is_own_file else None
        return self._order_save(lambda: own) if own is not None else self.save_as()

    def save_as(self) -> SaveOrder | None:
        """Ask where and write; None when there is nothing to save or the person cancels."""
        return self._order_save(lambda: file_dialogs.ask_save(self._window, self._suggested()))

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

    def _order_save(self, choose: Callable[[], Path | None]) -> SaveOrder | None:
        document = self._document
        # As they are now: while the person chooses a name, another photo may come.
        photo, pixels, version = document.photo, document.pixels, document.versions.pixels
        path = choose() if photo is not None else None
        if photo is None or path is None:
            return None
        self.notice.emit(f"Saving {path.name}…")
        order = SaveOrder(path, pixels, version, photo)
        self._saving[order] = None
        self.save_ordered.emit(order)
        return order

    def _save_then(self, do: Callable[[], None]) -> None:
        """Save, and once that is done, do it; not if it fails or the person cancels."""
        order = self.save()
        if order is not None:
            self._saving[order] = do

    @Slot(object)
    def on_saved(self, order: SaveOrder) -> None:
        if order.photo is self._document.photo:
            self._document.mark_saved(order.path, order.pixels_version)
        self._use_folder(order.path)
        self.succeeded.emit()
        self.notice.emit(f"Saved {order.path.name}")
        then = self._saving.pop(order)
        if then is not None:
            then()

    @Slot(object, str)
    def on_save_failed(self, order: SaveOrder, sentence: str) -> None:
        del self._saving[order]
        self.notice.emit("")
        self.failed.emit(sentence)

    def _use_folder(self, path: Path) -> None:
        self.folder = path.parent
        self.folder_used.emit(path.parent)

    # --- close --------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Whether the window may close now; asks about unsaved changes, once all saves are done."""
        if self._saving:
            self._saving[next(reversed(self._saving))] = self.close_granted.emit
            return False
        if not self._document.is_modified:
            return True
        answer = file_dialogs.ask_unsaved(self._window, self._name)
        if answer == "save":
            self._save_then(self.close_granted.emit)
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
