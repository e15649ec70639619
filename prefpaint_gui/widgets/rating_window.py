"""The rating screen: progress on top, pages in the middle; keys do everything."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.rating import RatingSession
from prefpaint_gui.state.rating_marks import REASONS
from prefpaint_gui.widgets.banner import Banner
from prefpaint_gui.widgets.parts import ElidedLabel, label
from prefpaint_gui.widgets.rating_ends import StartPage, SummaryPage
from prefpaint_gui.widgets.rating_page import RatingPage
from prefpaint_gui.widgets.theme import Colours
from training.preferences.agreement import HIGHEST, LOWEST

HELD = {Qt.Key.Key_Space: "picture", Qt.Key.Key_Tab: "prompt"}
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
WIDTH, HEIGHT = 1280, 832


class RatingWindow(QMainWindow):
    """Binds the session to pages and keys; knows no worker and no store."""

    closed = Signal()

    def __init__(self, session: RatingSession, colours: Colours) -> None:
        super().__init__()
        self._session = session
        self._may_leave_unsaved = False
        self.setWindowTitle(f"Rate {session.folder.name} – PrefPaint")
        self.setMinimumSize(960, 640)
        self.resize(WIDTH, HEIGHT)
        self.banner = Banner()
        self.count = label("", "name")
        self.left = label("", "muted")
        self.name = ElidedLabel("", "small")
        self.aside = label("", "small")
        self.rater = label("", "muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Prompts done")
        self.start = StartPage(session)
        self.page = RatingPage(session, colours)
        self.summary = SummaryPage(session)
        self.pages = QStackedWidget()
        self._lay_out()
        self.set_colours(colours)
        session.changed.connect(self._show)
        session.writes.failed.connect(self._show_error)
        session.writes.succeeded.connect(self.banner.hide)
        self.start.started.connect(session.start)
        self._show()

    def set_colours(self, colours: Colours) -> None:
        self.banner.set_colours(colours)
        self.page.set_colours(colours)

    def _lay_out(self) -> None:
        self.head = QWidget()
        self.head.setObjectName("ratingHead")
        self.head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.count)
        line.addWidget(self.left)
        line.addWidget(self.name, 1)
        line.addWidget(self.aside)
        line.addWidget(self.rater)
        top = QVBoxLayout(self.head)
        top.setContentsMargins(16, 8, 16, 8)
        top.setSpacing(8)
        top.addLayout(line)
        top.addWidget(self.progress)
        for page in (self.start, self.page, self.summary):
            self.pages.addWidget(page)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(self.banner)
        layout.addWidget(self.pages, 1)
        self.setCentralWidget(content)

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        session = self._session
        pages: dict[str, StartPage | RatingPage | SummaryPage] = {
            "rating": self.page,
            "summary": self.summary,
        }
        page = pages.get(session.phase, self.start)
        page.show_session()
        if self.pages.currentWidget() is not page:
            self.pages.setCurrentWidget(page)
            if page is not self.start:
                page.setFocus()
        self.head.setVisible(page is not self.start)
        self.count.setText(f"{session.progress.done:,} of {session.progress.total:,} done")
        self.progress.setRange(0, max(1, session.progress.total))
        self.progress.setValue(session.progress.done)
        self.left.setText(
            time_words(session.progress.seconds_left) if session.phase == "rating" else ""
        )
        prompt = session.prompt
        self.name.set_whole(f"{session.place:,}. {prompt.name}" if prompt else "")
        aside = session.set_aside
        self.aside.setText(f"{len(aside)} set aside" if aside else "")
        self.aside.setToolTip("\n".join(aside[:20]))
        self.rater.setText(session.person)
        if session.phase == "summary" and session.note:
            self.banner.show_error(session.note)

    def _show_error(self, sentence: str) -> None:
        self._may_leave_unsaved = False
        self.banner.show_error(sentence)

    # --- keys ---------------------------------------------------------------------------------

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's
        """Tab shows the prompt while there is one."""
        return self._session.phase != "rating" and super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        session, key = self._session, Qt.Key(event.key())
        modifiers = event.modifiers() & ~(
            Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        )
        if modifiers == Qt.KeyboardModifier.ControlModifier:
            if key == Qt.Key.Key_R:
                session.writes.retry()
            elif key in (Qt.Key.Key_W, Qt.Key.Key_Q):
                self.close()
        elif modifiers or session.phase not in ("rating", "summary"):
            super().keyPressEvent(event)
        elif not self._may_repeat(key, event) or self._do(key):
            event.accept()
        else:
            super().keyPressEvent(event)

    def _may_repeat(self, key: Qt.Key, event: QKeyEvent) -> bool:
        """A key that is held must not rate or skip what was not looked at."""
        moves = key in ARROWS or key in (
            Qt.Key.Key_Backspace,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
        )
        return moves or not event.isAutoRepeat()

    def _do(self, key: Qt.Key) -> bool:
        """Whether the key means something here."""
        session = self._session
        number = key - Qt.Key.Key_0
        if key in HELD:
            self.page.hold(HELD[key])
        elif key in ARROWS:
            session.move(*ARROWS[key])
        elif session.is_giving_reasons and (key in (*ENTER, Qt.Key.Key_R, Qt.Key.Key_Escape)):
            session.give_reasons(False)
        elif session.is_giving_reasons and 1 <= number <= len(REASONS):
            session.toggle_reason(number - 1)
        elif not session.is_giving_reasons and LOWEST <= number <= HIGHEST:
            session.rate(number)
        elif key in ENTER:
            session.go_on()
        elif key == Qt.Key.Key_Backspace:
            session.back()
        elif key == Qt.Key.Key_S:
            session.skip()
        elif key == Qt.Key.Key_R:
            session.give_reasons(True)
        elif key == Qt.Key.Key_PageUp:
            session.step(-1)
        elif key == Qt.Key.Key_PageDown:
            session.step(1)
        elif key == Qt.Key.Key_End:
            session.summarise()
        else:
            return False
        return True

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() in HELD and not event.isAutoRepeat():
            self.page.hold("")
        super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.page.hold("")  # the release of the key goes elsewhere

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ratings that could not be written hold it open once."""
        writes = self._session.writes
        if writes.failed_count and not self._may_leave_unsaved:
            event.ignore()
            what = "opinion is" if writes.failed_count == 1 else "opinions are"
            self.banner.show_error(
                f"{writes.failed_count} {what} not kept. Free some space and press Ctrl+R, or "
                "close again to leave without."
            )
            self._may_leave_unsaved = True
            return
        event.accept()
        self.hide()  # at once, however long the workers take to end
        self.closed.emit()


def time_words(seconds: float | None) -> str:
    """What is left, in words."""
    if seconds is None:
        return ""
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60:02d} min left"
