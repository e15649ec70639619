"""One candidate on the strip: picture, rank, reward, trust, seed and thumbs."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.candidates import Thumb
from prefpaint_gui.state.messages import Filled, Previewed
from prefpaint_gui.state.pyramid import Pyramid
from prefpaint_gui.widgets.card_picture import PICTURE_SIZE, CardPicture
from prefpaint_gui.widgets.parts import icon_button, label, restyle
from prefpaint_gui.widgets.theme import Colours, icon
from training.reward.score import Rank, Score, trust_word

CARD_SIZE = QSize(208, 184)


class CandidateCard(QFrame):
    """Shows a placeholder until `show_candidate` is called."""

    clicked = Signal(int)
    hovered = Signal(int)
    left = Signal()
    thumb_pressed = Signal(int, str)
    menu_wanted = Signal(int, object)
    """Carries the seed and the QPoint on the screen, as does dragged."""
    dragged = Signal(int, object)
    dropped = Signal()
    """The button is up again after a drag."""

    def __init__(self, seed: int, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self.seed = seed
        self.setObjectName("card")
        self.setFixedSize(CARD_SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.picture = CardPicture(colours)
        self.badge = label(parent=self.picture)
        self.badge.setObjectName("badge")
        self.badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge.move(8, 8)
        self.draft = label("draft", parent=self.picture)
        self.draft.setObjectName("draft")
        self.draft.setToolTip("A coarse rendering; the full-resolution fill takes its place.")
        self.mark = label(parent=self.picture)
        self.mark.setObjectName("mark")
        self.mark.hide()
        self.reward = label("Filling…", "muted")
        self.trust = TrustBar(colours)
        self.trust_label = label("trust", "small")
        self.waiting = QProgressBar()
        self.waiting.setTextVisible(False)
        self.waiting.setRange(0, 1000)
        self.waiting.setAccessibleName("Filling")
        self.seed_label = label(f"seed {seed}", "small")
        self.thumbs: dict[Thumb, QToolButton] = {
            "up": self._thumb("up", "Good (Up)", colours.muted, colours.good),
            "down": self._thumb("down", "Bad (Down)", colours.muted, colours.bad),
        }
        self._pressed: QPoint | None = None
        """Where the left button went down."""
        self._is_dragged = False
        self._lay_out()
        self._show_parts(filled=False, is_draft=False)

    def _thumb(self, thumb: Thumb, tip: str, colour: str, checked: str) -> QToolButton:
        button = icon_button(f"Thumb {thumb} for seed {self.seed}", tip, checkable=True)
        button.setIcon(icon(f"thumb-{thumb}", colour, checked))
        button.setFixedSize(30, 28)
        button.setProperty("thumb", thumb)
        button.clicked.connect(lambda: self.thumb_pressed.emit(self.seed, thumb))
        return button

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.reward)
        top.addStretch()
        for button in self.thumbs.values():
            top.addWidget(button)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self.trust)
        bottom.addWidget(self.trust_label)
        bottom.addWidget(self.waiting)
        bottom.addStretch()
        bottom.addWidget(self.seed_label)
        facts = QVBoxLayout()
        facts.setContentsMargins(10, 6, 8, 8)
        facts.setSpacing(2)
        facts.addLayout(top)
        facts.addLayout(bottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 0)
        layout.setSpacing(0)
        layout.addWidget(self.picture)
        layout.addLayout(facts)

    def _show_parts(self, *, filled: bool, is_draft: bool) -> None:
        for part in (self.trust, self.trust_label, self.badge, *self.thumbs.values()):
            part.setVisible(filled)
        self.waiting.setVisible(not filled)
        self.draft.setVisible(is_draft)

    def show_candidate(self, filled: Filled, rank: Rank, score: Score, photo: Pyramid) -> None:
        """Show a candidate, or a newer rendering of it, in its photo and with its rank.

        score: the candidate's own, or bent by a person's taste.
        """
        self.picture.show_region(filled.request, filled.pyramid, photo)
        self.badge.setText(rank.words)
        self.badge.setToolTip(_tie_words(rank))
        self.badge.adjustSize()
        self.draft.adjustSize()
        self.draft.move(PICTURE_SIZE.width() - self.draft.width() - 8, 8)
        if self.reward.property("tone") != "reward":
            self.reward.setProperty("tone", "reward")
            restyle(self.reward)
        self.reward.setText(signed(score.reward))
        general = filled.fill.score
        self.reward.setToolTip(_reward_words(score, general))
        self.trust.set_trust(score.trust, _trust_words(score, general))
        self.trust_label.setText(f"{trust_word(score.trust)} trust")
        ties = "".join(f", ties with {place}" for place in rank.tied)
        self.setAccessibleName(
            f"Candidate {rank.place}{ties}, reward {signed(score.reward)}, "
            f"trust {score.trust:.0%}, seed {self.seed}"
        )
        self._show_parts(filled=True, is_draft=filled.is_draft)

    def show_preview(self, preview: Previewed, photo: Pyramid) -> None:
        """Show dimly what the candidate looks like so far."""
        self.picture.show_region(preview.request, preview.pyramid, photo, is_dim=True)

    def show_dropped(self, is_dropped: bool) -> None:
        """Of a placeholder: whether anything is still to come."""
        self.reward.setText("Dropped early" if is_dropped else "Filling…")
        self.waiting.setVisible(not is_dropped)

    def show_progress(self, share: float) -> None:
        """share: 0-1, of all the candidates together."""
        self.waiting.setValue(round(share * 1000))

    def set_thumb(self, thumb: Thumb | None) -> None:
        for name, button in self.thumbs.items():
            button.setChecked(name == thumb)

    def set_mark(self, mark: str) -> None:
        """A letter while a question is about this card, else nothing."""
        self.mark.setText(mark)
        self.mark.setVisible(bool(mark))
        self.mark.adjustSize()
        self.mark.move(8, PICTURE_SIZE.height() - self.mark.height() - 8)

    def set_chosen(self, chosen: bool) -> None:
        if self.property("chosen") != chosen:
            self.setProperty("chosen", chosen)
            restyle(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.hovered.emit(self.seed)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()

    def forget_press(self) -> None:
        """Whatever the pointer does until the button is pressed again is no drag."""
        self._pressed, self._is_dragged = None, False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.globalPosition().toPoint()
            self.clicked.emit(self.seed)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        way = event.globalPosition().toPoint() - self._pressed
        if self._is_dragged or way.manhattanLength() >= QApplication.startDragDistance():
            # First from where it was pressed, so that the card does not jump.
            point = self._pressed + way if self._is_dragged else self._pressed
            self._is_dragged = True
            self.dragged.emit(self.seed, point)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            was_dragged = self._is_dragged
            self.forget_press()
            if was_dragged:
                self.dropped.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.seed, event.globalPos())


def _tie_words(rank: Rank) -> str:
    others = " and ".join(f"number {place}" for place in rank.tied)
    return f"A tie: the reward cannot tell it from {others}." if others else ""


def _reward_words(score: Score, general: Score) -> str:
    if score is general:
        return (
            "Reward: higher is better; 0 is the mean of fills of held-out photos.\n"
            f"It can be off by {general.bound:.2f}."
        )
    return (
        "Personal order: the reward as your answers bend it.\n"
        f"General reward {signed(general.reward)}, which can be off by {general.bound:.2f}."
    )


def _trust_words(score: Score, general: Score) -> str:
    words = (
        f"{general.trust:.0%} of what the reward model was trained on was further from the rest "
        "of it than this fill."
    )
    if score is general:
        return words
    return f"{words}\n{score.trust:.0%} with what your answers leave open."


def signed(reward: float) -> str:
    """Two decimals with a sign; a true minus, which is as wide as the plus."""
    return f"{reward:+.2f}".replace("-", "−")


class TrustBar(QWidget):
    """A short bar from 0 to 1."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self.trust = 0.0
        self.setFixedSize(56, 16)

    def set_trust(self, trust: float, tip: str) -> None:
        self.trust = trust
        self.setToolTip(tip)
        self.setAccessibleName(f"Trust {trust:.0%}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        groove = QRectF(0, self.height() / 2 - 2, self.width(), 4)
        painter.setBrush(QColor(self._colours.line))
        painter.drawRoundedRect(groove, 2, 2)
        filled = max(0.0, min(1.0, self.trust)) * self.width()
        word = trust_word(self.trust)
        tones = {"high": self._colours.good, "fair": self._colours.muted, "low": self._colours.bad}
        painter.setBrush(QColor(tones[word]))
        filled = max(filled, groove.height())  # a little of the bar shows even the least trust
        painter.drawRoundedRect(QRectF(groove.topLeft(), QPointF(filled, groove.bottom())), 2, 2)
