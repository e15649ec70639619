"""Training a reward on the person's own preferences: what there is, how it goes, what came out."""

import math
from pathlib import Path

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.models import BUILTIN
from prefpaint_gui.state.training import Course, Training
from prefpaint_gui.widgets.beside_dialog import BesideDialog
from prefpaint_gui.widgets.curves import Curve
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.train_offer import OfferPanel
from training.reward.division import ENOUGH

COUNTS = ("Strips", "Usable pairs", "Thumbs", "Accepted", "Orders", "Ratings")


class TrainDialog(BesideDialog):
    """Stands beside the window and holds nothing up; a training outlives its closing."""

    def __init__(self, training: Training, parent: QWidget) -> None:
        super().__init__("Train the reward", parent)
        self.setMinimumSize(680, 240)
        self._training = training
        self.counts = {name: label("–", "reward") for name in COUNTS}
        self.enough = label(ENOUGH, "small")
        self.lacking = label(tone="name")
        self.loss = Curve("Loss on pairs learned from")
        self.accuracy = Curve("Pairs in the right order, validation", is_share=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the training")
        self.course = label(tone="small")
        self.offer = OfferPanel()
        self.builtin = QPushButton("Use the built-in reward")
        self.ranked_by = label(tone="small")
        self.delete = QPushButton("Cancel training")
        self.pause = QPushButton("Pause")
        self.resume = QPushButton("Continue")
        self.train = QPushButton("Train")
        self.close_button = QPushButton("Close")
        for wrapped in (self.enough, self.lacking):
            wrapped.setWordWrap(True)
        for button in (self.builtin, self.delete, self.pause, self.resume, self.close_button):
            button.setAutoDefault(False)
        for curve in (self.loss, self.accuracy):
            curve.hide()
        self._lay_out()
        self._connect()

    def set_colours(self, colours: Colours) -> None:
        for part in (self.banner, self.loss, self.accuracy):
            part.set_colours(colours)

    def _lay_out(self) -> None:
        counts, curves, foot, head = QGridLayout(), QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for column, (name, value) in enumerate(self.counts.items()):
            counts.addWidget(value, 0, column)
            counts.addWidget(label(name, "small"), 1, column)
            counts.setColumnStretch(column, 1)
        counts.setVerticalSpacing(0)
        counts.setHorizontalSpacing(16)
        curves.setSpacing(12)
        curves.addWidget(self.loss)
        curves.addWidget(self.accuracy)
        head.addWidget(self.ranked_by, 1)
        head.addWidget(self.builtin)
        foot.setSpacing(8)
        foot.addWidget(self.delete)
        foot.addStretch()
        for button in (self.pause, self.resume, self.train, self.close_button):
            button.setMinimumWidth(96)
            foot.addWidget(button)
        body = QVBoxLayout()
        body.setContentsMargins(16, 16, 16, 16)
        body.setSpacing(12)
        body.addLayout(counts)
        body.addWidget(self.enough)
        body.addWidget(self.lacking)
        body.addLayout(curves, 1)
        body.addWidget(self.bar)
        body.addWidget(self.course)
        body.addWidget(self.offer)
        body.addStretch()
        body.addLayout(head)
        body.addLayout(foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.setSizeConstraint(
            QVBoxLayout.SizeConstraint.SetNoConstraint
        )  # _show sees to the height
        layout.addWidget(self.banner)
        layout.addLayout(body, 1)

    def _connect(self) -> None:
        training = self._training
        training.changed.connect(self._show)
        training.failed.connect(self.banner.show_error)
        training.succeeded.connect(self.banner.hide)
        self.train.clicked.connect(training.begin)
        self.pause.clicked.connect(training.pause)
        self.resume.clicked.connect(training.resume)
        self.delete.clicked.connect(training.delete)
        self.offer.accepted.connect(training.take)
        self.offer.declined.connect(training.delete)
        self.builtin.clicked.connect(lambda: training.choose(BUILTIN))
        self.close_button.clicked.connect(self.reject)

    def _show(self) -> None:
        if not self.isVisible():
            return
        self._show_counts()
        course = self._training.course
        phase = course.phase
        self.loss.show_points([(p.step, p.loss) for p in course.points], course.steps)
        self.accuracy.show_points([(p.step, p.accuracy) for p in course.points], course.steps)
        has_curves = bool(course.points)
        has_changed = has_curves == self.loss.isHidden()
        for curve in (self.loss, self.accuracy):
            curve.setVisible(has_curves)
        is_told = phase not in ("idle", "offered")
        self.bar.setVisible(is_told)
        self.course.setVisible(is_told)
        self.bar.setValue(round(1000 * _share(course)))
        self.course.setText(_course_words(course))
        self.offer.show_result(course)
        survey = self._training.survey
        self.train.setVisible(phase == "idle")
        self.train.setEnabled(survey is not None and not survey.lacking)
        self.pause.setVisible(phase in ("running", "pausing"))
        self.pause.setEnabled(phase == "running")
        self.resume.setVisible(phase == "paused")
        self.delete.setVisible(is_told)
        self.delete.setText("Delete this run" if phase == "paused" else "Cancel training")
        is_builtin = self._training.reward == BUILTIN
        self.builtin.setVisible(not is_builtin)
        name = "the built-in reward" if is_builtin else Path(self._training.reward).stem
        self.ranked_by.setText(f"Your fills are ranked by {name}.")
        layout = self.layout()
        least = layout.totalHeightForWidth(self.width()) if layout is not None else 0
        if has_changed or self.height() < least:
            self.resize(self.width(), least)

    def _show_counts(self) -> None:
        survey = self._training.survey
        if survey is None:
            self.lacking.setText("Counting…")
            return
        kept = survey.statistics
        thumbs = kept.ups + kept.downs
        orders = kept.orders + kept.bests
        values = (survey.strips, survey.pairs, thumbs, kept.accepts, orders, kept.ratings)
        for shown, value in zip(self.counts.values(), values, strict=True):
            shown.setText(f"{value:,}")
        self.lacking.setText(survey.lacking)
        self.lacking.setVisible(bool(survey.lacking) and self._training.course.phase == "idle")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._training.look()
        self._show()


def _share(course: Course) -> float:
    if course.phase == "preparing":
        return course.share
    return course.step / course.steps if course.steps else 0.0


def _course_words(course: Course) -> str:
    of = f"step {course.step} of {course.steps}" if course.steps else f"step {course.step}"
    if course.phase == "preparing":
        return "Copying the strips for the training…"
    if course.phase == "pausing":
        return f"Pausing after {of}…"
    if course.phase == "paused":
        return f"Paused after {of}. It goes on where it stopped, also after the window was closed."
    if not course.steps:
        return "Starting…"
    if course.step == course.steps:
        return f"Trained, {of}. Measuring on held-out strips…"
    if course.seconds_left is None:
        return f"Training, {of}"
    return f"Training, {of} · at most {_time_words(course.seconds_left)} left"


def _time_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    return f"{math.ceil(seconds / 60)} min"
