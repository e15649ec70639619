"""Dragging a card to another place on the strip."""

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QWidget

from prefpaint_gui.widgets.candidate_card import CARD_SIZE, CandidateCard

GAP = 12
MARGIN = 12
LINE_WIDTH = 4
SCROLL_MARGIN = 40
"""How near to the edge the pointer makes the strip scroll."""


def place_of(index: int) -> QPoint:
    """Where the card with that number lies in its row; 0 is the leftmost."""
    return QPoint(MARGIN + index * (CARD_SIZE.width() + GAP), MARGIN)


class StripDrag(QObject):
    """Moves the card with the pointer, and draws a line where it would be put."""

    dropped = Signal(int, int)
    """Carries the seed and the new place, 0 the leftmost."""
    ended = Signal()
    """Dropped or not: the card goes to its place."""

    def __init__(self, row: QWidget, area: QScrollArea) -> None:
        super().__init__(row)
        self._row = row
        self._area = area
        self.card: CandidateCard | None = None
        """The one under way."""
        self._start = self._target = 0
        self._count = 0
        self._grip = 0
        self.line = QFrame(row)
        self.line.setObjectName("dropLine")
        self.line.setFixedSize(LINE_WIDTH, CARD_SIZE.height())
        self.line.hide()

    def begin(self, card: CandidateCard, index: int, count: int, pointer: QPoint) -> None:
        """Take up the card at place `index` of `count` at a point of the screen."""
        self.card, self._start, self._target, self._count = card, index, index, count
        self._grip = self._row.mapFromGlobal(pointer).x() - place_of(index).x()
        card.raise_()
        self._application().installEventFilter(self)

    def move(self, pointer: QPoint) -> None:
        """Follow the pointer, a point of the screen."""
        if self.card is None:
            return
        x = self._row.mapFromGlobal(pointer).x()
        self._area.ensureVisible(x, 0, SCROLL_MARGIN, 0)
        last = place_of(self._count - 1).x()
        left = min(max(x - self._grip, place_of(0).x() - GAP), last + GAP)
        self.card.move(left, MARGIN)
        step = CARD_SIZE.width() + GAP
        self._target = min(max(round((left - MARGIN) / step), 0), self._count - 1)
        after = self._target > self._start
        self.line.move(place_of(self._target + after).x() - (GAP + LINE_WIDTH) // 2, MARGIN)
        self.line.setVisible(self._target != self._start)
        self.line.raise_()

    def drop(self) -> None:
        """Let go of the card where it is."""
        card, target = self._end()
        if card is not None:
            if target != self._start:
                self.dropped.emit(card.seed, target)
            self.ended.emit()

    def cancel(self) -> None:
        """The card goes back to where it was."""
        card, _ = self._end()
        if card is not None:
            card.forget_press()
            self.ended.emit()

    def _end(self) -> tuple[CandidateCard | None, int]:
        card, self.card = self.card, None
        self._application().removeEventFilter(self)
        self.line.hide()
        return card, self._target

    @staticmethod
    def _application() -> QApplication:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        return application

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if not isinstance(event, QKeyEvent) or event.type() not in kinds:
            return False
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.cancel()
            return True
        return False
