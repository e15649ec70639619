"""One picture on the rating screen, with its three scales or its reasons."""

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from prefpaint_gui.state.pyramid import Pyramid
from prefpaint_gui.state.rating_marks import REASONS, SHORT_CRITERIA, Marks
from prefpaint_gui.widgets.canvas_paint import draw_picture
from prefpaint_gui.widgets.parts import ElidedLabel, label, restyle
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.viewport import centred
from training.preferences.agreement import CRITERIA, HIGHEST, LOWEST

MARGIN = 8
ROW_HEIGHT = 30
FOOT_HEIGHT = 3 * ROW_HEIGHT + 24 + 2 * MARGIN
"""Of a tile, below its picture."""


class PictureView(QWidget):
    """A whole picture, as large as it fits. has_ground: nothing shows through beside it."""

    def __init__(self, colours: Colours, *, has_ground: bool = False) -> None:
        super().__init__()
        self._has_ground = has_ground
        self._colours = colours
        self.pyramid: Pyramid | None = None

    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self.update()

    def show_picture(self, pyramid: Pyramid | None) -> None:
        """None while it is being read."""
        if pyramid is not self.pyramid:
            self.pyramid = pyramid
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._has_ground:
            painter.fillRect(self.rect(), QColor(self._colours.canvas))
        if self.pyramid is None:
            painter.fillRect(self.rect(), QColor(self._colours.raised))
            return
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        room = (self.width() * ratio, self.height() * ratio)
        height, width = self.pyramid.levels[0].shape[:2]
        scale = min(room[0] / width, room[1] / height)
        draw_picture(painter, centred((width, height), room, scale), self.pyramid, 0, 0)


class ScaleRow(QWidget):
    """One criterion: its name and the values from 1 to 7."""

    chosen = Signal(int)

    def __init__(self, criterion: int, colours: Colours) -> None:
        super().__init__()
        self._name = SHORT_CRITERIA[criterion]
        self._criterion = CRITERIA[criterion].capitalize()
        self._colours = colours
        self.value: int | None = None
        self.is_current = False
        self.setFixedHeight(ROW_HEIGHT)
        self.setToolTip(f"{self._criterion}: {LOWEST} is the worst, {HIGHEST} the best")

    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self.update()

    def show_value(self, value: int | None, is_current: bool) -> None:
        if (value, is_current) != (self.value, self.is_current):
            self.value, self.is_current = value, is_current
            self.update()
        self.setAccessibleName(f"{self._criterion}: {value or 'no value yet'}")

    def box_of(self, value: int) -> QRect:
        """Where a value lies."""
        left = 72
        step = min(40.0, (self.width() - left) / (HIGHEST - LOWEST + 1))
        return QRectF(left + (value - LOWEST) * step, 2, step - 4, ROW_HEIGHT - 4).toRect()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for value in range(LOWEST, HIGHEST + 1):
            if self.box_of(value).contains(event.position().toPoint()):
                self.chosen.emit(value)

    def paintEvent(self, _event: QPaintEvent) -> None:
        colours, painter = self._colours, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(colours.text if self.is_current else colours.muted))
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRect(0, 0, 72, ROW_HEIGHT), middle, self._name)
        for value in range(LOWEST, HIGHEST + 1):
            is_chosen = value == self.value
            line = colours.accent if self.is_current or is_chosen else colours.line
            painter.setPen(QPen(QColor(line), 1))
            painter.setBrush(QColor(colours.accent if is_chosen else colours.raised))
            path = QPainterPath()
            box = self.box_of(value)
            path.addRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
            painter.drawPath(path)
            text = colours.muted if self.is_current else colours.faint
            painter.setPen(QColor(colours.on_accent if is_chosen else text))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(value))


class RatingTile(QFrame):
    """A reconstruction at its position on screen, from 0."""

    picked = Signal(int, int)
    """Carries position and criterion."""
    valued = Signal(int, int, int)
    """Carries position, criterion and value."""

    def __init__(self, position: int, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self.position = position
        self.setObjectName("ratingTile")
        self.picture = PictureView(colours)
        self.badge = label(str(position + 1), parent=self.picture)
        self.badge.setObjectName("badge")
        self.badge.move(8, 8)
        self.rows = [ScaleRow(criterion, colours) for criterion in range(len(CRITERIA))]
        for criterion, row in enumerate(self.rows):
            row.chosen.connect(
                lambda value, criterion=criterion: self.valued.emit(position, criterion, value)
            )
        self.reasons = [label(f"{number}  {word}") for number, word in enumerate(REASONS, 1)]
        self.ticked = ElidedLabel("", "small", Qt.TextElideMode.ElideRight)
        self._foot = QStackedWidget()
        self._lay_out()

    def _lay_out(self) -> None:
        scales, choices = QWidget(), QWidget()
        column = QVBoxLayout(scales)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for row in self.rows:
            column.addWidget(row)
        grid = QGridLayout(choices)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for number, reason in enumerate(self.reasons):
            reason.setObjectName("reason")
            grid.addWidget(reason, number // 2, number % 2)
        self._foot.addWidget(scales)
        self._foot.addWidget(choices)
        self._foot.setFixedHeight(3 * ROW_HEIGHT)
        self.ticked.setFixedHeight(24)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(0)
        layout.addWidget(self.picture, 1)
        layout.addSpacing(MARGIN)
        layout.addWidget(self._foot)
        layout.addWidget(self.ticked)

    def set_colours(self, colours: Colours) -> None:
        self.picture.set_colours(colours)
        for row in self.rows:
            row.set_colours(colours)

    def show_marks(self, marks: Marks, pyramid: Pyramid | None, is_giving_reasons: bool) -> None:
        """Show the picture, None while it is read, with what is said of it."""
        is_current = marks.cell[0] == self.position
        ticked = marks.reasons[self.position]
        self.picture.show_picture(pyramid)
        for criterion, row in enumerate(self.rows):
            value = marks.values[self.position][criterion]
            row.show_value(value, marks.cell == (self.position, criterion))
        self._foot.setCurrentIndex(1 if is_current and is_giving_reasons else 0)
        for reason, word in zip(self.reasons, REASONS, strict=True):
            if reason.property("ticked") != (word in ticked):
                reason.setProperty("ticked", word in ticked)
                restyle(reason)
        self.ticked.set_whole(", ".join(word for word in REASONS if word in ticked))
        if self.property("chosen") != is_current:
            self.setProperty("chosen", is_current)
            restyle(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(self.position, 0)
