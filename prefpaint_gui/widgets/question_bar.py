"""The question which of two fills is better, quietly above the candidates."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from prefpaint_gui.state.asking import Asking
from prefpaint_gui.widgets.parts import icon_button, label
from prefpaint_gui.widgets.theme import Colours, icon


class QuestionBar(QWidget):
    """Shown while there is a question; the cards that it is about are marked A and B."""

    HEIGHT = 48

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self.setObjectName("questionBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Question")
        self.setFixedHeight(self.HEIGHT)
        self._asking = asking
        self.first, self.second = QPushButton("&A is better"), QPushButton("&B is better")
        self.neither = QPushButton("Can't &say")
        self.close_button = icon_button("Close the question", "Close the question")
        self.close_button.setFixedSize(28, 28)
        self.first.clicked.connect(lambda: self._answer(first=True))
        self.second.clicked.connect(lambda: self._answer(first=False))
        for button, key in ((self.first, "A"), (self.second, "B"), (self.neither, "S")):
            button.setToolTip(f"Alt+{key}")
        for dismiss in (self.neither, self.close_button):
            dismiss.clicked.connect(asking.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 8, 0)
        layout.setSpacing(8)
        layout.addWidget(label("Which fill is better?"))
        layout.addSpacing(8)
        for button in (self.first, self.second, self.neither):
            layout.addWidget(button)
        layout.addStretch()
        layout.addWidget(self.close_button)
        asking.changed.connect(self._show_question)
        self._show_question()

    def set_colours(self, colours: Colours) -> None:
        self.close_button.setIcon(icon("close", colours.muted))

    def _answer(self, *, first: bool) -> None:
        question = self._asking.question
        if question is not None:
            self._asking.answer(question.first if first else question.second)

    def _show_question(self) -> None:
        self.setVisible(self._asking.question is not None)
