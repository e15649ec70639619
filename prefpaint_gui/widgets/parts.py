"""Small parts that several widgets are made of."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from prefpaint_gui.widgets.theme import ICON_SIZE


def label(text: str = "", tone: str = "", parent: QWidget | None = None) -> QLabel:
    """A label in one of the style sheet's tones, with digits of one width."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("tone", tone)
    font = made.font()
    font.setFeature(QFont.Tag("tnum"), 1)  # so that numbers do not jump while they change
    made.setFont(font)
    return made


class ElidedLabel(QLabel):
    """One line of which a part gives way where there is not enough room; its tip is the whole."""

    def __init__(
        self, whole: str, tone: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle
    ) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("tone", tone)
        self._mode = mode
        self.set_whole(whole)

    def set_whole(self, text: str) -> None:
        self.setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, box = QPainter(self), self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), self._mode, box.width())
        align = self.style().visualAlignment(self.layoutDirection(), self.alignment())
        self.style().drawItemText(
            painter, box, align, self.palette(), self.isEnabled(), shown, self.foregroundRole()
        )


def icon_button(name: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """A button that shows only an icon; its name is what screen readers say."""
    button = QToolButton()
    button.setCheckable(checkable)
    button.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
    button.setAccessibleName(name)
    button.setToolTip(tip)
    return button


def restyle(widget: QWidget) -> None:
    """Make the style sheet look at the widget's properties again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Choice(QComboBox):
    """A list to choose from, with our own arrow: a style sheet cannot colour one.

    is_elastic: take the room there is, however long the entries.
    """

    def __init__(self, name: str, *, is_elastic: bool = False) -> None:
        super().__init__()
        self.setAccessibleName(name)
        if is_elastic:
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            self.setSizeAdjustPolicy(policy)
            self.setMinimumContentsLength(6)
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        complex_control = QStyle.ComplexControl.CC_ComboBox
        painter.drawComplexControl(complex_control, option)
        text = self.style().subControlRect(
            complex_control, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, text.width()
        )
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 1.5))
        x, y = self.width() - 16.0, self.height() / 2
        painter.drawPolyline([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)])
