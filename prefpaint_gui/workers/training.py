"""Trains a reward in a child process, and tells of its course."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QProcess, Signal, Slot

from prefpaint_gui.state.training import Accuracy, Course, Point
from training.errors import Cancelled, PrefPaintError

if TYPE_CHECKING:
    from training.preferences.store import PreferenceStore
    from training.reward.finetune import Place, Run

PATIENCE_MS = 6000
"""Within this a paused child has ended its step and written its checkpoint; else it is killed, and
what it did since its last checkpoint has to be done again."""
GONE = (
    "The training process ended unexpectedly, perhaps for lack of memory. "
    "Continue takes it up at its last checkpoint."
)


class TrainingWorker(QObject):
    """Lives in a thread of its own, where it reads the store and talks to the child.

    make_place: where runs lie, called in that thread. The child pauses by itself when its standard
    input ends, so it never outlives the window, whatever ends that.
    """

    surveyed = Signal(object)
    """Carries a Survey."""
    course_changed = Signal(object)
    """Carries a Course."""
    taken = Signal(str)
    """Carries the file of the reward that the person chose."""
    failed = Signal(str)
    closed = Signal()

    def __init__(
        self, open_store: Callable[[], "PreferenceStore"], make_place: Callable[[], "Place"]
    ) -> None:
        super().__init__()
        self._open_store = open_store
        self._make_place = make_place
        self._place: Place | None = None
        self._run: Run | None = None
        self._process: QProcess | None = None
        self._course = Course()
        self._is_unwanted = False
        """The run is to be deleted once its process has ended."""
        self._last_word = ""
        """The event that the child told last of how it ended."""

    @Slot()
    def look(self) -> None:
        """Tell what there is to learn from, and of a run that was left."""
        try:
            from training.reward.finetune import survey

            with self._open_store() as store:
                if store.notice:
                    self.failed.emit(store.notice)
                self.surveyed.emit(survey(store))
            if self._process is None:
                self._run = self._where.unfinished()
                self._tell(self._as_left())
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot(object)
    def begin(self, cancel: threading.Event) -> None:
        """Export the store and train on it."""

        def on_progress(share: float) -> None:
            self._tell(Course("preparing", share))

        try:
            with self._open_store() as store:
                self._run = self._where.begin(store, on_progress, cancel)
        except (PrefPaintError, Cancelled) as error:
            self._tell(Course())
            if isinstance(error, PrefPaintError):
                self.failed.emit(str(error))
            return
        if cancel.is_set():
            self._delete()
        else:
            self.resume()

    @Slot()
    def resume(self) -> None:
        """Start the child, which goes on where it stopped."""
        if self._run is None or self._process is not None:
            return
        self._last_word, self._is_unwanted = "", False
        self._process = process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(process.readAllStandardError)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._tell(replace(self._as_left(), phase="running"))
        program, *words = self._run.command()
        process.start(program, words)

    @Slot()
    def pause(self) -> None:
        """Let the child end its step and write a checkpoint."""
        if self._process is not None:
            self._tell(replace(self._course, phase="pausing", seconds_left=None))
            self._process.closeWriteChannel()

    @Slot()
    def delete(self) -> None:
        """End the child at once, where there is one, and delete the run."""
        if self._process is not None:
            self._is_unwanted = True
            self._process.kill()
        else:
            self._delete()

    @Slot()
    def take(self) -> None:
        """Keep the result of a run that has ended."""
        if self._run is None or self._process is not None:
            return
        try:
            reward = self._run.take()
        except PrefPaintError as error:
            self.failed.emit(str(error))
            return
        self._run = None
        self._tell(Course())
        self.taken.emit(str(reward))

    @Slot()
    def close(self) -> None:
        """Pause the child and see it end."""
        if self._process is not None:
            self._process.closeWriteChannel()
            if not self._process.waitForFinished(PATIENCE_MS):
                self._process.kill()
                self._process.waitForFinished(PATIENCE_MS)
        self.closed.emit()

    @property
    def _where(self) -> "Place":
        if self._place is None:
            self._place = self._make_place()
        return self._place

    def _delete(self) -> None:
        try:
            if self._run is not None:
                self._run.delete()
        except PrefPaintError as error:
            self.failed.emit(str(error))
            self._tell(self._as_left())
        else:
            self._run = None
            self._tell(Course())

    def _tell(self, course: Course) -> None:
        self._course = course
        self.course_changed.emit(course)

    def _as_left(self) -> Course:
        """How the run stands on disk."""
        if self._run is None:
            return Course()
        points = tuple(_point(line) for line in self._run.log())
        step = max(points[-1].step if points else 0, self._course.step)
        course = Course("paused", step=step, steps=self._course.steps, points=points)
        result = self._run.result()
        if result is None:
            return course
        old, new = (_accuracy(result[name]) for name in ("old", "new"))
        faults = tuple(result[f"{name} faults"]["share"] for name in ("old", "new"))
        return replace(course, phase="offered", old=old, new=new, faults=faults)

    # --- the child ----------------------------------------------------------------------------

    @Slot()
    def _read(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            try:
                told = json.loads(bytes(process.readLine().data()))
                self._take_in(told)
            except (ValueError, KeyError, TypeError):
                continue  # a library's own words

    def _take_in(self, told: dict[str, Any]) -> None:
        """One event of training.commands.events.EventLines."""
        event, course = told["event"], self._course
        if event == "step":
            step, steps, left = told["step"], told["steps"], told["seconds_left"]
            left = None if course.phase == "pausing" else left
            self._tell(replace(course, step=step, steps=steps, seconds_left=left))
        elif event == "measured":
            self._tell(replace(course, points=(*course.points, _point(told))))
        elif event in ("paused", "done", "failed"):
            self._last_word = event
            if event == "failed" and not self._is_unwanted:
                self.failed.emit(told["sentence"])

    @Slot()
    def _on_finished(self) -> None:
        self._read()
        self._forget_process()
        if self._is_unwanted:
            self._delete()
            return
        if not self._last_word:
            self.failed.emit(GONE)
        self._tell(self._as_left())

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            reason = self._process.errorString()
            self._forget_process()
            self.failed.emit(f"The training cannot be started ({reason}). Install PrefPaint anew.")
            self._tell(self._as_left())

    def _forget_process(self) -> None:
        if self._process is not None:
            self._process.deleteLater()
            self._process = None


def _point(line: dict[str, float]) -> Point:
    return Point(int(line["step"]), line["loss"], line["accuracy"])


def _accuracy(found: dict[str, float]) -> Accuracy:
    return Accuracy(found["share"], found["low"], found["high"], int(found["count"]))
