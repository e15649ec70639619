"""From Generate to accept: what the buttons do, without widgets, threads or models."""

import itertools
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.candidates import Candidates, Thumb
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Answer, Filled, Order
from prefpaint_gui.state.options import Options
from training.inpainting.request import Progress
from training.preferences.records import Signal as Opinion


@dataclass(frozen=True)
class RunningProgress:
    """share: 0-1 of the running order. seconds_left: None until it can be told. stage: in words."""

    share: float
    seconds_left: float | None
    stage: str = ""


class Session(QObject):
    """Places orders, takes in what comes back, and keeps the person's answers.

    Whoever fills orders connects to `ordered` and reports to the slots that take a job id;
    reports of any job but the running one are dropped.
    """

    ordered = Signal(object)
    answered = Signal(object)
    answer_withdrawn = Signal(int)
    """Carries the token of an earlier answer, as does answer_restored."""
    answer_restored = Signal(int)
    busy_changed = Signal()
    progress_changed = Signal()
    seeds_changed = Signal()
    """`next_seeds` may be others now."""
    failed = Signal(str)
    """One sentence for the banner; `succeeded` takes it away again."""
    succeeded = Signal()
    notice = Signal(str)
    """One passing remark for the status bar."""

    def __init__(self, document: Document, candidates: Candidates, options: Options) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._options = options
        self._numbers = itertools.count(1)
        self._running: Order | None = None
        self._started_at = 0.0
        self._awaited: int | None = None
        self._next_seed: tuple[object, int] | None = None
        self._thumb_tokens: dict[int, int] = {}
        self.progress = RunningProgress(0, None)
        document.replaced.connect(self._forget)
        document.history_changed.connect(self.seeds_changed)
        document.accept_undone.connect(self.answer_withdrawn)
        document.accept_redone.connect(self.answer_restored)

    # --- generate -----------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        return self._running is not None

    @property
    def next_seeds(self) -> tuple[int, ...]:
        """The seeds that Generate would take now: fresh ones while the question stays the same."""
        values = self._options.values
        first = values.seed
        if self._next_seed is not None and self._next_seed[0] == self._question():
            first = self._next_seed[1]
        return tuple(range(first, first + values.count))

    def _question(self) -> object:
        """What the fills depend on, apart from their own seeds."""
        values = self._options.values
        return self._document.versions, values.padding, values.feather, values.seed

    def generate(self) -> None:
        """Ask for candidates for what is masked now; a running order is cancelled first."""
        document, values = self._document, self._options.values
        if not document.is_open:
            self.failed.emit("There is no photo yet. Open one, or drop one on the window.")
            return
        document.end_stroke()
        if not document.mask.any():
            self.failed.emit("The mask is empty. Paint over what should be replaced.")
            return
        self.cancel()
        seeds = self.next_seeds
        self._next_seed = (self._question(), seeds[-1] + 1)
        self.seeds_changed.emit()
        order = Order(
            next(self._numbers),
            document.pixels,
            document.versions.pixels,
            document.mask.copy(),
            seeds,
            values.padding,
            values.feather,
            threading.Event(),
        )
        self._thumb_tokens.clear()
        self._candidates.start(order)
        self._place(order)

    def _place(self, order: Order) -> None:
        self._running = order
        self._started_at = time.monotonic()
        self.progress = RunningProgress(0, None)
        self.busy_changed.emit()
        self.progress_changed.emit()
        self.ordered.emit(order)

    def cancel(self) -> None:
        """Stop the running order at once; what has come so far stays."""
        if self._running is not None:
            self._running.cancel.set()
            self._end()

    def _end(self) -> None:
        self._running = None
        self._awaited = None
        self._candidates.drop_pending()
        self.busy_changed.emit()

    # --- reports from the workers -------------------------------------------------------------

    def _is_current(self, job_id: int) -> bool:
        return self._running is not None and self._running.job_id == job_id

    @Slot(int, object)
    def on_progress(self, job_id: int, progress: Progress) -> None:
        if self._is_current(job_id):
            share = progress.share
            elapsed = time.monotonic() - self._started_at
            left = elapsed * (1 - share) / share if share > 0.05 else None
            self.progress = RunningProgress(share, left, progress.stage)
            self.progress_changed.emit()

    @Slot(object)
    def on_filled(self, filled: Filled) -> None:
        if not self._is_current(filled.job_id):
            return
        self._candidates.add(filled)
        self.succeeded.emit()
        if filled.seed == self._awaited and not filled.is_draft:
            self._awaited = None
            self._bake(filled)

    @Slot(int)
    def on_finished(self, job_id: int) -> None:
        if self._is_current(job_id):
            self._end()

    @Slot(int, str)
    def on_failed(self, job_id: int, sentence: str) -> None:
        if self._is_current(job_id):
            self._end()
            self.failed.emit(sentence)

    # --- accept -------------------------------------------------------------------------------

    def accept(self) -> None:
        """Put the shown candidate into the photo; a draft is finished first."""
        filled = self._candidates.shown
        if filled is None:
            return
        self._candidates.select(filled.seed)
        if not filled.is_draft:
            self._bake(filled)
            return
        if not self.is_busy:
            self._finish(filled)
        self._awaited = filled.seed
        self.notice.emit("Accepting as soon as the full-resolution fill is done. Esc cancels.")

    def _finish(self, draft: Filled) -> None:
        order = self._candidates.order
        if order is not None:
            job_id = next(self._numbers)
            self._place(
                Order(
                    job_id,
                    order.pixels,
                    order.pixels_version,
                    order.mask,
                    (draft.seed,),
                    order.padding,
                    order.feather,
                    threading.Event(),
                    draft.request,
                )
            )

    def _bake(self, filled: Filled) -> None:
        order = self._candidates.order
        if order is None or not self._candidates.are_current:
            return
        rank = self._candidates.rank(filled.seed)
        token = self._answer(filled, "accept")
        self.cancel()
        box = filled.request.box
        self._document.accept(box, filled.region, order.mask[box.slices], token)
        self.succeeded.emit()
        self.notice.emit(f"Candidate {rank} is in the photo.")

    # --- answers ------------------------------------------------------------------------------

    def toggle_thumb(self, seed: int, thumb: Thumb) -> None:
        """Give a thumb, change it, or take it back when it was given before."""
        filled = self._candidates.by_seed(seed)
        if filled is None:
            return
        if seed in self._thumb_tokens:
            self.answer_withdrawn.emit(self._thumb_tokens.pop(seed))
        if self._candidates.thumbs.get(seed) == thumb:
            self._candidates.set_thumb(seed, None)
        else:
            self._thumb_tokens[seed] = self._answer(filled, thumb)
            self._candidates.set_thumb(seed, thumb)

    def thumb_shown(self, thumb: Thumb) -> None:
        filled = self._candidates.shown
        if filled is not None:
            self.toggle_thumb(filled.seed, thumb)

    def _answer(self, filled: Filled, opinion: Opinion) -> int:
        order = self._candidates.order
        assert order is not None  # there are candidates only of an order
        token = next(self._numbers)
        shown = tuple(other.fill for other in self._candidates.ranked)
        answer = Answer(
            token,
            order.pixels,
            order.pixels_version,
            filled.request,
            shown,
            filled.reward_model,
            filled.seed,
            opinion,
        )
        self.answered.emit(answer)
        return token

    @Slot()
    def _forget(self) -> None:
        self.cancel()
        self._thumb_tokens.clear()
        self._next_seed = None
        self._candidates.clear()
