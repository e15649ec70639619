"""The models one below the other: what each is, where it lies, and how it stands."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.widgets.model_words import RowWords
from prefpaint_gui.widgets.parts import ElidedLabel, label

NAME = Qt.ItemDataRole.UserRole


class ModelList(QListWidget):
    """Rows that are told apart by the names of their models."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("modelList")
        self.setAccessibleName("Models")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setSpacing(2)

    @property
    def name(self) -> str | None:
        """Of the selected model."""
        item = self.currentItem()
        return item.data(NAME) if item is not None else None

    @property
    def names(self) -> list[str]:
        """From top to bottom."""
        return [self.item(row).data(NAME) for row in range(self.count())]

    def words(self, name: str) -> RowWords:
        """What the row of a model says."""
        row = self.itemWidget(self.item(self.names.index(name)))
        assert isinstance(row, _Row)
        return row.words

    def show_rows(self, rows: Sequence[tuple[str, RowWords]], selected: str | None) -> None:
        """Show other rows. selected: which is chosen; the first where there is no such model."""
        was_blocked = self.blockSignals(True)
        self.clear()
        for name, words in rows:
            row = _Row(words)
            item = QListWidgetItem(self)
            item.setData(NAME, name)
            spoken = ", ".join((words.title, words.state, words.facts, words.place))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setToolTip(words.place)
            self.setItemWidget(item, row)
            for part in row.findChildren(QLabel):
                part.ensurePolished()  # the style sheet's fonts are taller than the default one
            item.setSizeHint(QSize(0, row.sizeHint().height() + 2))  # and the item's border
        self.select(selected)
        self.blockSignals(was_blocked)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.currentItem() is not None:  # what is asked about should stay in sight
            self.scrollToItem(self.currentItem())

    def select(self, name: str | None) -> None:
        """Choose a model's row, the first one if there is none of that name."""
        names = self.names
        self.setCurrentRow(names.index(name) if name in names else 0)


class _Row(QWidget):
    def __init__(self, words: RowWords) -> None:
        super().__init__()
        self.words = words
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        title = ElidedLabel(words.title, "name", Qt.TextElideMode.ElideRight)
        state = label(words.state, "good" if words.state in ("Ready", "In use") else "small")
        first = QHBoxLayout()
        first.setSpacing(16)
        first.addWidget(title, 1)
        first.addWidget(state)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(3)
        layout.addLayout(first)
        layout.addWidget(ElidedLabel(words.facts, "small", Qt.TextElideMode.ElideRight))
        layout.addWidget(ElidedLabel(words.place, "small"))
