"""Beside the candidates: whose order they stand in, and what to say of all of them together."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from prefpaint_gui.state.answers import Answers
from prefpaint_gui.state.asking import Asking
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.personal import Personal
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.strip_question import StripQuestion

WIDTH = 200


class StripSide(QWidget):
    """A switch between the general and the personal order, a question at times, two quiet buttons,
    and the way to earlier fills.

    The question takes the place of the facts, so that nothing else moves for it.
    """

    def __init__(
        self, candidates: Candidates, answers: Answers, personal: Personal, asking: Asking
    ) -> None:
        super().__init__()
        self.setObjectName("stripSide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self._candidates = candidates
        self._personal = personal
        self._asking = asking
        self.question = StripQuestion(asking)
        self.general = self._half("General", "left")
        self.own = self._half("Personal", "right")
        self._group = QButtonGroup(self)
        for half in (self.general, self.own):
            self._group.addButton(half)
        self.general.clicked.connect(lambda: personal.update(personal_order=False))
        self.own.clicked.connect(lambda: personal.update(personal_order=True))
        self.facts = label(tone="small")
        self.facts.setWordWrap(True)
        self.back = _button("Drop my order")
        self.back.setToolTip(
            "The fills go back to the model's order, general or personal as chosen above"
        )
        self.back.clicked.connect(answers.drop_order)
        self.none = _button("None of these")
        self.none.setCheckable(True)
        self.none.setToolTip("Say that none of these fills will do (N)")
        self.none.clicked.connect(answers.toggle_none)
        self.earlier = self._step("‹", -1, "Earlier fills (Page Up)")
        self.later = self._step("›", 1, "Later fills (Page Down)")
        self.place = label(tone="small")
        self.place.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        candidates.changed.connect(self._show)
        candidates.answers_changed.connect(self._show)
        personal.changed.connect(self._show)
        asking.changed.connect(self._show)
        self._show()

    def _half(self, text: str, side: str) -> QToolButton:
        half = _button(text)
        half.setCheckable(True)
        half.setProperty("half", side)
        half.setAccessibleName(f"{text} order")
        return half

    def _step(self, text: str, by: int, tip: str) -> QToolButton:
        button = _button(text)
        button.setFixedWidth(32)
        button.setToolTip(tip)
        button.setAccessibleName(tip.split(" (")[0])
        button.clicked.connect(lambda: self._candidates.step(by))
        return button

    def _lay_out(self) -> None:
        switch = QHBoxLayout()
        switch.setSpacing(0)
        switch.addWidget(self.general, 1)
        switch.addWidget(self.own, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(switch)
        layout.addWidget(self.facts)
        layout.addWidget(self.question)
        layout.addStretch()
        steps = QHBoxLayout()
        steps.setSpacing(8)
        steps.addWidget(self.earlier)
        steps.addWidget(self.place, 1)
        steps.addWidget(self.later)
        layout.addLayout(steps)
        layout.addWidget(self.back)
        layout.addWidget(self.none)

    def _show(self) -> None:
        candidates, values, taste = self._candidates, self._personal.values, self._personal.taste
        (self.own if values.personal_order else self.general).setChecked(True)
        sentence = taste.reward.sentence if taste is not None else ""
        self.general.setToolTip("By the reward model alone, the same for everybody.")
        self.own.setToolTip(
            sentence or f"By the reward model and what your answers as “{values.profile}” say."
        )
        self.facts.setText(self._words())
        is_asked = self._asking.question is not None
        self.question.setVisible(is_asked)
        self.facts.setVisible(not is_asked)
        has_cards = candidates.are_current and bool(candidates.ranked)
        self.back.setVisible(has_cards and bool(candidates.own_order))
        self.none.setVisible(has_cards)
        self.none.setChecked(candidates.none_fits)
        place, count = candidates.place, len(candidates.current_strips)
        for part in (self.earlier, self.place, self.later):
            part.setVisible(place > 0 and count > 1)
        self.place.setText(f"Set {place} of {count}")
        self.place.setToolTip(self._set_words())
        self.earlier.setEnabled(place > 1)
        self.later.setEnabled(place < count)

    def _set_words(self) -> str:
        """What tells one set of fills from another."""
        order = self._candidates.order
        if order is None:
            return ""
        first, last = order.seeds[0], order.seeds[-1]
        prompt = f", “{order.settings.prompt}”" if order.settings.prompt else ""
        return f"{order.model}, seeds {first}–{last}{prompt}"

    def _words(self) -> str:
        if self._candidates.own_order:
            return "In the order that you gave."
        if not self._personal.values.personal_order:
            return "By the reward alone."
        profile, taste = self._personal.values.profile, self._personal.taste
        if taste is None:
            return f"Profile “{profile}”."
        answers = taste.reward.answers
        if not answers:
            return f"“{profile}” has given no answers yet: as General."
        if taste.falls_back:
            return f"“{profile}”: as General for now."
        count = "1 answer" if answers == 1 else f"{answers} answers"
        return f"Learned from {count} of “{profile}”."


def _button(text: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
    button.setFixedHeight(28)
    return button
