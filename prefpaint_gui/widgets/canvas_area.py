"""The canvas with what lies on it: the invitation while it is empty, and the hints."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.regions import Regions
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.actions import Actions
from prefpaint_gui.widgets.canvas import Canvas
from prefpaint_gui.widgets.empty_state import EmptyState
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.theme import Colours

HINT_MARGIN = 16


class CanvasArea(QWidget):
    """Lays everything over the canvas, which fills it."""

    def __init__(
        self,
        document: Document,
        candidates: Candidates,
        regions: Regions,
        options: Options,
        session: Session,
        actions: Actions,
    ) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._session = session
        self.canvas = Canvas(document, candidates, regions, options)
        self.canvas.setParent(self)
        self.empty = EmptyState(actions["open"], actions["sample"])
        self.empty.setParent(self)
        self.state_hint = self._hint()
        self.keys_hint = self._hint()
        self.setMinimumSize(self.canvas.minimumSize())
        document.replaced.connect(self._show_hints)
        document.pixels_changed.connect(self._show_hints)
        candidates.changed.connect(self._show_hints)
        candidates.shown_changed.connect(self._show_hints)
        session.jobs.changed.connect(self._show_hints)
        self.canvas.comparing_changed.connect(self._show_hints)
        self._show_hints()

    def set_colours(self, colours: Colours) -> None:
        self.canvas.set_colours(colours)
        self.empty.set_colours(colours)

    def _hint(self) -> QLabel:
        hint = label(parent=self)
        hint.setObjectName("hint")
        hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        return hint

    def _show_hints(self) -> None:
        self.empty.setVisible(not self._document.is_open)
        shown = self._candidates.shown
        preview = self._candidates.shown_preview
        self.state_hint.setVisible(shown is not None or preview is not None)
        self.keys_hint.setVisible(shown is not None and not self.canvas.is_comparing)
        if preview is not None:
            self.state_hint.setText(f"Preview of seed {preview.seed}")
        if shown is not None:
            rank, count = self._candidates.rank(shown.seed), len(self._candidates.ranked)
            if self.canvas.is_comparing:
                self.state_hint.setText("The photo as it was")
            else:
                what = "Draft" if shown.is_draft else "Candidate"
                self.state_hint.setText(f"{what} {rank} in place  ·  hold \\ for the original")
            numbers = f"1–{count} show    " if count > 1 else ""
            escape = "cancel" if self._session.is_busy else "hide"
            self.keys_hint.setText(f"↵ accept    {numbers}↑ ↓ thumbs    Esc {escape}")
        self._place_hints()

    def _place_hints(self) -> None:
        self.state_hint.adjustSize()
        self.keys_hint.adjustSize()
        self.state_hint.move(HINT_MARGIN, HINT_MARGIN)
        corner = QPoint(self.width() - HINT_MARGIN, self.height() - HINT_MARGIN)
        self.keys_hint.move(corner - QPoint(self.keys_hint.width(), self.keys_hint.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.canvas.setGeometry(self.rect())
        self.empty.setGeometry(self.rect())
        self._place_hints()
