"""What a training came to, next to the reward that it began with, and the choice between them."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout

from prefpaint_gui.state.training import Accuracy, Course
from prefpaint_gui.widgets.parts import label

COSTLY = 0.15
"""From such a loss on, of the share of faults that are seen, the person is warned."""


class OfferPanel(QFrame):
    """A table of both rewards on held-out strips; hidden while there is nothing to choose."""

    accepted = Signal()
    declined = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("taskPanel")
        self.setAccessibleName("Result")
        self.verdict = label(tone="name")
        self.rows = {
            name: [label() for _ in range(3)] for name in ("Built-in reward", "New reward")
        }
        self.note = label(tone="small")
        self.note.setWordWrap(True)
        self.use, self.keep = QPushButton("Use the new reward"), QPushButton("Keep the present one")
        self.use.clicked.connect(self.accepted)
        self.keep.clicked.connect(self.declined)
        table, buttons = QGridLayout(), QHBoxLayout()
        for column, title in enumerate(("As you told", "95 % interval", "Faults seen"), 1):
            table.addWidget(label(title, "small"), 0, column, Qt.AlignmentFlag.AlignRight)
        for row, (name, cells) in enumerate(self.rows.items(), 1):
            table.addWidget(label(name), row, 0)
            for column, cell in enumerate(cells, 1):
                table.addWidget(cell, row, column, Qt.AlignmentFlag.AlignRight)
        table.setColumnStretch(0, 1)
        table.setHorizontalSpacing(32)
        table.setVerticalSpacing(4)
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.keep)
        buttons.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self.verdict)
        layout.addLayout(table)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.hide()

    def show_result(self, course: Course) -> None:
        """Offer the result of a course that has ended; hide while it has not."""
        if course.old is None or course.new is None:
            self.hide()
            return
        measured = ((course.old, course.faults[0]), (course.new, course.faults[1]))
        for cells, (found, faults) in zip(self.rows.values(), measured, strict=True):
            texts = (_percent(found.share), f"{_percent(found.low)} – {_percent(found.high)}")
            for cell, text in zip(cells, (*texts, _percent(faults)), strict=True):
                cell.setText(text)
        costs = course.faults[0] - course.faults[1] > COSTLY
        verdict = _verdict(course.old, course.new)
        self.verdict.setText(f"{verdict} But it misses far more faults." if costs else verdict)
        self.note.setText(
            f"Measured on {course.new.count} held-out pairs that neither has learned from. Faults: "
            "how often the less blurred, noisy or discoloured of two fills comes first."
        )
        is_better = course.new.share > course.old.share
        self.show()
        self.use.setDefault(is_better)
        self.keep.setDefault(not is_better)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _verdict(old: Accuracy, new: Accuracy) -> str:
    if new.share <= old.share:
        return "The new reward is no better than the built-in one."
    if new.low <= old.high:
        return "The new reward did better, but that may be chance."
    return "The new reward does better."
