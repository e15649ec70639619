"""What the rating window has done off the GUI thread: reading, scoring, keeping."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.pyramid import Pyramid
from prefpaint_gui.state.rating_messages import (
    GivenOpinions,
    LoadedPrompt,
    LoadOrder,
    RatingOrder,
    ScoredPrompt,
)
from prefpaint_gui.workers.generation import OwnedScorer
from prefpaint_gui.workers.opened import Opened
from training.errors import Cancelled, PrefPaintError
from training.preferences.agreement import measure_agreement
from training.preferences.records import Opinion, Presentation, StoredOpinion


class PromptWorker(QObject):
    """Lists folders and reads the pictures of one prompt after the other, in its own thread."""

    listed = Signal(object)
    """Carries a PaperFolder; `loaded` a LoadedPrompt."""
    loaded = Signal(object)
    failed = Signal(str)
    broken = Signal(str, str)
    """Carries the name of a prompt that cannot be shown, and why."""
    closed = Signal()

    @Slot(object)
    def list_folder(self, folder: Path) -> None:
        """Tell what there is to rate."""
        from training.prompts.paper_folder import list_prompts

        try:
            self.listed.emit(list_prompts(folder))
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot(object)
    def load(self, order: LoadOrder) -> None:
        """Read a prompt's pictures, unless it is wanted no more."""
        from training.preferences.images import pixel_hash
        from training.prompts.paper_folder import read_pictures

        if order.cancel.is_set():
            return
        try:
            pictures = read_pictures(order.prompt)
            pyramids = tuple(Pyramid.of(one) for one in (pictures.masked, *pictures.fills))
        except PrefPaintError as error:
            self.broken.emit(order.prompt.name, str(error))
        except MemoryError:
            sentence = f"{order.prompt.files.masked_file}: the pictures do not fit into memory."
            self.broken.emit(order.prompt.name, sentence)
        else:
            photo_sha256 = pixel_hash(pictures.masked)
            self.loaded.emit(LoadedPrompt(order.prompt, pictures, photo_sha256, pyramids))

    @Slot()
    def close(self) -> None:
        """There is nothing to let go of."""
        self.closed.emit()


class PromptScoringWorker(QObject):
    """Scores prompts as they are read; ratings are kept without scores where that fails.

    make_scorer: called in this worker's thread.
    """

    scored = Signal(object)
    """Carries a ScoredPrompt."""
    closed = Signal()

    def __init__(self, make_scorer: Callable[[], OwnedScorer]) -> None:
        super().__init__()
        self._make_scorer = make_scorer
        self._scorer: OwnedScorer | None = None
        self._cancel = threading.Event()
        self._has_failed = False

    def cancel(self) -> None:
        """From any thread: score no more."""
        self._cancel.set()

    @Slot(object)
    def score(self, loaded: LoadedPrompt) -> None:
        """Tell what the reward model says of a prompt's pictures."""
        if self._has_failed or self._cancel.is_set():
            return
        pictures = loaded.pictures
        try:
            if self._scorer is None:
                self._scorer = self._make_scorer()
            fills = list(pictures.fills)
            scores = self._scorer.score(pictures.masked, pictures.hole, fills, self._cancel)
        except Cancelled:
            pass
        except Exception:  # a rating is worth keeping without a score, whatever a model throws
            logging.getLogger(__name__).exception("scoring failed; ratings are kept without it")
            self._has_failed = True
        else:
            name = loaded.prompt.name
            self.scored.emit(ScoredPrompt(name, self._scorer.name, tuple(scores)))

    @Slot()
    def close(self) -> None:
        """End the scorer's process."""
        if self._scorer is not None:
            self._scorer.close()
        self.closed.emit()


class RatingStore(Protocol):
    """What the worker needs of a preference store."""

    notice: str | None

    def record(self, presentation: Presentation, opinion: Opinion) -> int:
        """Keep an opinion; returns the number under which it can be withdrawn."""

    def withdraw(self, record_id: int) -> None:
        """Forget an opinion."""

    def collection_opinions(
        self, collection: str, person: str | None = None
    ) -> dict[str, tuple[StoredOpinion, ...]]:
        """By prompt, what was said of a set of prompts."""

    def close(self) -> None:
        """Finish writing."""


class RatingStoreWorker(QObject):
    """Keeps opinions in the order in which they were given; lives in a thread of its own.

    open_store: called in that thread. A person has one rating of a picture, even if what was shown
    beside it differs from last time.
    """

    opinions_read = Signal(object)
    """Carries GivenOpinions; `agreement_measured` an Agreement; `kept` the RatingOrder."""
    agreement_measured = Signal(object)
    kept = Signal(object)
    not_kept = Signal(object, str)
    failed = Signal(str)
    noticed = Signal(str)
    """Carries what the store says at its opening, of damage that it got over."""
    closed = Signal()

    def __init__(self, open_store: Callable[[], RatingStore]) -> None:
        super().__init__()
        self._store = Opened(open_store, self.noticed.emit)
        self._ids: dict[tuple[str, int | None], int] = {}
        """Record of each picture rated, and of each prompt skipped."""

    @Slot(str, str)
    def read_opinions(self, collection: str, person: str) -> None:
        """Tell what the person has said of the collection before."""
        try:
            by_item = self._store.get().collection_opinions(collection, person)
        except (PrefPaintError, OSError) as error:
            self.failed.emit(_sentence(error))
            return
        stored = ((item, one) for item, given in by_item.items() for one in given)
        self._ids = {
            (item, one.opinion.seed): one.record_id
            for item, one in sorted(stored, key=lambda pair: pair[1].recorded_at)
            if one.opinion.signal in ("rating", "skip")
        }
        self.opinions_read.emit(GivenOpinions(collection, person, by_item))

    @Slot(str)
    def measure(self, collection: str) -> None:
        """Tell how far all raters of the collection agree."""
        try:
            agreement = measure_agreement(self._store.get().collection_opinions(collection))
        except (PrefPaintError, OSError) as error:
            self.failed.emit(_sentence(error))
        else:
            self.agreement_measured.emit(agreement)

    @Slot(object)
    def keep(self, order: RatingOrder) -> None:
        """Keep an opinion in the place of the one before; a rating takes back a skip."""
        item, _ = order.key
        try:
            record_id = self._store.get().record(order.presentation, order.opinion)
            before = self._ids.get(order.key, record_id)
            if before != record_id:
                self._store.get().withdraw(before)
            self._ids[order.key] = record_id
            skip = self._ids.get((item, None))
            if order.opinion.signal == "rating" and skip is not None:
                self._store.get().withdraw(skip)
                del self._ids[item, None]
        except (PrefPaintError, OSError) as error:
            self.not_kept.emit(order, _sentence(error))
        else:
            self.kept.emit(order)

    @Slot()
    def close(self) -> None:
        """Finish writing."""
        self._store.close()
        self.closed.emit()


def _sentence(error: Exception) -> str:
    if isinstance(error, PrefPaintError):
        return str(error)
    return f"The preference store cannot be used ({error}). Check its folder and the free space."
