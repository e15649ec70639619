"""Exporting preferences: what will leave, what will not, and where to."""

from datetime import UTC, datetime, timedelta

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.exchange import Exchange, ExportOrder, Outlook
from prefpaint_gui.widgets import file_dialogs
from prefpaint_gui.widgets.beside_dialog import BesideDialog
from prefpaint_gui.widgets.export_preview import ExportPreview
from prefpaint_gui.widgets.parts import Choice, label
from prefpaint_gui.widgets.theme import Colours
from training.preferences.export import FORMATS, Format
from training.preferences.formats.card import LICENCES, NOT_STATED
from training.preferences.records import Filter, Signal

TITLES: dict[Format, str] = {
    "paper": "Training data (the paper’s layout)",
    "pairs": "Pairs, chosen over rejected",
    "datasets": "Hugging Face data set",
    "jsonl": "Archive of everything",
}
SIGNALS: list[tuple[str, tuple[Signal, ...]]] = [
    ("All that was said", ()),
    ("Thumbs", ("up", "down")),
    ("Accepted fills", ("accept",)),
    ("Orders and answers to questions", ("order", "best")),
    ("“None of these”", ("none",)),
    ("Ratings", ("rating",)),
]
TIMES = [("At any time", 0), ("In the last day", 1), ("In the last 7 days", 7)]
TIMES += [("In the last 30 days", 30), ("In the last 365 days", 365)]


