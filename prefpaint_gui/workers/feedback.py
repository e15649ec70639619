"""Writes the person's answers to the preference store off the GUI thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.history import Swap
from prefpaint_gui.state.messages import Answer, Image, TasteOrder
from prefpaint_gui.workers.opened import Opened
from training.errors import PrefPaintError
from training.preferences.records import JudgedStrip, Opinion, Presentation, ShownCandidate


class Store(Protocol):
    """What the worker needs of a preference store."""

    notice: str | None

    def record(self, presentation: Presentation, opinion: Opinion) -> int:
        """Keep an answer; returns the number under which it can be withdrawn."""

    def withdraw(self, record_id: int) -> None:
        """Forget an answer."""

    def judged_strips(
        self, person: str, reward_model: str, since: str | None = None
    ) -> list[JudgedStrip]:
        """What a person has said of fills that a reward model scored."""

    def persons(self) -> list[str]:
        """Everybody whose opinions are kept."""

    def data_version(self) -> int:
        """Another one after another window or command has written."""

    def close(self) -> None:
        """Finish writing."""


@dataclass(frozen=True, eq=False)
class _Kept:
    presentation: Presentation
    opinion: Opinion
    record_id: int


class FeedbackWorker(QObject):
    """Keeps answers in the order in which they were given; lives in a thread of its own.

    open_store: called in that thread, when the store is first needed.
    """

    not_kept = Signal(int)
    """An answer is not on disk; carries its token."""
    strips_read = Signal(object, object)
    """Carries a TasteOrder and the JudgedStrips for it."""
    persons_read = Signal(object)
    """Carries the names of all whose opinions are in the store."""
    changed_elsewhere = Signal()
    """Another window or a command has written to the store, or deleted from it."""
    failed = Signal(str)
    closed = Signal()

    def __init__(self, open_store: Callable[[], Store]) -> None:
        super().__init__()
        self._store = Opened(open_store, self.failed.emit)
        self._version: int | None = None
        """Of what was read last."""
        self._kept: dict[int, _Kept] = {}
        """By token, with all their pictures: undo and redo may want them until there is another
        photo."""
        self._hashed: tuple[Image | None, str] = (None, "")
        """The photo hashed last, and its hash."""

    @Slot(object)
    def read_strips(self, order: TasteOrder) -> None:
        """Tell what a taste is learned from, and whose tastes there are."""
        try:
            store = self._store.get()
            self._version = store.data_version()
            strips = store.judged_strips(order.person, order.reward_model, order.since)
            persons = store.persons()
        except (PrefPaintError, OSError) as error:
            self._fail(error)
        else:
            self.strips_read.emit(order, strips)
            self.persons_read.emit(persons)

    @Slot()
    def look(self) -> None:
        """Tell if the store holds something else than what was read from it and written since."""
        store = self._store.if_open
        try:
            if store is not None and self._version not in (None, store.data_version()):
                self._version = store.data_version()
                self.changed_elsewhere.emit()
        except PrefPaintError as error:
            self._fail(error)

    @Slot(object)
    def record(self, answer: Answer) -> None:
        """Keep an answer in the place of the one that it replaces."""
        self.look()
        self._record(answer.token, self._presentation(answer), answer.opinion)
        self._withdraw(answer.replaces, answer.token)

    @Slot(object)
    def swap(self, swap: Swap) -> None:
        """Take an answer back and keep another one again; one that could not be kept is none."""
        new = self._kept.get(swap.new or 0)
        if swap.new is not None and new is not None:
            self._record(swap.new, new.presentation, new.opinion)
        self._withdraw(swap.old, swap.new)

    @Slot()
    def forget(self) -> None:
        """Let the answers and their pictures go; the store has them."""
        self._kept.clear()
        self._hashed = (None, "")

    @Slot()
    def close(self) -> None:
        """Finish writing."""
        self._store.close()
        self.closed.emit()

    def _record(self, token: int, presentation: Presentation, opinion: Opinion) -> None:
        try:
            record_id = self._store.get().record(presentation, opinion)
        except (PrefPaintError, OSError) as error:
            self._fail(error)
            self.not_kept.emit(token)
        else:
            self._kept[token] = _Kept(presentation, opinion, record_id)

    def _withdraw(self, token: int | None, successor: int | None) -> None:
        """successor: the answer that came in its place; the store may have put it there itself."""
        kept, after = self._kept.get(token or 0), self._kept.get(successor or 0)
        if kept is None or (after is not None and after.record_id == kept.record_id):
            return
        try:
            self._store.get().withdraw(kept.record_id)
        except (PrefPaintError, OSError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, PrefPaintError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"Your answer could not be kept ({error}). Your photo is not touched.")

    def _presentation(self, answer: Answer) -> Presentation:
        from prefpaint_gui.photo_io import pixel_hash
        from training.preferences.images import MOST_PIXELS

        height, width = answer.photo.shape[:2]
        keeps_photo = answer.keeps_photo and height * width <= MOST_PIXELS
        if self._hashed[0] is not answer.photo:
            self._hashed = (answer.photo, pixel_hash(answer.photo))
        return Presentation(
            photo_sha256=self._hashed[1],
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
            photo=answer.photo if keeps_photo else None,
        )
