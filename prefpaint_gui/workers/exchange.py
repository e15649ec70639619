"""Counts, shows, exports and imports preferences off the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.exchange import Crop, ExportOrder, ImportOrder, Order, Outlook, Wish
from prefpaint_gui.workers.opened import Opened
from training.errors import Cancelled, PrefPaintError

if TYPE_CHECKING:
    from training.preferences.records import StoredPresentation
    from training.preferences.store import PreferenceStore

CROPS, FILLS = 2, 4
"""Strips of a preview, and the fills shown of each."""
CROP_SIDE = 224
"""Longest side of a preview's pictures, for the densest screen."""
TELL_EVERY_S = 0.1


class ExchangeWorker(QObject):
    """Does one thing after the other; lives in a thread of its own.

    open_store: called in that thread, when it is first needed.
    """

    looked = Signal(object)
    """Carries an Outlook."""
    progress = Signal(object, float)
    """Carries the order and the share of it that is done."""
    done = Signal(object, str)
    """Carries the order and what became of it."""
    failed = Signal(object, str)
    """Carries the order or wish, and one sentence."""
    noticed = Signal(str)
    """Carries one sentence on what became of a broken database."""
    closed = Signal()

    def __init__(self, open_store: Callable[[], PreferenceStore]) -> None:
        super().__init__()
        self._store = Opened(open_store, self.noticed.emit)

    @Slot(object)
    def look(self, wish: Wish) -> None:
        """Count what would leave, and show some of it."""
        if wish.stale.is_set():
            return
        try:
            store = self._store.get()
            tally, whole = store.tally(wish.which), store.tally()
            crops = []
            for key in reversed(store.presentation_ids(wish.which)):
                if wish.stale.is_set():
                    return
                try:
                    crops.append(_crop(store.read(key, wish.which), wish))
                except PrefPaintError:
                    continue  # its pictures are gone; the export counts such strips
                if len(crops) == CROPS:
                    break
            photos = len(tally.photos.intersection(store.whole_photos()))
            self.looked.emit(Outlook(wish, tally, whole, tuple(crops), photos))
        except PrefPaintError as error:
            self.failed.emit(wish, str(error))

    @Slot(object)
    def export(self, order: ExportOrder) -> None:
        """Write the folder."""
        from training.preferences.export import export
        from training.preferences.formats.card import counted

        try:
            summary = export(
                self._store.get(),
                order.folder,
                order.form,
                order.which,
                order.licence,
                self._teller(order),
                order.cancel,
                whole_photos=order.whole_photos,
            )
        except Cancelled:
            return
        except PrefPaintError as error:
            self.failed.emit(order, str(error))
            return
        tally = summary.tally
        said = f"{counted(tally.strips, 'strip is', 'strips are')} in {order.folder}."
        if order.whole_photos:
            said += f" {counted(summary.photos, 'photo is', 'photos are')} with them whole."
        if tally.skipped:
            said += (
                f" {counted(tally.skipped, 'strip was', 'strips were')} left out because "
                "pictures are missing or altered, or figures no numbers."
            )
        self.done.emit(order, said)

    @Slot(object)
    def take_in(self, order: ImportOrder) -> None:
        """Import the archive."""
        try:
            from training.preferences.formats.card import counted
            from training.preferences.importing import import_preferences

            store = self._store.get()
            came = import_preferences(store, order.path, self._teller(order), order.cancel)
        except Cancelled:
            return
        except PrefPaintError as error:
            self.failed.emit(order, str(error))
            return
        opinions = counted(came.new, "opinion is", "opinions are")
        self.done.emit(order, f"{opinions} new, of {came.opinions:,} in {order.path.name}.")

    @Slot()
    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
        self.closed.emit()

    def _teller(self, order: Order) -> Callable[[float], None]:
        told = 0.0

        def tell(share: float) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= TELL_EVERY_S or share == 1:
                told = now
                self.progress.emit(order, share)

        return tell


def _crop(strip: StoredPresentation, wish: Wish) -> Crop:
    import numpy as np
    from PIL import Image

    from training.preferences.formats.card import said_words
    from training.preferences.formats.views import masked_picture
    from training.preferences.tally import Tally

    shown = strip.presentation
    region = shown.image if wish.form == "jsonl" else masked_picture(shown)
    small = []
    for pixels in (region, *(one.pixels for one in shown.candidates[:FILLS])):
        picture = Image.fromarray(pixels)
        picture.thumbnail((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX)
        small.append(np.ascontiguousarray(picture))
    tally = Tally()
    tally.add(strip)
    return Crop(tuple(small), said_words(tally.signals))
