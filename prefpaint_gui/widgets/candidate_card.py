"""One candidate on the strip: picture, rank, reward, trust, seed and thumbs."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
)
from PySide6.QtWidgets import (
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
from prefpaint_gui.state.strokes import painted_box
from prefpaint_gui.widgets.canvas_paint import draw_picture
from prefpaint_gui.widgets.parts import icon_button, label, restyle
from prefpaint_gui.widgets.theme import Colours, icon
from prefpaint_gui.widgets.viewport import Viewport
from training.inpainting.request import Box, InpaintRequest
from training.reward.score import trust_word

CARD_SIZE = QSize(208, 184)
PICTURE_SIZE = QSize(204, 116)
VEIL = 0.5
"""How much of a picture that is not final is covered."""


class CandidateCard(QFrame):
    """Shows a placeholder until `show_candidate` is called."""

    clicked = Signal(int)
    hovered = Signal(int)
    left = Signal()
    thumb_pressed = Signal(int, str)
    menu_wanted = Signal(int, object)
    """Carries the seed and the QPoint on the screen."""

    def __init__(self, seed: int, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self.seed = seed
        self.setObjectName("card")
        self.setFixedSize(CARD_SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.picture = _Picture(colours)
        self.badge = label(parent=self.picture)
        self.badge.setObjectName("badge")
        self.badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge.move(8, 8)
        self.draft = label("draft", parent=self.picture)
        self.draft.setObjectName("draft")
        self.draft.setToolTip("A coarse rendering; the full-resolution fill takes its place.")
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

    def show_candidate(self, filled: Filled, rank: str, photo: Pyramid) -> None:
        """Show a candidate, or a newer rendering of it, in its photo and with its rank.

        rank: "1", or "2 ≈ 1" for a tie.
        """
        score = filled.fill.score
        self.picture.show_region(filled.request, filled.pyramid, photo)
        self.badge.setText(rank)
        self.badge.setToolTip(
            f"A tie: the reward cannot tell it from number {rank.split()[-1]}."
            if "≈" in rank
            else ""
        )
        self.badge.adjustSize()
        self.draft.adjustSize()
        self.draft.move(PICTURE_SIZE.width() - self.draft.width() - 8, 8)
        if self.reward.property("tone") != "reward":
            self.reward.setProperty("tone", "reward")
            restyle(self.reward)
        self.reward.setText(signed(score.reward))
        self.reward.setToolTip(
            "Reward: higher is better; 0 is the mean of fills of held-out photos.\n"
            f"It can be off by {score.bound:.2f}."
        )
        self.trust.set_trust(score.trust)
        self.trust_label.setText(f"{trust_word(score.trust)} trust")
        self.setAccessibleName(
            f"Candidate {rank.replace('≈', 'ties with')}, reward {signed(score.reward)}, "
            f"trust {score.trust:.0%}, seed {self.seed}"
        )
        self._show_parts(filled=True, is_draft=filled.is_draft)

    def show_preview(self, preview: Previewed, photo: Pyramid) -> None:
        """Show dimly what the candidate looks like so far."""
        self.picture.show_region(preview.request, preview.pyramid, photo, is_dim=True)

    def show_progress(self, share: float) -> None:
        """share: 0-1, of all the candidates together."""
        self.waiting.setValue(round(share * 1000))

    def set_thumb(self, thumb: Thumb | None) -> None:
        for name, button in self.thumbs.items():
            button.setChecked(name == thumb)

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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.seed)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.seed, event.globalPos())


def signed(reward: float) -> str:
    """Two decimals with a sign; a true minus, which is as wide as the plus."""
    return f"{reward:+.2f}".replace("-", "−")


class _Picture(QWidget):
    """The hole with what is around it, in the photo, filled or being filled."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self._request: InpaintRequest | None = None
        self._region = Pyramid()
        self._photo = Pyramid()
        self._view = Box(0, 0, 1, 1)
        self._is_dim = False
        self.setFixedSize(PICTURE_SIZE)

    def show_region(
        self, request: InpaintRequest, region: Pyramid, photo: Pyramid, *, is_dim: bool = False
    ) -> None:
        """region: what the request's box looks like. is_dim: it is not final."""
        if request is not self._request:
            height, width = photo.levels[0].shape[:2]
            self._view = view_of_hole(request, height, width)
        self._request, self._region, self._photo = request, region, photo
        self._is_dim = is_dim
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        # The bottom corners lie below the widget, so that only the top ones are round.
        path.addRoundedRect(QRectF(self.rect()).adjusted(0, 0, 0, 16), 6, 6)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), QColor(self._colours.raised))
        if self._request is None:
            return
        ratio, view, box = self.devicePixelRatioF(), self._view, self._request.box
        painter.scale(1 / ratio, 1 / ratio)
        width, height = self.width() * ratio, self.height() * ratio
        scale = min(width / view.width, height / view.height)
        x = (width - view.width * scale) / 2 - view.left * scale
        y = (height - view.height * scale) / 2 - view.top * scale
        viewport = Viewport(scale, x, y)
        draw_picture(painter, viewport, self._photo, 0, 0)
        draw_picture(painter, viewport, self._region, box.left, box.top)
        if self._is_dim:
            veil = QColor(self._colours.raised)
            veil.setAlphaF(VEIL)
            painter.fillRect(0, 0, round(width), round(height), veil)


def view_of_hole(request: InpaintRequest, height: int, width: int) -> Box:
    """The part of a photo of height x width that a card shows: the hole, some surroundings.

    It has the card's shape, unless the photo is too small for that.
    """
    box = request.box
    hole = painted_box(request.hole) or Box(0, 0, box.height, box.width)
    margin = max(hole.height, hole.width) // 4 + 8
    aspect = PICTURE_SIZE.width() / PICTURE_SIZE.height()
    tall, wide = hole.height + 2 * margin, hole.width + 2 * margin
    tall, wide = max(tall, round(wide / aspect)), max(wide, round(tall * aspect))
    tall, wide = min(tall, height), min(wide, width)
    # Where the photo ends, rather less surroundings than an empty edge.
    tall = min(tall, max(hole.height, round(wide / aspect)))
    wide = min(wide, max(hole.width, round(tall * aspect)))
    top = box.top + hole.top + (hole.height - tall) // 2
    left = box.left + hole.left + (hole.width - wide) // 2
    return Box(min(max(0, top), height - tall), min(max(0, left), width - wide), tall, wide)


class TrustBar(QWidget):
    """A short bar from 0 to 1."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self.trust = 0.0
        self.setFixedSize(56, 16)

    def set_trust(self, trust: float) -> None:
        self.trust = trust
        self.setToolTip(
            f"{trust:.0%} of what the reward model was trained on was further from the rest of it "
            "than this fill."
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
        word = trust_word(self.trust)
        tones = {"high": self._colours.good, "fair": self._colours.muted, "low": self._colours.bad}
        painter.setBrush(QColor(tones[word]))
        filled = max(filled, groove.height())  # a little of the bar shows even the least trust
        painter.drawRoundedRect(QRectF(groove.topLeft(), QPointF(filled, groove.bottom())), 2, 2)
