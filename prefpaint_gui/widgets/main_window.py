"""The window: where everything lies, and what menus and keys do."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal, SignalInstance
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QVBoxLayout, QWidget

from prefpaint_gui.state.asking import Asking
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.exchange import Exchange
from prefpaint_gui.state.library import Library
from prefpaint_gui.state.options import Options, Tool
from prefpaint_gui.state.personal import Personal
from prefpaint_gui.state.regions import Regions
from prefpaint_gui.state.session import Session
from prefpaint_gui.state.training import Training
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.actions import MENUS, WORKSPACE_ONLY, make_actions
from prefpaint_gui.widgets.banner import Banner
from prefpaint_gui.widgets.candidate_strip import CandidateStrip
from prefpaint_gui.widgets.canvas_area import CanvasArea
from prefpaint_gui.widgets.dialogs import Dialogs
from prefpaint_gui.widgets.file_actions import FileActions
from prefpaint_gui.widgets.profile_menu import ProfileMenu
from prefpaint_gui.widgets.side_panel import SidePanel
from prefpaint_gui.widgets.status_line import StatusLine
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.tool_bar import ToolBar
from prefpaint_gui.widgets.top_bar import TopBar


class MainWindow(QMainWindow):
    """Binds the widgets to the state; knows no worker and no file."""

    closed = Signal()
    activated = Signal()
    """The person has come to this window."""
    sample_wanted = Signal()
    theme_wanted = Signal(str)
    device_wanted = Signal(str)
    """Carries a DeviceName."""
    rating_wanted = Signal(object)
    """Carries the Path of a folder of prompts."""

    def __init__(
        self,
        document: Document,
        candidates: Candidates,
        regions: Regions,
        options: Options,
        session: Session,
        library: Library,
        personal: Personal,
        asking: Asking,
        training: Training,
        exchange: Exchange,
    ) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._options = options
        self._session = session
        self._library = library
        self._personal = personal
        self._training = training
        self._exchange = exchange
        self.commands = make_actions(self)
        self.files = FileActions(document, self)
        self.top_bar = TopBar(document, session, options, self.commands["panel"])
        self.banner = Banner()
        self.area = CanvasArea(document, candidates, regions, options, session, self.commands)
        self.canvas = self.area.canvas
        self.strip = CandidateStrip(document, candidates, session, personal, asking)
        self.panel = SidePanel(options, session, self.commands["models"])
        self.status = StatusLine(document, session, candidates, options, exchange)
        self.dialogs = Dialogs(self, self.banner, library, options, training, exchange)
        self.setAcceptDrops(True)
        self.setMinimumSize(760, 560)
        self._lay_out()
        self._fill_menus()
        self._connect_actions()
        self._connect_state()
        self._show_state()
        self.canvas.setFocus()

    def set_colours(self, colours: Colours) -> None:
        """Hand the colours to what does not take them from the style sheet."""
        for part in (self.commands, self.area, self.banner, self.strip, self.dialogs):
            part.set_colours(colours)

    def _lay_out(self) -> None:
        names = ["brush", "eraser", "rectangle", "", "invert", "clear", "", "fit", "actual"]
        tools = ToolBar([self.commands[name] if name else None for name in names])
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.banner)
        middle.addWidget(self.area, 1)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(tools)
        body.addLayout(middle, 1)
        body.addWidget(self.panel)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.top_bar)
        layout.addLayout(body, 1)
        layout.addWidget(self.strip)
        layout.addWidget(self.status)
        self.setCentralWidget(content)

    def _fill_menus(self) -> None:
        for title, entries in MENUS.items():
            menu = self.menuBar().addMenu(title)
            for entry in entries:
                if entry is None:
                    menu.addSeparator()
                else:
                    menu.addAction(self.commands[entry[0]])
            if title == "&View":
                self._add_choices(menu, "&Theme", self.commands.themes, self.theme_wanted)
            if title == "Ca&ndidates":
                self._add_choices(menu, "De&vice", self.commands.devices, self.device_wanted)
            if title == "&Preferences":
                menu.addMenu(ProfileMenu(self._personal, self))
        for widget in (self.canvas, self.strip):
            for name in sorted(WORKSPACE_ONLY):
                widget.addAction(self.commands[name])
        self.addActions(self.commands.ranks)

    def _add_choices(
        self, menu: QMenu, title: str, actions: dict[str, QAction], wanted: SignalInstance
    ) -> None:
        choices = QMenu(title, menu)
        choices.addActions(list(actions.values()))
        menu.addMenu(choices)
        for name, action in actions.items():
            action.triggered.connect(lambda _=False, name=name: wanted.emit(name))

    def _connect_actions(self) -> None:
        document, options, canvas = self._document, self._options, self.canvas
        answers, personal = self._session.answers, self._personal
        doings: dict[str, Callable[[], object]] = {
            "open": self.files.open,
            "sample": self.sample_wanted.emit,
            "paste": self.files.paste,
            "save": self.files.save,
            "save_as": self.files.save_as,
            "models": lambda: self.dialogs.models.present(),
            "export": lambda: self.dialogs.export.present(),
            "import": self._import,
            "rate": self._rate,
            "train": lambda: self.dialogs.train.present(),
            "quit": self.close,
            "undo": document.undo,
            "redo": document.redo,
            "swap": options.swap_brush_and_eraser,
            "smaller": options.shrink_brush,
            "larger": options.grow_brush,
            "invert": document.invert_mask,
            "clear": document.clear_mask,
            "generate": self._session.generate,
            "cancel": self._cancel,
            "cancel_all": self._session.jobs.cancel_all,
            "accept": self._session.accept,
            "thumb_up": lambda: answers.thumb_shown("up"),
            "thumb_down": lambda: answers.thumb_shown("down"),
            "move_left": lambda: answers.move_shown(-1),
            "move_right": lambda: answers.move_shown(1),
            "model_order": answers.drop_order,
            "none_fits": answers.toggle_none,
            "earlier": lambda: self._candidates.step(-1),
            "later": lambda: self._candidates.step(1),
            "use_settings": self._session.use_settings_shown,
            "fit": canvas.fit,
            "actual": canvas.show_actual_size,
            "zoom_in": lambda: canvas.zoom_about_centre(1.25),
            "zoom_out": lambda: canvas.zoom_about_centre(0.8),
            "shortcuts": self._show_shortcuts,
        }
        for tool in Tool:
            doings[tool.value] = partial(options.update, tool=tool)
        for name, do in doings.items():
            # Through a lambda, because `triggered` hands over whether the action is checked.
            self.commands[name].triggered.connect(lambda _checked=False, do=do: do())
        for rank, action in enumerate(self.commands.ranks, 1):
            action.triggered.connect(lambda _=False, rank=rank: self._candidates.select_rank(rank))
        self.commands["panel"].toggled.connect(self.panel.setVisible)
        self.commands["regions"].toggled.connect(lambda on: options.update(show_regions=on))
        for name in ("personal_order", "asks", "keeps_photos"):
            self.commands[name].toggled.connect(lambda on, name=name: personal.update(**{name: on}))
        self.top_bar.generate_pressed.connect(self._session.generate)
        self.top_bar.cancel_pressed.connect(self._cancel)
        self.top_bar.prompts.left.connect(canvas.setFocus)

    def _connect_state(self) -> None:
        self._document.history_changed.connect(self._show_state)
        self._document.replaced.connect(self.canvas.setFocus)
        self._options.changed.connect(self._show_state)
        self._session.jobs.changed.connect(self._show_state)
        for signal in (self._personal.changed, self._candidates.answers_changed):
            signal.connect(self._show_state)
        self._candidates.shown_changed.connect(self._show_state)
        self.canvas.stroke_began.connect(lambda: self._candidates.select(None))
        self.canvas.zoom_changed.connect(self.status.show_zoom)
        self.canvas.pointer_moved.connect(self.status.show_pointer)
        for source in (self._session, self.files):
            source.failed.connect(self.banner.show_error)
            source.succeeded.connect(self.banner.hide)
        self._training.changed.connect(lambda: self.status.show_reward(self._training.reward))
        voices = (self.files, self._library, self._personal, self._training, self._exchange)
        for remarks in (voice.notice for voice in voices):
            remarks.connect(self.status.say)
        self.files.close_granted.connect(self.close)

    def _rate(self) -> None:
        folder = file_dialogs.ask_rating_folder(self)
        if folder is not None:
            self.rating_wanted.emit(folder)

    def _show_shortcuts(self) -> None:
        from prefpaint_gui.widgets.shortcuts_dialog import ShortcutsDialog

        ShortcutsDialog(self.commands, self).exec()

    def _import(self) -> None:
        path = file_dialogs.ask_archive(self)
        if path is not None:
            self.banner.hide()
            self._exchange.take_in(path)

    def _cancel(self) -> None:
        if self._session.is_busy:
            self._session.cancel()
            self.status.say("Cancelled.")
        else:
            self._candidates.select(None)

    def _show_state(self) -> None:
        actions, document = self.commands, self._document
        for name in ("save", "save_as", "invert", "clear", "fit", "actual", "generate"):
            actions[name].setEnabled(document.is_open)
        for name in ("zoom_in", "zoom_out"):
            actions[name].setEnabled(document.is_open)
        for name, label in (("undo", document.undo_label), ("redo", document.redo_label)):
            actions[name].setEnabled(label is not None)
            actions[name].setText(f"&{name.capitalize()} {label or ''}".rstrip())
        self.strip.setVisible(document.is_open)
        shown = self._candidates.shown is not None
        for name in (*WORKSPACE_ONLY, "use_settings"):
            actions[name].setEnabled(shown)
        candidates, personal = self._candidates, self._personal.values
        actions["earlier"].setEnabled(candidates.place > 1)
        actions["later"].setEnabled(0 < candidates.place < len(candidates.current_strips))
        actions["none_fits"].setEnabled(candidates.are_current and bool(candidates.ranked))
        actions["none_fits"].setChecked(candidates.none_fits)
        actions["model_order"].setEnabled(candidates.are_current and bool(candidates.own_order))
        actions["personal_order"].setChecked(personal.personal_order)
        actions["asks"].setChecked(personal.asks)
        actions["keeps_photos"].setChecked(personal.keeps_photos)
        actions["cancel"].setEnabled(self._session.is_busy or shown)
        actions["cancel_all"].setEnabled(self._session.is_busy)
        actions["regions"].setChecked(self._options.values.show_regions)
        actions[self._options.values.tool.value].setChecked(True)
        name = document.path.name if document.path else "Untitled"
        self.setWindowTitle(f"{name}[*] – PrefPaint" if document.is_open else "PrefPaint")
        self.setWindowModified(document.is_modified)

    # --- keys, drops, closing -----------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backslash:
            self.canvas.compare(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Backslash and not event.isAutoRepeat():
            self.canvas.compare(False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            self.canvas.compare(False)  # the key may be let go in another window
            if self.isActiveWindow():
                self.activated.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.files.take(event.mimeData())

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_close():
            event.ignore()
            return
        self._session.jobs.cancel_all()
        event.accept()
        self.dialogs.close()
        self.hide()  # at once, however long the workers take to end
        self.closed.emit()
