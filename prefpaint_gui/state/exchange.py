"""Preferences on their way out of this machine or onto it: what would go, what goes, what came."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal, Slot

from training.preferences.records import Filter

if TYPE_CHECKING:
    from training.preferences.export import Format
    from training.preferences.tally import Tally


@dataclass(frozen=True, eq=False)
class Wish:
    """What the person thinks of exporting. stale: set when they have thought of something else."""

    form: Format
    which: Filter
    whole_photos: bool = False
    stale: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, eq=False)
class Crop:
    """A strip of a preview. pictures: (height, width, 3) uint8, small: the region as it would
    leave, then its fills. said: what was said of it, in words."""

    pictures: tuple[npt.NDArray[np.uint8], ...]
    said: str


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a wish comes to. tally: what would leave. whole: all there is. crops: some of it.
    photos: how many photos of the tally are kept whole."""

    wish: Wish
    tally: Tally
    whole: Tally
    crops: tuple[Crop, ...]
    photos: int = 0


@dataclass(frozen=True, eq=False)
class ExportOrder:
    """folder: new or empty. cancel: set by the window, looked at by the worker."""

    folder: Path
    form: Format
    which: Filter
    licence: str
    whole_photos: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, eq=False)
class ImportOrder:
    """path: an exported folder, or a .zip or .tar of it."""

    path: Path
    cancel: threading.Event = field(default_factory=threading.Event)


Order = ExportOrder | ImportOrder


class Exchange(QObject):
    """One order at a time. Whoever has the store connects to the signals that end in `wanted` and
    reports to the slots; reports of any wish or order but the present one are dropped."""

    look_wanted = Signal(object)
    """Carries a Wish."""
    export_wanted = Signal(object)
    import_wanted = Signal(object)
    changed = Signal()
    progress_changed = Signal()
    failed = Signal(str)
    succeeded = Signal()
    notice = Signal(str)
    imported = Signal()
    """The store holds more than before."""

    def __init__(self) -> None:
        super().__init__()
        self.outlook: Outlook | None = None
        self.order: Order | None = None
        self.share = 0.0
        """How much of the order is done, 0-1."""
        self.done = ""
        """What became of the last export, until something else is wished for."""
        self._wish: Wish | None = None

    @property
    def is_looking(self) -> bool:
        """Whether the outlook is not of the present wish yet."""
        return self._wish is not None and (
            self.outlook is None or self.outlook.wish is not self._wish
        )

    # --- what the person does -----------------------------------------------------------------

    def wish(self, form: Format, which: Filter, *, whole_photos: bool = False) -> None:
        """Ask what would leave."""
        if self._wish is not None:
            self._wish.stale.set()
        self._wish = Wish(form, which, whole_photos)
        self.done = ""
        self.look_wanted.emit(self._wish)
        self.changed.emit()

    def export(self, folder: Path, licence: str) -> None:
        """Write what is wished for to a folder."""
        wish = self._wish
        if self.order is None and wish is not None:
            self._begin(ExportOrder(folder, wish.form, wish.which, licence, wish.whole_photos))

    def take_in(self, path: Path) -> None:
        """Import an archive."""
        if self.order is None:
            self._begin(ImportOrder(path))

    def cancel(self) -> None:
        """Break off; nothing stays of what was begun."""
        if self.order is not None:
            self.order.cancel.set()
            if isinstance(self.order, ImportOrder):
                self.notice.emit("Nothing was imported.")
            self._end()

    # --- what comes back ----------------------------------------------------------------------

    @Slot(object)
    def on_looked(self, outlook: Outlook) -> None:
        if outlook.wish is self._wish:
            self.outlook = outlook
            self.changed.emit()

    @Slot(object, float)
    def on_progress(self, order: Order, share: float) -> None:
        if order is self.order:
            self.share = share
            self.progress_changed.emit()

    @Slot(object, str)
    def on_done(self, order: Order, sentence: str) -> None:
        """sentence: what became of it."""
        if isinstance(order, ImportOrder):
            self.imported.emit()
        if order is not self.order:  # it was done before the cancel came
            if isinstance(order, ImportOrder):
                self.notice.emit(sentence)
            return
        self.done = sentence if isinstance(order, ExportOrder) else ""
        self._end()
        self.succeeded.emit()
        self.notice.emit(sentence)

    @Slot(object, str)
    def on_failed(self, order: Order | Wish, sentence: str) -> None:
        if order is self.order:
            self._end()
        elif order is not self._wish:
            return
        self.failed.emit(sentence)

    def _begin(self, order: Order) -> None:
        self.order, self.share, self.done = order, 0.0, ""
        (self.export_wanted if isinstance(order, ExportOrder) else self.import_wanted).emit(order)
        self.changed.emit()

    def _end(self) -> None:
        self.order = None
        self.changed.emit()
