"""A question about a model or the course of its download, under the list of models."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from prefpaint_gui.widgets.parts import ElidedLabel, label


class TaskPanel(QFrame):
    """A title and, as the matter asks for them: facts, a line to write in, a bar, a remark.

    Hidden while there is nothing to ask or to tell.
    """

    agreed = Signal()
    declined = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("taskPanel")
        self.setAccessibleName(name)
        self.title = label(tone="name")
        self.title.setWordWrap(True)
        self.note = label(tone="small")
        self.note.setWordWrap(True)
        self.line = QLineEdit()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the download")
        self.yes, self.no = QPushButton(), QPushButton()
        self.yes.clicked.connect(self.agreed)
        self.no.clicked.connect(self.declined)
        self.facts: dict[str, str] = {}
        """What is told, by name."""
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(4)
        self._facts.setColumnMinimumWidth(0, 56)
        self._facts.setColumnStretch(1, 1)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(8)
        words.addWidget(self.title)
        words.addLayout(self._facts)
        words.addWidget(self.line)
        words.addWidget(self.bar)
        words.addWidget(self.note)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(words, 1)
        layout.addSpacing(8)
        layout.addWidget(self.no, 0, Qt.AlignmentFlag.AlignBottom)
        layout.addWidget(self.yes, 0, Qt.AlignmentFlag.AlignBottom)

    def show_question(
        self,
        title: str,
        yes: str,
        no: str,
        *,
        facts: Sequence[tuple[str, str]] = (),
        note: str = "",
        placeholder: str = "",
    ) -> None:
        """Ask for an answer, or with a placeholder for a line of text."""
        self._show(title, facts, note)
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(title)
        self.line.setVisible(bool(placeholder))
        self.bar.hide()
        self.yes.setText(yes)
        self.yes.show()
        self.no.setText(no)
        self.no.setAutoDefault(True)
        self.show()
        self.yes.setDefault(True)

    def show_course(self, title: str, share: float | None, note: str) -> None:
        """Tell what is going on, with a Cancel. share: 0-1, None for no bar."""
        self._show(title, (), note)
        self.line.hide()
        self.bar.setVisible(share is not None)
        self.bar.setValue(round((share or 0) * 1000))
        self.yes.hide()
        self.no.setText("Cancel")
        self.no.setAutoDefault(False)  # an Enter too many must not stop what it has just begun
        self.show()

    def _show(self, title: str, facts: Sequence[tuple[str, str]], note: str) -> None:
        self.title.setText(title)
        if self.facts != dict(facts):
            self.facts = dict(facts)
            self._fill()
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _fill(self) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, (name, value) in enumerate(self.facts.items()):
            self._facts.addWidget(label(name, "small"), row, 0)
            self._facts.addWidget(ElidedLabel(value), row, 1)
