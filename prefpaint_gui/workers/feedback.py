"""Writes the person's answers to the preference store off the GUI thread."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.messages import Answer
from training.errors import PrefPaintError
from training.preferences.records import Opinion, Presentation, ShownCandidate


class Store(Protocol):
    """What the worker needs of a preference store."""

    notice: str | None

    def record(self, presentation: Presentation, opinion: Opinion) -> int:
        """Keep an answer; returns the number under which it can be withdrawn."""

    def withdraw(self, record_id: int) -> None:
        """Forget an answer."""

    def close(self) -> None:
        """Finish writing."""


@dataclass(frozen=True, eq=False)
class _Kept:
    presentation: Presentation
    opinion: Opinion
    record_id: int


class FeedbackWorker(QObject):
    """Keeps answers in the order in which they were given; lives in a thread of its own.

    open_store: called in that thread, at the first answer.
    """

    failed = Signal(str)
    closed = Signal()

    def __init__(self, open_store: Callable[[], Store]) -> None:
        super().__init__()
        self._open_store = open_store
        self._store: Store | None = None
        self._kept: dict[int, _Kept] = {}
        self._hash = (0, "")
        """Version of the photo hashed last, and its hash."""

    @Slot(object)
    def record(self, answer: Answer) -> None:
        """Keep an answer."""
        self._record(answer.token, self._presentation(answer), answer.opinion)

    @Slot(int)
    def restore(self, token: int) -> None:
        """Keep an answer again that was withdrawn."""
        kept = self._kept.get(token)
        if kept is not None:
            self._record(token, kept.presentation, kept.opinion)

    @Slot(int)
    def withdraw(self, token: int) -> None:
        """Take an answer back; nothing happens if it could not be kept."""
        kept = self._kept.get(token)
        if kept is None or self._store is None:
            return
        try:
            self._store.withdraw(kept.record_id)
        except (PrefPaintError, OSError, sqlite3.Error) as error:
            self._fail(error)

    @Slot()
    def close(self) -> None:
        """Finish writing."""
        if self._store is not None:
            self._store.close()
            self._store = None
        self.closed.emit()

    def _record(self, token: int, presentation: Presentation, opinion: Opinion) -> None:
        try:
            if self._store is None:
                self._store = self._open_store()
                if self._store.notice:
                    self.failed.emit(self._store.notice)
            record_id = self._store.record(presentation, opinion)
        except (PrefPaintError, OSError, sqlite3.Error) as error:
            self._fail(error)
        else:
            self._kept[token] = _Kept(presentation, opinion, record_id)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, PrefPaintError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"Your answer could not be kept ({error}). Your photo is not touched.")

    def _presentation(self, answer: Answer) -> Presentation:
        from prefpaint_gui.photo_io import pixel_hash

        if self._hash[0] != answer.pixels_version:
            self._hash = (answer.pixels_version, pixel_hash(answer.pixels))
        return Presentation(
            photo_sha256=self._hash[1],
            box=answer.request.box,
            image=answer.request.image,
            hole=answer.request.hole,
            prompt=answer.request.settings.prompt,
            reward_model=answer.reward_model,
            candidates=tuple(
                ShownCandidate(
                    rank,
                    fill.candidate.seed,
                    fill.candidate.model,
                    fill.candidate.pixels,
                    fill.score.reward,
                    fill.score.trust,
                    fill.score.features,
                )
                for rank, fill in enumerate(answer.shown, 1)
            ),
        )
