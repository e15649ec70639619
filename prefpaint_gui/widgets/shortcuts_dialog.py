"""The list of keys."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.widgets.actions import HELD_KEYS, MENUS, Actions
from prefpaint_gui.widgets.parts import label


class ShortcutsDialog(QDialog):
    """Two columns of keys, menu by menu."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        columns = QHBoxLayout()
        columns.setSpacing(48)
        titles = [title for title in MENUS if title != "&Help" and _keys(actions, title)]
        for part, width in ((titles[:3], 96), (titles[3:], 200)):
            column = QVBoxLayout()
            column.setSpacing(8)
            for title in part:
                column.addWidget(label(title.replace("&", "").upper(), "heading"))
                column.addLayout(_table(_keys(actions, title), width))
                column.addSpacing(8)
            if part == titles[3:]:
                column.addWidget(label("ON THE CANVAS", "heading"))
                column.addLayout(_table(HELD_KEYS, width))
            column.addStretch()
            columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(columns)
        layout.addWidget(buttons)


def _keys(actions: Actions, title: str) -> list[tuple[str, str]]:
    rows = []
    for entry in MENUS[title]:
        if entry is not None and entry[2]:
            keys = actions[entry[0]].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            keys = keys.replace("Return", "Enter")
            rows.append((keys, entry[1].replace("&", "").replace("…", "")))
    return rows


def _table(rows: list[tuple[str, str]], key_width: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, key_width)
    for row, (keys, text) in enumerate(rows):
        grid.addWidget(label(keys, "muted"), row, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(label(text), row, 1)
    return grid
