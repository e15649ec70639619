"""The line at the bottom: what is open, where the pointer is, what is going on."""

import math
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QToolButton, QWidget

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.exchange import Exchange
from prefpaint_gui.state.jobs import RunningProgress
from prefpaint_gui.state.models import BUILTIN
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.import_progress import ImportProgress
from prefpaint_gui.widgets.job_list import JobList
from prefpaint_gui.widgets.parts import label

NOTICE_MS = 6000
"""How long a passing remark stays."""


class StatusLine(QWidget):
    """Facts at the left; the remark, the progress and the queue at the right."""

    def __init__(
        self,
        document: Document,
        session: Session,
        candidates: Candidates,
        options: Options,
        exchange: Exchange,
    ) -> None:
        super().__init__()
        self.setObjectName("statusLine")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(29)
        self._document = document
        self._session = session
        self._candidates = candidates
        self.size_label, self.zoom, self.mode, self.pointer = label(), label(), label(), label()
        self.reward, self.notice, self.share = label(), label(), label()
        self.reward.setToolTip("The reward that ranks your fills: see Preferences, Train")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setMinimumWidth(48)
        self.bar.setMaximumWidth(160)
        self.bar.setAccessibleName("Progress")
        self.waiting = QToolButton()
        self.waiting.setToolTip("Show the queue")
        self.job_list = JobList(session.jobs, options, self)
        self.waiting.clicked.connect(lambda: self.job_list.open_above(self.waiting))
        self.importing = ImportProgress(exchange)
        self._notice_end = QTimer(self)
        self._notice_end.setSingleShot(True)
        self._notice_end.timeout.connect(self.notice.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(24)
        for fact in (self.size_label, self.zoom, self.mode, self.reward, self.pointer):
            layout.addWidget(fact)
        layout.addStretch()
        for part in (self.notice, self.importing, self.share, self.bar, self.waiting):
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        document.replaced.connect(self._show_photo)
        session.notice.connect(self.say)
        session.jobs.changed.connect(self._show_progress)
        session.jobs.progress_changed.connect(self._show_progress)
        candidates.changed.connect(self._show_progress)
        self._show_photo()
        self._show_progress()

    def say(self, text: str) -> None:
        """Show a passing remark."""
        self.notice.setText(text)
        self._notice_end.start(NOTICE_MS)

    def show_reward(self, reward: str) -> None:
        """Name the reward that ranks, unless it is the built-in one."""
        self.reward.setText("" if reward == BUILTIN else f"Ranked by {Path(reward).stem}")
        self.reward.setVisible(reward != BUILTIN)

    def show_zoom(self, scale: float) -> None:
        percent = scale * 100
        text = f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"
        self.zoom.setText(text if self._document.is_open else "")

    def show_pointer(self, place: tuple[int, int] | None) -> None:
        self.pointer.setText(f"{place[0]}, {place[1]}" if place else "")

    def _show_photo(self) -> None:
        height, width = self._document.size
        if self._document.is_open:
            self.size_label.setText(f"{width} × {height}")
            self.mode.setText(f"8-bit {'RGBA' if self._document.pixels.shape[2] == 4 else 'RGB'}")

    def _show_progress(self) -> None:
        busy = self._session.is_busy
        for widget in (self.share, self.bar):
            widget.setVisible(busy)
        waiting = len(self._session.jobs.waiting)
        self.waiting.setVisible(waiting > 0)
        self.waiting.setText(f"{waiting} waiting")
        if busy:
            progress = self._session.jobs.progress
            self.bar.setValue(round(progress.share * 1000))
            self.share.setText(self._progress_text(progress))

    def _progress_text(self, progress: RunningProgress) -> str:
        order, strip = self._session.jobs.running, self._candidates.filling
        total = order.wanted if order else 0
        final = sum(not filled.is_draft for filled in strip.ranked) if strip else 0
        parts = [f"{final} of {total}"]
        if progress.stage:
            parts.insert(0, progress.stage)
        if progress.seconds_left is not None:
            parts.append(f"{max(1, math.ceil(progress.seconds_left))} s left")
        return " · ".join(parts)
