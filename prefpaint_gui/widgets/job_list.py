"""The queue, opened from the status line: each job with its own Cancel."""

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from prefpaint_gui.state.jobs import Jobs
from prefpaint_gui.state.messages import Order
from prefpaint_gui.state.options import Options
from prefpaint_gui.widgets.parts import label

WIDTH, WORDS_WIDTH = 360, 240


class JobList(QFrame):
    """A popup that follows the queue and goes when that is empty."""

    def __init__(self, jobs: Jobs, options: Options, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("jobList")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Queue")
        self.setFixedWidth(WIDTH)
        self._jobs = jobs
        self._options = options
        self.cancels: dict[int, QPushButton] = {}
        """By job id, in the order of the queue."""
        self.cancel_all = QPushButton("Cancel all")
        self.cancel_all.clicked.connect(jobs.cancel_all)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 12)
        layout.setSpacing(12)
        layout.addWidget(label("QUEUE", "heading"))
        layout.addLayout(self._rows)
        layout.addWidget(self.cancel_all, 0, Qt.AlignmentFlag.AlignRight)
        jobs.changed.connect(self._follow)

    def open_above(self, button: QWidget) -> None:
        """Show the queue with its lower right corner at the button's upper right one."""
        self._rebuild()
        corner = button.mapToGlobal(QPoint(button.width(), -4))
        self.move(corner - QPoint(self.width(), self.height()))
        self.show()

    def _follow(self) -> None:
        if not self.isVisible():
            return
        if not self._jobs.all:
            self.close()
            return
        bottom = self.geometry().bottom()
        self._rebuild()
        self.move(self.x(), bottom + 1 - self.height())

    def _rebuild(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            row = item.widget()
            if row is not None:
                row.hide()
                row.deleteLater()
        self.cancels.clear()
        for order in self._jobs.all:
            self._rows.addWidget(self._row(order))
        self.adjustSize()

    def _row(self, order: Order) -> QWidget:
        row = QWidget()
        words = QVBoxLayout()
        words.setSpacing(2)
        lines = self._lines(order)
        for line, tone in zip(lines, ("", "small", "small"), strict=False):
            text = label(tone=tone)
            shown = text.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, WORDS_WIDTH)
            text.setText(shown)
            text.setToolTip(line if shown != line else "")
            words.addWidget(text)
        cancel = QPushButton("Cancel")
        cancel.setAccessibleName(f"Cancel: {', '.join(lines)}")
        cancel.clicked.connect(lambda: self._jobs.cancel(order.job_id))
        self.cancels[order.job_id] = cancel
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(12)
        layout.addLayout(words, 1)
        layout.addWidget(cancel, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _lines(self, order: Order) -> list[str]:
        """What tells one job from another: how many, which model, which prompt if any."""
        state = "filling now" if self._jobs.is_running(order.job_id) else "waiting"
        count = "1 candidate" if order.wanted == 1 else f"{order.wanted} candidates"
        titles = {model.name: model.title for model in self._options.models}
        lines = [f"{count} · {state}", titles.get(order.model, order.model)]
        return [*lines, f"“{order.settings.prompt}”"] if order.settings.prompt else lines

    def event(self, event: QEvent) -> bool:
        # Esc closes the list and must not cancel what runs.
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.close()
                return True
        return super().event(event)
