"""Reads and writes photos off the GUI thread."""

import logging
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.messages import Opened, OpenOrder, SaveOrder
from prefpaint_gui.state.pyramid import Pyramid
from training.errors import PrefPaintError

_log = logging.getLogger(__name__)


class FileWorker(QObject):
    """Takes one order after the other; lives in a thread of its own."""

    opened = Signal(object)
    open_failed = Signal(int, str)
    saved = Signal(object)
    """Carries the SaveOrder that was carried out."""
    save_failed = Signal(object, str)
    """Carries the SaveOrder and one sentence."""
    closed = Signal()

    @Slot(object)
    def open(self, order: OpenOrder) -> None:
        """Read a photo, and its mask where one is named."""
        from prefpaint_gui import photo_io  # here, because it loads Pillow

        try:
            if isinstance(order.source, Path):
                photo = photo_io.read_photo(order.source)
            else:
                photo = photo_io.photo_from_pixels(order.source)
            mask = photo_io.read_mask(order.mask, photo.size) if order.mask else None
            pyramid = Pyramid.of(photo.pixels)
        except PrefPaintError as error:
            self.open_failed.emit(order.job_id, str(error))
        except MemoryError:
            self.open_failed.emit(
                order.job_id, "The photo does not fit into memory. Close other programs."
            )
        except Exception as error:  # the window must not wait for ever, whatever a codec throws
            _log.exception("opening failed")
            self.open_failed.emit(order.job_id, f"It cannot be opened ({error}). Try another file.")
        else:
            self.opened.emit(Opened(order.job_id, photo, mask, pyramid))

    @Slot(object)
    def save(self, order: SaveOrder) -> None:
        """Write a photo whole, or leave what was there before."""
        from prefpaint_gui import photo_io

        try:
            photo_io.write_photo(order.path, order.pixels, order.photo)
        except PrefPaintError as error:
            self.save_failed.emit(order, str(error))
        except Exception as error:  # the window must not wait for ever, whatever a codec throws
            _log.exception("saving failed")
            self.save_failed.emit(order, f"{order.path} cannot be written ({error}). Try another.")
        else:
            self.saved.emit(order)

    @Slot()
    def close(self) -> None:
        """What was asked for before this is done."""
        self.closed.emit()
