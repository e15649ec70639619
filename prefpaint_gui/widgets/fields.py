"""Numbers to be set: fields, sliders, and the rows that they stand in."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QWidget,
)

FIELD_WIDTH = 80
LABEL_WIDTH = 64
OWN_KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Tab,
    Qt.Key.Key_BracketLeft,
    Qt.Key.Key_BracketRight,
)
"""What a field keeps for itself although the window has a use for it."""


class NumberField(QSpinBox):
    """A whole number without arrows."""

    def __init__(self, name: str, lowest: int, highest: int, suffix: str = "") -> None:
        super().__init__()
        self.setRange(lowest, highest)
        self.setSuffix(suffix)
        _dress(self, name)

    def event(self, event: QEvent) -> bool:
        return _keeps(event) or super().event(event)


class DecimalField(QDoubleSpinBox):
    """A number with decimals, without arrows."""

    def __init__(self, name: str, lowest: float, highest: float, step: float) -> None:
        super().__init__()
        self.setDecimals(1 if step >= 0.1 else 2)
        self.setRange(lowest, highest)
        self.setSingleStep(step)
        _dress(self, name)

    def event(self, event: QEvent) -> bool:
        return _keeps(event) or super().event(event)


def _dress(field: QSpinBox | QDoubleSpinBox, name: str) -> None:
    field.setAccessibleName(name)
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    field.setKeyboardTracking(False)
    field.setFixedWidth(FIELD_WIDTH)
    field.lineEdit().setTextMargins(0, 0, 6, 0)


def _keeps(event: QEvent) -> bool:
    """Whether this asks if a key is a shortcut that the field wants for itself; accepts it."""
    keeps = (
        isinstance(event, QKeyEvent)
        and event.type() == QEvent.Type.ShortcutOverride
        and event.key() in OWN_KEYS
        and event.modifiers() == Qt.KeyboardModifier.NoModifier
    )
    if keeps:
        event.accept()
    return keeps


def slider(name: str, highest: int, lowest: int = 0) -> QSlider:
    """A horizontal slider over whole numbers."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(lowest, highest)
    made.setAccessibleName(name)
    return made


def rows(entries: list[tuple[str, QSlider | None, QWidget]]) -> QGridLayout:
    """A row for each entry: its name, its slider, its field; or its name and a wider control."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(8)
    grid.setColumnStretch(1, 1)
    for row, (name, track, control) in enumerate(entries):
        text = QLabel(name)
        text.setBuddy(control)
        text.setMinimumWidth(LABEL_WIDTH)
        grid.addWidget(text, row, 0)
        if track is not None:
            grid.addWidget(track, row, 1)
        if isinstance(control, QAbstractSpinBox):
            grid.addWidget(control, row, 2, Qt.AlignmentFlag.AlignRight)
        else:
            grid.addWidget(control, row, 1, 1, 2)
    return grid


def set_row_visible(grid: QGridLayout, row: int, visible: bool) -> None:
    """Show or hide all that stands in a row."""
    for column in range(grid.columnCount()):
        item = grid.itemAtPosition(row, column)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.setVisible(visible)
