"""The training of a reward on the person's own preferences, as it is shown and asked for."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.models import BUILTIN

if TYPE_CHECKING:
    from training.reward.finetune import Survey

Phase = Literal["idle", "preparing", "running", "pausing", "paused", "offered"]


@dataclass(frozen=True)
class Point:
    """A measurement: mean loss on training pairs, share of validation pairs in the right order."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Accuracy:
    """share: of `count` held-out pairs in the right order; low, high: its 95 % interval."""

    share: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Course:
    """How the run stands. steps: in all, 0 until it is known. old, new: once it is offered; faults:
    by old and new, how often the picture with less of a fault came first."""

    phase: Phase = "idle"
    share: float = 0.0
    """Of the preparation."""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    points: tuple[Point, ...] = ()
    old: Accuracy | None = None
    new: Accuracy | None = None
    faults: tuple[float, ...] = ()


class Training(QObject):
    """What there is to learn from, and the one run: begun, paused, offered, taken or deleted.

    Whoever trains connects to the signals that end in `wanted` and reports to the slots.
    """

    look_wanted = Signal()
    begin_wanted = Signal(object)
    """Carries a threading.Event that is set when the person no longer wants it."""
    resume_wanted = Signal()
    pause_wanted = Signal()
    delete_wanted = Signal()
    take_wanted = Signal()
    reward_chosen = Signal(str)
    """Carries BUILTIN or the file of a reward that ranks from now on."""
    changed = Signal()
    failed = Signal(str)
    succeeded = Signal()
    notice = Signal(str)

    def __init__(self, reward: str = BUILTIN) -> None:
        super().__init__()
        self.reward = reward
        self.survey: Survey | None = None
        self.course = Course()
        self._cancel = threading.Event()

    # --- what the person does -----------------------------------------------------------------

    def look(self) -> None:
        """Count again, and see whether there is a run to go on with."""
        self.look_wanted.emit()

    def begin(self) -> None:
        """Train on what there is now."""
        if self.course.phase == "idle":
            self._cancel = threading.Event()
            self._show(Course("preparing"))
            self.begin_wanted.emit(self._cancel)

    def resume(self) -> None:
        """Go on with a paused run."""
        self.resume_wanted.emit()

    def pause(self) -> None:
        """Stop for now with nothing lost."""
        self.pause_wanted.emit()

    def delete(self) -> None:
        """End the run, or turn its result down; nothing of it is kept."""
        self._cancel.set()
        self.delete_wanted.emit()

    def take(self) -> None:
        """Rank with the result of the run from now on."""
        self.take_wanted.emit()

    def choose(self, reward: str) -> None:
        """Rank with another reward from now on. reward: BUILTIN or a file."""
        if reward != self.reward:
            self.reward = reward
            self.reward_chosen.emit(reward)
            self.changed.emit()

    def close(self) -> None:
        """The window closes: what is being prepared is not wanted any more."""
        self._cancel.set()

    # --- what comes back ----------------------------------------------------------------------

    @Slot(object)
    def on_surveyed(self, survey: "Survey") -> None:
        self.survey = survey
        self.changed.emit()

    @Slot(object)
    def on_course(self, course: Course) -> None:
        self._show(course)

    @Slot(str)
    def on_taken(self, reward: str) -> None:
        self.choose(reward)
        self.notice.emit("The new reward ranks your fills from now on.")

    @Slot(str)
    def on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _show(self, course: Course) -> None:
        if course.phase in ("preparing", "running") and self.course.phase != course.phase:
            self.succeeded.emit()
        self.course = course
        self.changed.emit()
