"""What stands before and after the ratings: who rates, and how far one has come."""

import statistics

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.rater import LONGEST_NAME
from prefpaint_gui.state.rating import RatingSession
from prefpaint_gui.widgets.parts import ElidedLabel, label
from training.preferences.agreement import Agreement, alpha_word
from training.preferences.records import DEFAULT_PERSON

COLUMN_WIDTH = 560


class _Page(QWidget):
    """A column in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ratingPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QWidget()
        column.setFixedWidth(COLUMN_WIDTH)
        self.column = QVBoxLayout(column)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self.column.addStretch()
        layout = QHBoxLayout(self)
        layout.addStretch()
        layout.addWidget(column)
        layout.addStretch()


class StartPage(_Page):
    """Asks who rates; says why a folder cannot be rated."""

    started = Signal(str)

    def __init__(self, session: RatingSession) -> None:
        super().__init__()
        self._session = session
        self.title = label("", "title")
        self.text = label("", "muted")
        self.text.setWordWrap(True)
        self.name = QLineEdit()
        self.name.setAccessibleName("Your name")
        self.name_label = label("Your &name")
        self.name_label.setBuddy(self.name)
        self.name.setMaxLength(LONGEST_NAME + 1)  # one more, so that it is said what is too long
        self.start = QPushButton("Start   ↵")
        self.start.setAccessibleName("Start")
        self.start.setProperty("kind", "primary")
        self.error = label("", "bad")
        self.error.setWordWrap(True)
        self.raters = label("", "small")
        self.raters.setWordWrap(True)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.name, 1)
        line.addWidget(self.start)
        for part in (self.title, self.text):
            self.column.addWidget(part)
        self.column.addSpacing(8)
        self.column.addWidget(self.name_label)
        self.column.addLayout(line)
        for part in (self.error, self.raters):
            self.column.addWidget(part)
        self.column.addStretch()
        self.name.returnPressed.connect(self._start)
        self.start.clicked.connect(self._start)

    def _start(self) -> None:
        self.started.emit(self.name.text())

    def show_session(self) -> None:
        """Show the folder, or what is wrong with it."""
        session = self._session
        is_asking = session.phase == "naming"
        was_asking = self.name.isVisible()
        for part in (self.name_label, self.name, self.start):
            part.setVisible(is_asking)
        self.error.setText(session.note if is_asking else "")
        self.error.setVisible(bool(self.error.text()))
        self.raters.hide()
        if session.phase == "failed":
            self.title.setText("This folder cannot be rated")
            self.text.setText(session.note)
        elif is_asking:
            self.title.setText(f"Rate “{session.folder.name}”")
            aside = len(session.set_aside)
            self.text.setText(
                f"{plural(len(session.prompts), 'prompt')}"
                + (f", {aside} set aside" if aside else "")
                + ". Every rating is kept under your name at once; "
                "you can stop at any time and go on later."
            )
            self._show_raters(session.agreement)
            if not was_asking:
                self.name.setText(session.person or DEFAULT_PERSON)
                self.name.selectAll()
                self.name.setFocus()
        else:
            self.title.setText(f"Reading “{session.folder.name}”…")
            self.text.setText("")

    def _show_raters(self, agreement: Agreement | None) -> None:
        if agreement is not None and agreement.raters:
            self.raters.setText(f"Rated so far: {rater_words(agreement)}.")
            self.raters.show()


class SummaryPage(_Page):
    """Counts, pace, agreement, and what was set aside."""

    def __init__(self, session: RatingSession) -> None:
        super().__init__()
        self._session = session
        self.title = label("", "title")
        self.text = label("", "muted")
        self.text.setWordWrap(True)
        self.heading = label("AGREEMENT OF THE RATERS", "heading")
        self.raters = label("", "muted")
        self.raters.setWordWrap(True)
        self.criteria = QGridLayout()
        self.criteria.setHorizontalSpacing(24)
        self.criteria.setVerticalSpacing(8)
        self.criteria.setColumnStretch(0, 1)
        self.aside_heading = label("", "heading")
        self.aside = QPlainTextEdit()
        self.aside.setObjectName("setAside")
        self.aside.setReadOnly(True)
        self.aside.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.aside.setFixedHeight(96)
        self.hint = ElidedLabel("", "small", Qt.TextElideMode.ElideRight)
        self.column.addWidget(self.title)
        self.column.addWidget(self.text)
        self.column.addSpacing(16)
        self.column.addWidget(self.heading)
        self.column.addLayout(self.criteria)
        self.column.addWidget(self.raters)
        self.column.addSpacing(16)
        self.column.addWidget(self.aside_heading)
        self.column.addWidget(self.aside)
        self.column.addWidget(self.hint)
        self.column.addStretch()

    def show_session(self) -> None:
        """Show how things stand."""
        session, progress = self._session, self._session.progress
        is_done = progress.done >= progress.total
        self.title.setText("All prompts are done" if is_done else "So far")
        words = [
            f"{session.person} rated {len(progress.rated)} and skipped {len(progress.skipped)} "
            f"of {plural(progress.total, 'prompt')}."
        ]
        if progress.seconds:
            pace = statistics.median(progress.seconds)
            words.append(f"Median of this session: {pace:.1f} s a prompt.")
        self.text.setText(" ".join(words))
        self._show_agreement(session.agreement)
        aside = session.set_aside
        self.aside_heading.setText(f"SET ASIDE: {len(aside)}")
        if self.aside.toPlainText() != "\n".join(aside):
            self.aside.setPlainText("\n".join(aside))
        for part in (self.aside_heading, self.aside):
            part.setVisible(bool(aside))
        on = "" if is_done else "Enter goes on rating.   "
        self.hint.set_whole(f"{on}Page Up shows the prompt again.   Ctrl+W closes.")

    def _show_agreement(self, agreement: Agreement | None) -> None:
        _clear(self.criteria)
        if agreement is None:
            self.raters.setText("Counting…")
            return
        if len(agreement.raters) < 2:
            self.raters.setText(
                "It takes a second rater to tell: let somebody else rate this folder under "
                "another name."
            )
            return
        for row, one in enumerate(agreement.criteria):
            alpha = "–" if one.alpha is None else f"{one.alpha:.2f}".replace("-", "−")
            name = one.criterion.capitalize()
            self.criteria.addWidget(label(name), row, 0)
            self.criteria.addWidget(label(f"α = {alpha}", "name"), row, 1)
            self.criteria.addWidget(label(alpha_word(one.alpha), "muted"), row, 2)
            pictures = plural(one.pictures, "picture")
            self.criteria.addWidget(label(f"{pictures}, {one.ratings} ratings", "small"), row, 3)
        self.raters.setText(
            f"Krippendorff’s alpha, ordinal; from 0.80 reliable, from 0.67 tentative. "
            f"Raters: {rater_words(agreement)}."
        )


def rater_words(agreement: Agreement) -> str:
    """Who has rated how many pictures."""
    return ", ".join(f"{name} ({plural(n, 'picture')})" for name, n in agreement.raters.items())


def plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()