class ExportDialog(BesideDialog):
    """Stands beside the window; `prefpaint preferences export` does the same."""

    def __init__(self, exchange: Exchange, parent: QWidget) -> None:
        super().__init__("Export preferences", parent)
        self.resize(800, 664)
        self.setMinimumSize(720, 560)
        self._exchange = exchange
        self.form = Choice("Format", is_elastic=True)
        for form in FORMATS:
            self.form.addItem(TITLES[form], form)
        self.about = label("", "small")
        self.about.setWordWrap(True)
        self.signal = Choice("What was said", is_elastic=True)
        for title, signals in SIGNALS:
            self.signal.addItem(title, signals)
        self.time = Choice("When", is_elastic=True)
        for title, days in TIMES:
            self.time.addItem(title, days)
        self.model = Choice("Model", is_elastic=True)
        self.model.addItem("With fills by any model", "")
        self.person = Choice("Person", is_elastic=True)
        self.person.addItem("By anybody", "")
        self.licence = Choice("Licence", is_elastic=True)
        for licence in LICENCES:
            self.licence.addItem(licence[0].upper() + licence[1:], licence)
        self.photos = Choice("Photos", is_elastic=True)
        self.photos.addItem("Only the region around each hole", False)
        self.photos.addItem("Whole photos", True)
        self.preview = ExportPreview()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the export")
        self.cancel_button = QPushButton("Cancel")
        self.outcome = label("", "good")
        self.outcome.setWordWrap(True)
        self.export_button = QPushButton("Export…")
        self.export_button.setDefault(True)
        self.close_button = QPushButton("Close")
        self._lay_out()
        for choice in (self.form, self.signal, self.time, self.model, self.person, self.photos):
            choice.activated.connect(self._wish)
        self.export_button.clicked.connect(self._export)
        self.close_button.clicked.connect(self.reject)
        self.cancel_button.clicked.connect(exchange.cancel)
        exchange.changed.connect(self._show)
        exchange.progress_changed.connect(self._show_course)
        exchange.failed.connect(self.banner.show_error)
        exchange.succeeded.connect(self.banner.hide)

    def set_colours(self, colours: Colours) -> None:
        self.banner.set_colours(colours)

    def _lay_out(self) -> None:
        choices = QGridLayout()
        choices.setHorizontalSpacing(12)
        choices.setVerticalSpacing(8)
        choices.setColumnStretch(1, 1)
        choices.setColumnStretch(3, 1)
        choices.setColumnMinimumWidth(0, 56)
        choices.setColumnMinimumWidth(2, 56)
        places = [(self.form, 0, 0), (self.licence, 0, 2), (self.signal, 2, 0), (self.time, 2, 2)]
        places += [(self.model, 3, 0), (self.person, 3, 2), (self.photos, 4, 0)]
        for choice, row, column in places:
            name = label({self.signal: "Said"}.get(choice, choice.accessibleName()))
            name.setBuddy(choice)
            choices.addWidget(name, row, column)
            choices.addWidget(choice, row, column + 1)
        choices.addWidget(self.about, 1, 1, 1, 3)

        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.bar, 1)
        foot.addWidget(self.outcome, 1)
        foot.addSpacing(8)
        for button in (self.close_button, self.cancel_button, self.export_button):
            button.setMinimumWidth(96)
            foot.addWidget(button)
        body = QVBoxLayout()
        body.setContentsMargins(16, 16, 16, 16)
        body.setSpacing(16)
        body.addLayout(choices)
        body.addWidget(self.preview, 1)
        body.addLayout(foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.banner)
        layout.addLayout(body)

    # --- what the person does -----------------------------------------------------------------

    @property
    def _form(self) -> Format:
        form: Format = self.form.currentData()
        return form

    @property
    def _which(self) -> Filter:
        days, model, person = (c.currentData() for c in (self.time, self.model, self.person))
        since = datetime.now(UTC) - timedelta(days=days)
        return Filter(
            since=since.isoformat(timespec="milliseconds") if days else None,
            models=(model,) if model else (),
            signals=tuple(self.signal.currentData()),
            persons=(person,) if person else (),
        )

    def _wish(self) -> None:
        self.banner.hide()
        self._exchange.wish(self._form, self._which, whole_photos=self.photos.currentData())

    def _export(self) -> None:
        folder = file_dialogs.ask_new_folder(self, f"prefpaint-{self._form}")
        if folder is not None:
            self.banner.hide()
            self._exchange.export(folder, self.licence.currentData() or NOT_STATED)

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.isVisible():
            return
        outlook = self._exchange.outlook
        about = FORMATS[self._form]
        self.about.setText(f"{about[0].upper()}{about[1:]}.")
        if outlook is not None:
            _offer(self.model, sorted(outlook.whole.models))
            _offer(self.person, sorted(outlook.whole.persons))
            if not self._exchange.is_looking:
                self.preview.show_outlook(outlook)
                self._show_photos(outlook)
        self.outcome.setText(self._exchange.done)
        self._show_course()

    def _show_photos(self, outlook: Outlook) -> None:
        """How many of the photos are kept whole."""
        of = f"{outlook.photos:,} of {len(outlook.tally.photos):,} kept"
        self.photos.setItemText(1, f"Whole photos ({of if outlook.photos else 'none kept'})")
        self.photos.setToolTip(
            "“Keep whole photos with my preferences” in the menu keeps them from then on."
        )

    def _show_course(self) -> None:
        exchange = self._exchange
        is_exporting = isinstance(exchange.order, ExportOrder)
        self.bar.setValue(round(exchange.share * 1000))
        self.bar.setVisible(is_exporting)
        self.cancel_button.setVisible(is_exporting)
        self.outcome.setVisible(not is_exporting)
        self.export_button.setVisible(not is_exporting)
        outlook = exchange.outlook
        has_some = outlook is not None and outlook.tally.strips > 0
        self.export_button.setEnabled(
            has_some and not exchange.is_looking and exchange.order is None
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wish()
        self.form.setFocus()


def _offer(choice: Choice, names: list[str]) -> None:
    """Add the names below the first entry, which stands for all of them."""
    if [choice.itemData(row) for row in range(1, choice.count())] == names:
        return
    chosen = choice.currentData()
    while choice.count() > 1:
        choice.removeItem(1)
    for name in names:
        choice.addItem(name, name)
    choice.setCurrentIndex(max(0, choice.findData(chosen)))
