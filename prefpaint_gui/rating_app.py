"""Composition of the rating window: connects its session, its workers and its widgets."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from prefpaint_gui.state.rating import RatingSession
from prefpaint_gui.widgets.rating_window import RatingWindow
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.workers.generation import OwnedScorer
from prefpaint_gui.workers.rating import (
    PromptScoringWorker,
    PromptWorker,
    RatingStore,
    RatingStoreWorker,
)
from prefpaint_gui.workers.threads import WorkerThreads


class RatingProgram(QObject):
    """A rating window with all that belongs to it, not shown yet."""

    closed = Signal()

    def __init__(
        self,
        folder: Path,
        person: str | None,
        open_store: Callable[[], RatingStore],
        make_scorer: Callable[[], OwnedScorer],
        colours: Colours,
    ) -> None:
        """person: None to ask. open_store, make_scorer: called in their workers' threads."""
        super().__init__()
        self.session = RatingSession(folder, person)
        self.window = RatingWindow(self.session, colours)
        self._prompts = PromptWorker()
        self._store = RatingStoreWorker(open_store)
        self._scoring = PromptScoringWorker(make_scorer)
        self._threads = WorkerThreads([self._prompts, self._store, self._scoring])
        self._connect()

    def show(self) -> None:
        """Show the window; once it is painted, the folder is read."""
        self.window.show()
        QApplication.processEvents()
        self._threads.start()
        self.session.begin()

    def _connect(self) -> None:
        session, pictures, writes = self.session, self.session.pictures, self.session.writes
        prompts, store, scoring = self._prompts, self._store, self._scoring
        session.listing_wanted.connect(prompts.list_folder)
        prompts.listed.connect(session.on_listed)
        prompts.failed.connect(session.on_failed)
        pictures.load_wanted.connect(prompts.load)
        prompts.loaded.connect(pictures.on_loaded)
        prompts.broken.connect(pictures.on_broken)
        pictures.score_wanted.connect(scoring.score)
        scoring.scored.connect(pictures.on_scored)
        session.opinions_wanted.connect(store.read_opinions)
        store.opinions_read.connect(session.on_opinions)
        session.agreement_wanted.connect(store.measure)
        store.agreement_measured.connect(session.on_agreement)
        store.failed.connect(session.on_failed)
        store.noticed.connect(writes.failed)
        writes.keep_wanted.connect(store.keep)
        store.kept.connect(writes.on_kept)
        store.not_kept.connect(writes.on_not_kept)
        self.window.closed.connect(self.stop)

    @Slot()
    def stop(self) -> None:
        """End all work; what was given to the store is written first."""
        self._scoring.cancel()
        self._threads.stop()
        self.closed.emit()
