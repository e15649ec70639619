"""The bar on top: the prompt, how many candidates, Generate."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.options import MOST_CANDIDATES, Options
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.parts import Choice, label, restyle
from prefpaint_gui.widgets.prompt_bar import PromptBar


class TopBar(QWidget):
    """While an order runs, Generate queues the next one and Cancel stands beside it.

    The photo's name gives way to the prompt where the model takes one.
    """

    generate_pressed = Signal()
    cancel_pressed = Signal()

    def __init__(
        self, document: Document, session: Session, options: Options, panel_action: QAction
    ) -> None:
        super().__init__()
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(57)
        self._document = document
        self._session = session
        self._options = options
        self.count = Choice("Number of candidates")
        self.count.setToolTip("How many candidates Generate makes")
        for count in range(1, MOST_CANDIDATES + 1):
            self.count.addItem("1 candidate" if count == 1 else f"{count} candidates", count)
        self.name = label(tone="muted")
        self.prompts = PromptBar(options)
        self.cancel = QPushButton("Cancel   Esc")
        self.cancel.setAccessibleName("Cancel")
        self.generate = QPushButton()
        self.generate.setObjectName("generate")
        self.panel = QToolButton()
        self.panel.setDefaultAction(panel_action)
        self.panel.setAccessibleName("Settings panel")
        self.panel.setObjectName("panelButton")
        self.panel.setFixedSize(34, 34)
        for control in (self.count, self.cancel, self.generate, self.panel):
            # A click leaves the focus where it was, so that Enter and the arrows go on working.
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        self.count.currentIndexChanged.connect(
            lambda: options.update(count=self.count.currentData())
        )
        self.generate.clicked.connect(self.generate_pressed)
        self.cancel.clicked.connect(self.cancel_pressed)
        self.prompts.entered.connect(self.generate_pressed)
        options.changed.connect(self._show_options)
        session.jobs.changed.connect(self._show_state)
        document.history_changed.connect(self._show_state)
        self._show_options()
        self._show_state()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self.name)
        layout.addWidget(self.prompts, 1)
        layout.addStretch()
        layout.addWidget(self.count)
        layout.addWidget(self.cancel)
        layout.addWidget(self.generate)
        layout.addWidget(self.panel)

    def _show_options(self) -> None:
        self.count.setCurrentIndex(self.count.findData(self._options.values.count))
        self.name.setVisible(not self._options.model.is_diffusion)

    def _show_state(self) -> None:
        busy = self._session.is_busy
        self.cancel.setVisible(busy)
        what = "Queue" if busy else "Generate"
        self.generate.setText(f"{what}   Ctrl+↵")
        self.generate.setToolTip(
            "Fill what is masked, after what runs now" if busy else "Fill what is masked"
        )
        self.generate.setAccessibleName(what)
        self.generate.setEnabled(self._document.is_open)
        if self.generate.property("busy") != busy:
            self.generate.setProperty("busy", busy)
            restyle(self.generate)
        path = self._document.path
        name = path.name if path else ("Untitled" if self._document.is_open else "")
        self.name.setText(name + (" •" if self._document.is_modified else ""))
        self.name.setToolTip(str(path) if path else "")
