"""One candidate on the strip: picture, rank, reward, trust, seed and thumbs."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QVBoxLayout, QWidget

from prefpaint_gui.state.candidates import Thumb
from prefpaint_gui.state.messages import Filled
from prefpaint_gui.state.strokes import painted_box
from prefpaint_gui.widgets.canvas_paint import level_image
from prefpaint_gui.widgets.theme import ICON_SIZE, Colours, icon, use_tabular_figures
from training.inpainting.request import Box

CARD_SIZE = QSize(208, 184)
PICTURE_SIZE = QSize(206, 116)


class CandidateCard(QFrame):
    """Shows a placeholder until `show_candidate` is called."""

    clicked = Signal(int)
    hovered = Signal(int)
    left = Signal(int)
    thumb_pressed = Signal(int, str)

    def __init__(self, seed: int, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self.seed = seed
        self.setObjectName("card")
        self.setFixedSize(CARD_SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.picture = _Picture(colours)
        self.badge = QLabel(self.picture, objectName="badge")
        self.badge.move(8, 8)
        self.draft = QLabel("draft", self.picture, objectName="draft")
        self.draft.setToolTip("A coarse rendering; the full-resolution fill takes its place.")
        self.reward = QLabel("Filling…")
        self.reward.setProperty("tone", "reward")
        use_tabular_figures(self.reward)
        self.trust = TrustBar(colours)
        self.waiting = QProgressBar(textVisible=False)
        self.waiting.setRange(0, 1000)
        self.waiting.setAccessibleName("Filling")
        self.seed_label = QLabel(f"seed {seed}")
        self.seed_label.setProperty("tone", "small")
        use_tabular_figures(self.seed_label)
        self.thumbs: dict[Thumb, QToolButton] = {
            "up": self._thumb("up", "Good (Up)", colours.muted, colours.good),
            "down": self._thumb("down", "Bad (Down)", colours.muted, colours.bad),
        }
        self._lay_out()
        self._show_parts(filled=False, is_draft=False)

    def _thumb(self, thumb: Thumb, tip: str, colour: str, checked: str) -> QToolButton:
        button = QToolButton(checkable=True)
        button.setIcon(icon(f"thumb-{thumb}", colour, checked))
        button.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        button.setFixedSize(30, 28)
        button.setProperty("thumb", thumb)
        button.setToolTip(tip)
        button.setAccessibleName(f"Thumb {thumb} for seed {self.seed}")
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
        bottom.addWidget(self.waiting)
        bottom.addStretch()
        bottom.addWidget(self.seed_label)
        facts = QVBoxLayout()
        facts.setContentsMargins(10, 6, 8, 8)
        facts.setSpacing(2)
        facts.addLayout(top)
        facts.addLayout(bottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 0)
        layout.setSpacing(0)
        layout.addWidget(self.picture)
        layout.addLayout(facts)

    def _show_parts(self, *, filled: bool, is_draft: bool) -> None:
        for part in (self.trust, self.badge, *self.thumbs.values()):
            part.setVisible(filled)
        self.waiting.setVisible(not filled)
        self.draft.setVisible(is_draft)

    def show_candidate(self, filled: Filled, rank: int) -> None:
        """Show a candidate, or a newer rendering of it, with its rank."""
        score = filled.fill.score
        self.picture.show_filled(filled)
        self.badge.setText(str(rank))
        self.badge.adjustSize()
        self.draft.adjustSize()
        self.draft.move(PICTURE_SIZE.width() - self.draft.width() - 8, 8)
        self.reward.setText(signed(score.reward))
        self.reward.setToolTip("Reward: higher is better; 0 is the mean of the training fills.")
        self.trust.set_trust(score.trust)
        self.setAccessibleName(
            f"Candidate {rank}, reward {signed(score.reward)}, trust {score.trust:.0%}, "
            f"seed {self.seed}"
        )
        self._show_parts(filled=True, is_draft=filled.is_draft)

    def show_progress(self, share: float) -> None:
        """share: 0-1, of all the candidates together."""
        self.waiting.setValue(round(share * 1000))

    def set_thumb(self, thumb: Thumb | None) -> None:
        for name, button in self.thumbs.items():
            button.setChecked(name == thumb)

    def set_chosen(self, chosen: bool) -> None:
        if self.property("chosen") != chosen:
            self.setProperty("chosen", chosen)
            self.style().unpolish(self)
            self.style().polish(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.hovered.emit(self.seed)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit(self.seed)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.seed)


def signed(reward: float) -> str:
    """Two decimals with a sign; a true minus, which is as wide as the plus."""
    return f"{reward:+.2f}".replace("-", "−")


class _Picture(QWidget):
    """The part of the region that fills the card, with the hole in its middle."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self._filled: Filled | None = None
        self._view = QRectF()
        self.setFixedSize(PICTURE_SIZE)

    def show_filled(self, filled: Filled) -> None:
        self._filled = filled
        self._view = view_of_hole(filled)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        # The bottom corners lie below the widget, so that only the top ones are round.
        path.addRoundedRect(QRectF(self.rect()).adjusted(0, 0, 0, 16), 7, 7)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), QColor(self._colours.raised))
        if self._filled is None:
            return
        levels, view = self._filled.pyramid.levels, self._view
        scale = min(self.width() / view.width(), self.height() / view.height())
        needed = scale * self.devicePixelRatioF()
        depth = max(d for d in range(len(levels)) if d == 0 or needed * 2**d <= 1)
        size = view.size() * scale
        corner = QPointF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2)
        source = QRectF(view.topLeft() / 2**depth, view.size() / 2**depth)
        painter.drawImage(QRectF(corner, size), level_image(levels[depth]), source)


def view_of_hole(filled: Filled) -> QRectF:
    """The part of the region, in its pixels, that a card shows.

    As large as the card's shape allows, moved so that the hole is in it; the whole region when
    the hole would be cut.
    """
    box = filled.request.box
    hole = painted_box(filled.request.hole) or Box(0, 0, box.height, box.width)
    scale = max(PICTURE_SIZE.width() / box.width, PICTURE_SIZE.height() / box.height)
    width, height = PICTURE_SIZE.width() / scale, PICTURE_SIZE.height() / scale
    if hole.width > width or hole.height > height:
        return QRectF(0, 0, box.width, box.height)
    left = hole.left + (hole.width - width) / 2
    top = hole.top + (hole.height - height) / 2
    left, top = min(max(0, left), box.width - width), min(max(0, top), box.height - height)
    return QRectF(left, top, width, height)


class TrustBar(QWidget):
    """A short bar from 0 to 1."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self.trust = 0.0
        self.setFixedSize(72, 16)

    def set_trust(self, trust: float) -> None:
        self.trust = trust
        self.setToolTip(
            f"Trust {trust:.2f}: how near this fill is to what the reward model was trained on. "
            "0 is far, 1 is near."
        )
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
        painter.setBrush(QColor(self._colours.good))
        painter.drawRoundedRect(QRectF(groove.topLeft(), QPointF(filled, groove.bottom())), 2, 2)

