"""The question which of two fills is better, quietly beside the candidates."""

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from prefpaint_gui.state.asking import Asking
from prefpaint_gui.widgets.parts import label


class StripQuestion(QWidget):
    """Shown while there is a question; the cards that it is about are marked A and B."""

    looked_for = Signal(int)
    """Carries the seed of the card whose button the pointer or the keyboard has come to."""

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self.setAccessibleName("Question")
        self._asking = asking
        self.first, self.second = QPushButton("&A"), QPushButton("&B")
        self.neither = QPushButton("Can't &say")
        self.first.clicked.connect(lambda: self._answer(first=True))
        self.second.clicked.connect(lambda: self._answer(first=False))
        self.neither.clicked.connect(asking.dismiss)
        for button, words in (
            (self.first, "A is better (Alt+A)"),
            (self.second, "B is better (Alt+B)"),
            (self.neither, "Close the question (Alt+S)"),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words)
        for button in (self.first, self.second):
            button.installEventFilter(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label("Which fill is better?"), 0, 0, 1, 2)
        layout.addWidget(self.first, 1, 0)
        layout.addWidget(self.second, 1, 1)
        layout.addWidget(self.neither, 2, 0, 1, 2)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        question = self._asking.question
        if question is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            self.looked_for.emit(question.first if watched is self.first else question.second)
        return super().eventFilter(watched, event)

    def _answer(self, *, first: bool) -> None:
        question = self._asking.question
        if question is not None:
            self._asking.answer(question.first if first else question.second)
