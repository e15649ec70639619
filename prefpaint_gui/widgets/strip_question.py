"""The question which of some fills is best, quietly beside the candidates."""

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from prefpaint_gui.state.asking import Asking
from prefpaint_gui.widgets.parts import label

LETTERS = "ABCD"
"""What the cards of a question are called; no question is about more."""


class StripQuestion(QWidget):
    """Shown while there is a question; the cards that it is about are marked by letters."""

    looked_for = Signal(int)
    """Carries the seed of the card whose button the pointer or the keyboard has come to."""

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self.setAccessibleName("Question")
        self._asking = asking
        self.choices = [self._choice(place, letter) for place, letter in enumerate(LETTERS)]
        self.skip = QPushButton("&Skip")
        self.skip.clicked.connect(asking.dismiss)
        self.skip.setToolTip("Close the question (Alt+S)")
        self.skip.setAccessibleName("Close the question (Alt+S)")
        asked, choices = QHBoxLayout(), QHBoxLayout()
        asked.addWidget(label("Which fill is best?"), 1)
        asked.addWidget(self.skip)
        choices.setSpacing(8)
        for button in self.choices:
            choices.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(asked)
        layout.addLayout(choices)
        asking.changed.connect(self._show)
        self._show()

    def _choice(self, place: int, letter: str) -> QPushButton:
        button = QPushButton(f"&{letter}")
        button.setToolTip(f"{letter} is best (Alt+{letter})")
        button.setAccessibleName(button.toolTip())
        button.clicked.connect(lambda: self._answer(place))
        button.installEventFilter(self)
        return button

    def _show(self) -> None:
        question = self._asking.question
        count = len(question.seeds) if question is not None else 0
        for place, button in enumerate(self.choices):
            button.setVisible(place < count)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        question = self._asking.question
        if question is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            for button, seed in zip(self.choices, question.seeds, strict=False):
                if watched is button:
                    self.looked_for.emit(seed)
        return super().eventFilter(watched, event)

    def _answer(self, place: int) -> None:
        question = self._asking.question
        if question is not None:
            self._asking.answer(question.seeds[place])
