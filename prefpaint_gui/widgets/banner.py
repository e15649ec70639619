"""Errors, quietly above the canvas."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from prefpaint_gui.widgets.parts import icon_button, label
from prefpaint_gui.widgets.theme import Colours, icon


class Banner(QWidget):
    """One sentence until it is dismissed or something succeeds."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.text = label()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.dismiss = icon_button("Dismiss", "Dismiss")
        self.dismiss.setFixedSize(28, 28)
        self.dismiss.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(self.text)
        layout.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def set_colours(self, colours: Colours) -> None:
        self.dismiss.setIcon(icon("close", colours.text))

    def show_error(self, sentence: str) -> None:
        self.text.setText(sentence)
        self.setAccessibleName(f"Error: {sentence}")
        self.show()
        self._take_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._take_height()

    def _take_height(self) -> None:
        # A wrapped label tells its height only for a width, which box layouts do not pass up.
        layout = self.layout()
        assert layout is not None
        self.setFixedHeight(max(40, layout.heightForWidth(self.width())))
