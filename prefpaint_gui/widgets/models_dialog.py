"""The models: which there are, and how they come and go."""

import itertools
from typing import Literal

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from prefpaint_gui.state.library import Library
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.training import Training
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.beside_dialog import BesideDialog
from prefpaint_gui.widgets.model_list import ModelList
from prefpaint_gui.widgets.model_task import TaskPanel
from prefpaint_gui.widgets.model_words import (
    RowWords,
    offer_note,
    offer_rows,
    progress_words,
    removal_words,
    row_words,
    short_path,
)
from prefpaint_gui.widgets.parts import ElidedLabel
from prefpaint_gui.widgets.theme import Colours
from training.inpainting.model_entry import ModelEntry, hub_id_of


class ModelsDialog(BesideDialog):
    """Stands beside the window and holds nothing up; a download outlives its closing.

    A question that is open when it closes is answered with no.
    """

    def __init__(
        self, library: Library, options: Options, training: Training, parent: QWidget
    ) -> None:
        super().__init__("Models", parent)
        self.resize(720, 600)
        self.setMinimumSize(600, 440)
        self._library = library
        self._options = options
        self._training = training
        self._question: Literal["", "remove", "name"] = ""
        """What `question` asks: whether to remove a model, or which one to fetch from the hub."""
        self._asked_of: str | None = None
        """Name of the model that is to be removed."""
        self._phase = library.phase
        self._rows: list[tuple[str, RowWords]] = []
        self.place = ElidedLabel("", "small")
        self.add_folder = QPushButton("Add folder…")
        self.add_folder.setToolTip("List a model folder in diffusers’ layout, where it lies")
        self.add_file = QPushButton("Add file…")
        self.add_file.setToolTip("List a .safetensors file with a whole model, where it lies")
        self.from_hub = QPushButton("From the hub…")
        self.from_hub.setToolTip("Download a model by its name on huggingface.co")
        self.list = ModelList()
        self.question = TaskPanel("Question")
        self.transfer = TaskPanel("Download")
        self.remove = QPushButton("Remove…")
        self.download = QPushButton("Download…")
        self.download.setToolTip("Ask the hub what the model consists of; then you decide")
        self.use = QPushButton("Use")
        self.use.setToolTip("Fill with this model, or rank with this reward, from now on")
        self.close_button = QPushButton("Close")
        self._lay_out()
        self._connect()

    def set_colours(self, colours: Colours) -> None:
        self.banner.set_colours(colours)

    def _lay_out(self) -> None:
        head, foot, body = QHBoxLayout(), QHBoxLayout(), QVBoxLayout()
        for line in (head, foot):
            line.setSpacing(8)
        head.addWidget(self.place, 1)
        head.addSpacing(8)
        for button in (self.add_folder, self.add_file, self.from_hub):
            head.addWidget(button)
        foot.addWidget(self.remove)
        foot.addStretch()
        for button in (self.download, self.use, self.close_button):
            foot.addWidget(button)
        for button in (self.remove, self.use, self.close_button):
            button.setMinimumWidth(96)
        body.setContentsMargins(16, 16, 16, 16)
        body.setSpacing(12)
        body.addLayout(head)
        body.addWidget(self.list, 1)
        body.addWidget(self.question)
        body.addWidget(self.transfer)
        body.addLayout(foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.banner)
        layout.addLayout(body)
        chain: list[QWidget] = [self.list]
        for panel in (self.question, self.transfer):
            chain += [panel.line, panel.no, panel.yes]
        chain += [self.remove, self.download, self.use, self.close_button]
        chain += [self.add_folder, self.add_file, self.from_hub]
        for one, following in itertools.pairwise(chain):
            QWidget.setTabOrder(one, following)

    def _connect(self) -> None:
        library = self._library
        library.changed.connect(self._show)
        library.progress_changed.connect(self._show_transfer)
        library.failed.connect(self.banner.show_error)
        library.succeeded.connect(self.banner.hide)
        self._options.changed.connect(self._show)
        self._training.changed.connect(self._show)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.list.itemDoubleClicked.connect(self.use.click)
        self.add_folder.clicked.connect(self._add_folder)
        self.add_file.clicked.connect(self._add_file)
        self.from_hub.clicked.connect(lambda: self._ask("name"))
        self.remove.clicked.connect(lambda: self._ask("remove"))
        self.download.clicked.connect(self._download)
        self.use.clicked.connect(self._use)
        self.close_button.clicked.connect(self.reject)
        self.question.agreed.connect(self._answer_yes)
        self.question.declined.connect(lambda: self._ask(""))
        self.transfer.agreed.connect(library.agree)
        self.transfer.declined.connect(library.cancel)

    # --- what the person does -----------------------------------------------------------------

    def _add_folder(self) -> None:
        path = file_dialogs.ask_model_folder(self)
        if path is not None:
            self._library.add(path)

    def _add_file(self) -> None:
        path = file_dialogs.ask_model_file(self)
        if path is not None:
            self._library.add(path)

    def _download(self) -> None:
        if self.list.name is not None:
            self.banner.hide()
            self._library.ask(self.list.name)

    def _use(self) -> None:
        entry = self._selected
        if entry is None or entry.state != "ready":
            return
        if entry.family == "reward":
            self._training.choose(str(entry.location))
        else:
            self._options.update(model=entry.name)

    def _is_used(self, entry: ModelEntry) -> bool:
        if entry.family == "reward":
            return str(entry.location) == self._training.reward
        return entry.name == self._options.model.name

    def _ask(self, question: Literal["", "remove", "name"]) -> None:
        self._question = question
        self._asked_of = self.list.name if question == "remove" else None
        self.question.line.clear()
        self._show()
        if question == "name":
            self.question.line.setFocus()
        else:
            (self.question.no if question else self.list).setFocus()

    def _answer_yes(self) -> None:
        question, name, text = self._question, self._asked_of, self.question.line.text().strip()
        if question == "name" and not text:
            return
        self.banner.hide()
        self._ask("")
        if question == "name":
            self._library.ask(hub_id_of(text) or text)
        elif name is not None:
            self._library.remove(name)

    # --- what is shown ------------------------------------------------------------------------

    @property
    def _selected(self) -> ModelEntry | None:
        return self._library.entry(self.list.name)

    def _show(self) -> None:
        if not self.isVisible():
            return
        library, listing = self._library, self._library.listing
        if listing is not None:
            self.place.set_whole(f"Downloads lie in {short_path(listing.folder)}")
            rows = [
                (
                    entry.name,
                    row_words(
                        entry, is_used=self._is_used(entry), is_coming=library.is_coming(entry)
                    ),
                )
                for entry in listing.entries
            ]
            if rows != self._rows:
                self.list.show_rows(rows, self.list.name or self._options.model.name)
                self._rows = rows
            if library.entry(library.fresh) is not None:
                self.list.select(library.fresh)
                library.fresh = None
        self._show_question()
        self._show_transfer()
        self._show_buttons()

    def _show_question(self) -> None:
        entry = self._library.entry(self._asked_of)
        if self._question == "name":
            self.question.show_question(
                "Which model on the hub?",
                "Ask the hub",
                "Cancel",
                note="Nothing is downloaded before you have seen its size and licence.",
                placeholder="OWNER/NAME, as on huggingface.co",
            )
        elif self._question == "remove" and entry is not None:
            title, note, yes = removal_words(entry)
            self.question.show_question(title, yes, "Keep", note=note)
        else:
            self._question = ""
            self.question.hide()

    def _show_transfer(self) -> None:
        library, panel = self._library, self.transfer
        phase, order, offer = library.phase, library.order, library.offer
        if order is None:
            panel.hide()
        elif offer is None:
            panel.show_course(f"Asking the hub about {order.title}…", None, "")
        elif phase == "offered":
            title, facts = f"Download {order.title}?", offer_rows(offer)
            panel.show_question(title, "Download", "Not now", facts=facts, note=offer_note(offer))
        else:
            progress = library.progress
            words = progress_words(progress, offer)
            panel.show_course(f"Downloading {order.title}", progress.share, words)
        if phase != self._phase:
            self._phase = phase
            {"idle": self.list, "offered": panel.yes}.get(phase, panel.no).setFocus()

    def _show_buttons(self) -> None:
        entry, library = self._selected, self._library
        may_use = entry is not None and entry.state == "ready" and not self._is_used(entry)
        may_fetch = entry is not None and entry.state in ("absent", "unfinished")
        is_here = entry is not None and not entry.is_builtin and entry.state != "absent"
        is_coming = entry is not None and library.is_coming(entry)
        is_free = library.phase == "idle"
        self.use.setEnabled(may_use)
        self.download.setEnabled(may_fetch and is_free)
        self.remove.setEnabled(is_here and not is_coming and not self._question)
        self.from_hub.setEnabled(is_free and self._question != "name")
        if not self._question and library.phase != "offered":
            self.use.setDefault(may_use)
            self.download.setDefault(may_fetch and is_free)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._library.look()
        self._show()
        self.list.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():  # not by the desktop, which minimises
            self._question = ""
            if self._library.phase in ("asking", "offered"):
                self._library.cancel()
        super().hideEvent(event)
