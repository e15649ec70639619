"""The queue: one order runs, the others wait behind it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.messages import Order
from training.inpainting.request import Progress


@dataclass(frozen=True)
class RunningProgress:
    """share: 0-1 of the running order. seconds_left: None until it can be told. stage: in words."""

    share: float
    seconds_left: float | None
    stage: str = ""


class Jobs(QObject):
    """Orders in the sequence in which they were placed; nothing waits while nothing runs.

    Whoever fills orders connects to `started` and reports to the slots that take a job id;
    reports of any job but the running one are dropped. An order that leaves the queue unfilled
    has its cancel event set.
    """

    started = Signal(object)
    """Carries the Order that runs now."""
    ended = Signal(object)
    """The running Order came to its end, of whatever kind."""
    changed = Signal()
    """Orders came, left or moved up."""
    progress_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.running: Order | None = None
        self.waiting: tuple[Order, ...] = ()
        self.progress = RunningProgress(0, None)
        self._started_at = 0.0

    @property
    def all(self) -> tuple[Order, ...]:
        """The running one first."""
        return self.waiting if self.running is None else (self.running, *self.waiting)

    def is_running(self, job_id: int) -> bool:
        return self.running is not None and self.running.job_id == job_id

    def place(self, order: Order) -> None:
        """Start the order, or let it wait for its turn."""
        self.waiting = (*self.waiting, order)
        self._move_up()

    def cancel(self, job_id: int) -> None:
        """Take one order out of the queue, wherever it stands."""
        if self.is_running(job_id):
            self.cancel_running()
        else:
            self.drop_waiting(lambda order: order.job_id == job_id)

    def cancel_running(self) -> None:
        """Stop the running order at once; the next one starts."""
        if self.running is not None:
            self.running.cancel.set()
            self._end()

    def cancel_all(self) -> None:
        self.drop_waiting(lambda _: True)
        self.cancel_running()

    def drop_waiting(self, is_unwanted: Callable[[Order], bool]) -> int:
        """Take waiting orders out of the queue; returns how many."""
        dropped = [order for order in self.waiting if is_unwanted(order)]
        for order in dropped:
            order.cancel.set()
        if dropped:
            self.waiting = tuple(order for order in self.waiting if order not in dropped)
            self.changed.emit()
        return len(dropped)

    @Slot(int)
    def finish(self, job_id: int) -> None:
        if self.is_running(job_id):
            self._end()

    @Slot(int, object)
    def on_progress(self, job_id: int, progress: Progress) -> None:
        if self.is_running(job_id):
            share = progress.share
            elapsed = time.monotonic() - self._started_at
            left = elapsed * (1 - share) / share if share > 0.05 else None
            self.progress = RunningProgress(share, left, progress.stage)
            self.progress_changed.emit()

    def _end(self) -> None:
        ended, self.running = self.running, None
        self.ended.emit(ended)
        self._move_up()

    def _move_up(self) -> None:
        if self.running is None and self.waiting:
            self.running, *rest = self.waiting
            self.waiting = tuple(rest)
            self._started_at = time.monotonic()
            self.progress = RunningProgress(0, None)
            self.started.emit(self.running)
        self.changed.emit()
