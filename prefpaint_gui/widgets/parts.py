"""Small parts that several widgets are made of."""

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QComboBox, QLabel, QSpinBox, QToolButton, QWidget

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
    """A list to choose from, with our own arrow: a style sheet cannot colour one."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 1.5))
        x, y = self.width() - 16.0, self.height() / 2
        painter.drawPolyline([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)])


class NumberField(QSpinBox):
    """A number without arrows, which keeps the keys that the window also has a use for."""

    OWN_KEYS = (
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Tab,
        Qt.Key.Key_BracketLeft,
        Qt.Key.Key_BracketRight,
    )

    def __init__(self, name: str, lowest: int, highest: int, suffix: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setRange(lowest, highest)
        self.setSuffix(suffix)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setKeyboardTracking(False)
        self.setFixedWidth(80)
        self.lineEdit().setTextMargins(0, 0, 6, 0)

    def event(self, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in self.OWN_KEYS
            and event.modifiers() == Qt.KeyboardModifier.NoModifier
        ):
            event.accept()
            return True
        return super().event(event)
