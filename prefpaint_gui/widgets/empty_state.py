"""What lies on the canvas while no photo is open."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.theme import Colours, picture


class EmptyState(QWidget):
    """An invitation, with the two ways to begin as buttons."""

    def __init__(self, open_action: QAction, sample_action: QAction) -> None:
        super().__init__()
        self.setObjectName("empty")
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = label("Drop a photo here", "title")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text = label("Paint over what should go; the fills come back best first.", "muted")
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = QPushButton("Open a photo…")
        self.open.setProperty("kind", "primary")
        self.open.clicked.connect(open_action.trigger)
        self.sample = QPushButton("Try the sample")
        self.sample.clicked.connect(sample_action.trigger)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.open)
        buttons.addWidget(self.sample)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch()
        layout.addWidget(self._picture)
        layout.addWidget(title)
        layout.addWidget(text)
        layout.addSpacing(16)
        layout.addLayout(buttons)
        layout.addStretch()

    def set_colours(self, colours: Colours) -> None:
        self._picture.setPixmap(picture("photo", colours.faint, 56))
