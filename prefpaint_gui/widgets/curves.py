"""Small charts of how a training goes."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from prefpaint_gui.widgets.theme import Colours

LEFT, TOP, RIGHT, BOTTOM = 48, 32, 12, 24


class Curve(QWidget):
    """One line over the steps, with its title and last value above it.

    is_share: values are 0-1, drawn on that scale as percentages, with a mark at one half, which
    guessing reaches.
    """

    def __init__(self, title: str, *, is_share: bool = False) -> None:
        super().__init__()
        self._title = title
        self._is_share = is_share
        self._points: tuple[tuple[int, float], ...] = ()
        self._steps = 1
        self._colours = Colours()
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self.update()

    def show_points(self, points: Sequence[tuple[int, float]], steps: int) -> None:
        """points: (step, value), steps ascending. steps: where the axis ends."""
        self._points = tuple(point for point in points if math.isfinite(point[1]))
        self._steps = max([steps, 1, *(step for step, _ in self._points)])
        last = self._words(self._points[-1][1]) if self._points else "nothing measured yet"
        self.setAccessibleDescription(f"{self._title}: {last}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, 168)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 136)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, colours = QPainter(self), self._colours
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.pressed))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        plot = QRectF(self.rect()).adjusted(LEFT, TOP, -RIGHT, -BOTTOM)
        self._draw_head(painter)
        highest = 1.0 if self._is_share else self._highest()
        self._draw_axes(painter, plot, highest)
        if self._points:
            self._draw_line(painter, plot, highest)
        painter.end()

    def _draw_head(self, painter: QPainter) -> None:
        head = self.rect().adjusted(12, 8, -RIGHT, 0)
        painter.setPen(QColor(self._colours.muted))
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self._title)
        if self._points:
            font = QFont(painter.font())
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(QColor(self._colours.text))
            painter.drawText(head, Qt.AlignmentFlag.AlignRight, self._words(self._points[-1][1]))

    def _draw_axes(self, painter: QPainter, plot: QRectF, highest: float) -> None:
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        for share in (0.0, 0.5, 1.0):
            y = plot.bottom() - share * plot.height()
            painter.setPen(QPen(QColor(self._colours.line), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(self._colours.faint))
            box = QRectF(0, y - 8, LEFT - 8, 16)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, self._words(share * highest, short=True))
        foot = QRectF(plot.left(), plot.bottom() + 4, plot.width(), 16)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft, "0")
        if self._points:
            painter.drawText(foot, Qt.AlignmentFlag.AlignRight, f"step {self._steps}")

    def _draw_line(self, painter: QPainter, plot: QRectF, highest: float) -> None:
        places = [
            QPointF(
                plot.left() + step / self._steps * plot.width(),
                plot.bottom() - value / highest * plot.height(),
            )
            for step, value in self._points
        ]
        painter.setPen(QPen(QColor(self._colours.accent), 2))
        painter.drawPolyline(places)
        painter.setBrush(QColor(self._colours.accent))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(places[-1], 3.5, 3.5)

    def _highest(self) -> float:
        """A round figure above all values."""
        top = max([value for _, value in self._points], default=1.0)
        for step in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0):
            if top <= step:
                return step
        return math.ceil(top / 10) * 10.0

    def _words(self, value: float, *, short: bool = False) -> str:
        if self._is_share:
            return f"{value:.0%}".replace("%", " %")
        return f"{value:.3g}" if short else f"{value:.3f}"
