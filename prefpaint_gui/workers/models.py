"""Looks off the GUI thread for the models that there are; adds and removes some."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.library import Listing
from prefpaint_gui.state.models import ModelChoice
from training.errors import PrefPaintError
from training.inpainting.request import Event

if TYPE_CHECKING:
    from training.inpainting.hub_plan import DownloadPlan
    from training.inpainting.model_entry import ModelEntry


class Models(Protocol):
    """What the workers need of a ModelStore; see there. Used by two threads."""

    folder: Path
    notice: str | None

    def entries(self) -> list[ModelEntry]:
        """What there is and what is offered."""

    def listed(self, name_or_id: str) -> ModelEntry | None:
        """The entry of a name or hub id."""

    def add(self, path: Path) -> ModelEntry:
        """List a model where it lies."""

    def remove(self, name: str) -> None:
        """Take a model off the list, and delete what the store downloaded."""

    def plan(self, hub_id: str, cancel: threading.Event) -> DownloadPlan:
        """Ask the hub what a model consists of."""

    def place_of(self, plan: DownloadPlan) -> Path:
        """Where it will lie."""

    def download(
        self,
        hub_id: str,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
        *,
        plan: DownloadPlan | None = None,
    ) -> ModelEntry:
        """Fetch a model and list it."""


class ModelsWorker(QObject):
    """Lives in a thread of its own, where list_models and make_models are called: both read files.

    Downloads have a worker of their own, so that the list is at hand meanwhile.
    """

    choices_listed = Signal(object)
    """Carries a list of ModelChoice."""
    listed = Signal(object)
    """Carries a Listing."""
    added = Signal(object)
    """Carries a ModelEntry."""
    removed = Signal(str)
    """Carries one sentence on what became of the files."""
    failed = Signal(str)
    closed = Signal()

    def __init__(
        self, list_models: Callable[[], list[ModelChoice]], make_models: Callable[[], Models]
    ) -> None:
        super().__init__()
        self._list_models = list_models
        self._make_models = make_models
        self._made: Models | None = None

    @property
    def _models(self) -> Models:
        if self._made is None:
            self._made = self._make_models()
        return self._made

    @Slot()
    def look(self) -> None:
        """Tell which models can be chosen now."""
        try:
            self.choices_listed.emit(self._list_models())
            self._tell_of_damage()
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot()
    def list_all(self) -> None:
        """Tell all that the store lists."""
        try:
            self.listed.emit(Listing(tuple(self._models.entries()), self._models.folder))
            self._tell_of_damage()
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot(object)
    def add(self, path: Path) -> None:
        """List a model where it lies."""
        try:
            self.added.emit(self._models.add(path))
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot(str)
    def remove(self, name: str) -> None:
        """Take a model off the list."""
        try:
            entry = self._models.listed(name)
            self._models.remove(name)
        except PrefPaintError as error:
            self.failed.emit(str(error))
            return
        assert entry is not None  # `remove` raises for an unknown name
        if entry.is_downloaded:
            self.removed.emit(f"The files of {entry.title} are deleted.")
        else:
            self.removed.emit(f"{entry.title} is off the list; its files are untouched.")

    def _tell_of_damage(self) -> None:
        notice, self._models.notice = self._models.notice, None
        if notice:
            self.failed.emit(notice)

    @Slot()
    def close(self) -> None:
        """There is nothing to let go of."""
        self.closed.emit()
