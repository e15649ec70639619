"""The LoRA files that change the model, one below the other."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from prefpaint_gui.state.options import Options
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.fields import LABEL_WIDTH
from prefpaint_gui.widgets.parts import ElidedLabel, label
from training.inpainting.checkpoint_files import is_peft_adapter


class LoraList(QWidget):
    """Bound to the options. What is wrong with a file is said when it is used."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options
        self._shown: tuple[Path, ...] = ()
        self.add = QPushButton("Add file…")
        self.add.setAccessibleName("Add a LoRA file")
        self.add.setToolTip("Change the model by a .safetensors file made for its family")
        self.add.clicked.connect(self._add)
        self.removes: list[QToolButton] = []
        """From top to bottom."""
        name = label("LoRA")
        name.setMinimumWidth(LABEL_WIDTH)
        name.setBuddy(self.add)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(name)
        head.addWidget(self.add, 1)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addLayout(self._rows)

    def show_values(self) -> None:
        """Follow what was set elsewhere."""
        loras = self._options.values.settings.loras
        if loras == self._shown:
            return
        self._shown = loras
        while (item := self._rows.takeAt(0)) is not None:
            row = item.widget()
            if row is not None:
                row.hide()
                row.deleteLater()
        self.removes = []
        for path in loras:
            self._rows.addWidget(self._row(path))

    def _row(self, path: Path) -> QWidget:
        title = path.parent.name if is_peft_adapter(path) else path.name
        row, name, remove = QWidget(), ElidedLabel(title, "small"), QToolButton()
        name.setToolTip(str(path))
        remove.setText("✕")
        remove.setFixedSize(28, 28)
        remove.setAccessibleName(f"Leave out {title}")
        remove.setToolTip("Leave it out; the file stays")
        remove.clicked.connect(lambda: self._set(p for p in self._shown if p != path))
        self.removes.append(remove)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(name, 1)
        layout.addWidget(remove)
        return row

    def _add(self) -> None:
        path = file_dialogs.ask_lora(self)
        if path is not None:
            self._set(dict.fromkeys((*self._shown, path)))

    def _set(self, loras: Iterable[Path]) -> None:
        self._options.update_settings(loras=tuple(loras))
