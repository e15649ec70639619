"""The models as they are looked through, fetched, added and removed."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.jobs import RunningProgress
from training.inpainting.request import Progress

if TYPE_CHECKING:
    from training.inpainting.hub_plan import DownloadPlan
    from training.inpainting.model_entry import ModelEntry

TELLING_S, LOOKING_BACK_S = 2.0, 10.0
"""The time left is told from the pace of the last seconds, once there have been some."""


@dataclass(frozen=True)
class Listing:
    """What the store lists. folder: where downloads lie."""

    entries: tuple[ModelEntry, ...]
    folder: Path


@dataclass(frozen=True)
class Offer:
    """What a download fetches. folder: its place. bytes_here: how much of it is there already."""

    plan: DownloadPlan
    folder: Path
    bytes_here: int


@dataclass(frozen=True, eq=False)
class DownloadOrder:
    """model: hub id, or name in the store. title: what people read.

    cancel: set by the window, looked at by the worker. offer: what the person agreed to; None
    while the hub is only asked.
    """

    model: str
    title: str
    cancel: threading.Event
    offer: Offer | None = None


class Library(QObject):
    """The list of the store, and the one download: asked for, agreed to, running.

    Whoever keeps the models connects to the signals that end in `wanted` and reports to the slots;
    reports of any order but the present one are dropped.
    """

    listing_wanted = Signal()
    add_wanted = Signal(object)
    """Carries a Path; `remove_wanted` the name of an entry."""
    remove_wanted = Signal(str)
    plan_wanted = Signal(object)
    """Carries a DownloadOrder; so does `download_wanted`."""
    download_wanted = Signal(object)
    changed = Signal()
    progress_changed = Signal()
    models_changed = Signal()
    """A model came or went."""
    failed = Signal(str)
    succeeded = Signal()
    notice = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.listing: Listing | None = None
        self.order: DownloadOrder | None = None
        self.offer: Offer | None = None
        """What the person is asked to agree to, or has agreed to."""
        self.progress = RunningProgress(0, None)
        self.fresh: str | None = None
        """Name of the model that came last; whoever shows that takes it away."""
        self._pace: deque[tuple[float, float]] = deque()
        """What share had arrived at what time, lately."""

    @property
    def phase(self) -> Literal["idle", "asking", "offered", "downloading"]:
        """What stands with the download."""
        if self.order is None:
            return "idle"
        if self.order.offer is not None:
            return "downloading"
        return "asking" if self.offer is None else "offered"

    def entry(self, name_or_id: str | None) -> ModelEntry | None:
        """What is listed under a name, or else under a hub id."""
        entries = self.listing.entries if self.listing else ()
        by_name = (entry for entry in entries if entry.name == name_or_id)
        by_source = (entry for entry in entries if name_or_id and entry.source == name_or_id)
        return next(by_name, None) or next(by_source, None)

    def is_coming(self, entry: ModelEntry) -> bool:
        """Whether this is the model that is being downloaded."""
        if self.phase != "downloading" or self.order is None or self.offer is None:
            return False
        return entry.source == self.offer.plan.hub_id

    # --- what the person does -----------------------------------------------------------------

    def look(self) -> None:
        """Ask what there is now."""
        self.listing_wanted.emit()

    def add(self, path: Path) -> None:
        self.add_wanted.emit(path)

    def remove(self, name: str) -> None:
        self.remove_wanted.emit(name)

    def ask(self, model: str) -> None:
        """Ask the hub what a model (name or hub id) consists of, unless it is here already."""
        entry = self.entry(model)
        if entry is not None and entry.state == "ready":
            self.fresh = entry.name
            self.changed.emit()
        elif self.order is None:
            title = entry.title if entry else model
            self.order = DownloadOrder(model, title, threading.Event())
            self.plan_wanted.emit(self.order)
            self.changed.emit()

    def agree(self) -> None:
        """Download what is offered."""
        if self.order is not None and self.phase == "offered":
            self.order = replace(self.order, offer=self.offer)
            self.progress = RunningProgress(0, None)
            self._pace.clear()
            self.download_wanted.emit(self.order)
            self.changed.emit()

    def cancel(self) -> None:
        """Stop the download, or withdraw the question; what has arrived stays."""
        if self.order is not None:
            self.order.cancel.set()
            self._forget_order()

    # --- what comes back ----------------------------------------------------------------------

    @Slot(object)
    def on_listed(self, listing: Listing) -> None:
        self.listing = listing
        self.changed.emit()

    @Slot(object)
    def on_added(self, entry: ModelEntry) -> None:
        self._welcome(entry, f"{entry.title} is in the list; it stays in {entry.location}.")

    @Slot(str)
    def on_removed(self, sentence: str) -> None:
        self.succeeded.emit()
        self.notice.emit(sentence)
        self._look_again()

    @Slot(object, object)
    def on_offered(self, order: DownloadOrder, offer: Offer) -> None:
        if order is self.order:
            self.offer = offer
            self.changed.emit()

    @Slot(object, object)
    def on_progress(self, order: DownloadOrder, progress: Progress) -> None:
        if order is self.order:
            self.progress = RunningProgress(
                progress.share, self._seconds_left(progress.share), progress.stage
            )
            self.progress_changed.emit()

    @Slot(object, object)
    def on_downloaded(self, order: DownloadOrder, entry: ModelEntry) -> None:
        if order is self.order:
            self._forget_order()
        self._welcome(entry, f"{entry.title} is ready.")

    @Slot(object, str)
    def on_failed(self, order: DownloadOrder, sentence: str) -> None:
        if order is self.order:
            self._forget_order()
            self.failed.emit(sentence)

    @Slot(object)
    def on_broken_off(self, order: DownloadOrder) -> None:  # noqa: ARG002 - any order
        """A download ended, by a cancel or an error: some of it may lie in the store now."""
        self._look_again()

    def _welcome(self, entry: ModelEntry, remark: str) -> None:
        self.fresh = entry.name
        self.succeeded.emit()
        self.notice.emit(remark)
        self._look_again()

    def _look_again(self) -> None:
        self.models_changed.emit()
        self.look()

    def _forget_order(self) -> None:
        self.order = self.offer = None
        self.changed.emit()

    def _seconds_left(self, share: float) -> float | None:
        now = time.monotonic()
        if share > 0:
            self._pace.append((now, share))
        while self._pace and self._pace[0][0] < now - LOOKING_BACK_S:
            self._pace.popleft()
        if not self._pace:
            return None
        began, at_first = self._pace[0]
        if now - began < TELLING_S or share <= at_first:
            return None
        return (now - began) * (1 - share) / (share - at_first)
