"""What the fill should show, and what it should not."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from prefpaint_gui.state.options import Options


class PromptBar(QWidget):
    """Both may stay empty. Enter generates, Esc goes back to the canvas."""

    entered = Signal()
    left = Signal()

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.setObjectName("promptBar")
        self._options = options
        self.prompt = _Line("Prompt", "Describe the fill, or leave empty to continue the photo")
        self.negative = _Line("Negative prompt", "What to avoid")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.prompt, 5)
        layout.addWidget(self.negative, 2)
        for line in (self.prompt, self.negative):
            line.returnPressed.connect(self.entered)
            line.escaped.connect(self.left)
        self.prompt.textEdited.connect(lambda text: options.update_settings(prompt=text))
        self.negative.textEdited.connect(lambda text: options.update_settings(negative_prompt=text))
        options.changed.connect(self._show_values)
        self._show_values()

    def _show_values(self) -> None:
        self.setVisible(self._options.model.is_diffusion)
        settings = self._options.values.settings
        for line, text in (
            (self.prompt, settings.prompt),
            (self.negative, settings.negative_prompt),
        ):
            if line.text() != text:  # setting it would throw away the cursor and what can be undone
                line.setText(text)


class _Line(QLineEdit):
    """A line that Esc leaves instead of cancelling what runs."""

    escaped = Signal()

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setToolTip(name)
        self.setMinimumWidth(72)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.escaped.emit()
                return True
        return super().event(event)
