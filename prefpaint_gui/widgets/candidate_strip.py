"""The candidates under the canvas: best first, or as the person has put them."""

from PySide6.QtCore import QEasingCurve, QPoint, QPropertyAnimation, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QStackedLayout,
    QWidget,
)

from prefpaint_gui.state.asking import Asking
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.personal import Personal
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.candidate_card import CARD_SIZE, CandidateCard
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.strip_drag import GAP, MARGIN, StripDrag, place_of
from prefpaint_gui.widgets.strip_question import LETTERS
from prefpaint_gui.widgets.strip_side import StripSide
from prefpaint_gui.widgets.theme import Colours

MOVE_MS = 220
SLIM_HEIGHT = 49
"""Until the first Generate on a photo; later the photo must not jump with every strip."""


class CandidateStrip(QWidget):
    """Keeps one card for each seed and moves it to its rank."""

    def __init__(
        self,
        document: Document,
        candidates: Candidates,
        session: Session,
        personal: Personal,
        asking: Asking,
    ) -> None:
        super().__init__()
        self.setObjectName("strip")
        self._document = document
        self._candidates = candidates
        self._session = session
        self._asking = asking
        self._colours = Colours()
        self.animated = True
        self.cards: dict[int, CandidateCard] = {}
        self._glides: dict[int, QPropertyAnimation] = {}
        """How each card moves."""
        self._order_shown = 0
        self._followed: int | None = None
        """Seed of the candidate that was shown last."""
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Candidates")
        self.message = label(tone="muted")
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._row = QWidget()
        self._row.setObjectName("stripRow")
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidget(self._row)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.viewport().setAutoFillBackground(False)
        self.drag = StripDrag(self._row, self._area)
        self.side = StripSide(candidates, session.answers, personal, asking)
        self._pages = QStackedLayout()
        self._lay_out()
        candidates.changed.connect(self._rebuild)
        candidates.shown_changed.connect(self._mark_shown)
        candidates.answers_changed.connect(self._mark_thumbs)
        candidates.previewed.connect(self._show_preview)
        session.jobs.progress_changed.connect(self._show_progress)
        asking.changed.connect(self._show_question)
        self.side.question.looked_for.connect(self._bring_into_view)
        document.history_changed.connect(self._show_message)
        self.drag.dropped.connect(self._move)
        self.drag.ended.connect(self._rebuild)
        self._rebuild()

    def _lay_out(self) -> None:
        self._pages.addWidget(self.message)
        self._pages.addWidget(self._area)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._pages, 1)
        layout.addWidget(self.side)

    def set_colours(self, colours: Colours) -> None:
        """Make every card anew in other colours."""
        self._colours = colours
        self._remove_cards(list(self.cards))
        self._rebuild()

    @property
    def _seeds(self) -> list[int]:
        """In the order of the strip."""
        if not self._candidates.are_current:
            return []
        ranked = [filled.seed for filled in self._candidates.ranked]
        return [*ranked, *self._candidates.pending]

    def _rebuild(self) -> None:
        order, seeds = self._candidates.order, self._seeds
        if order is not None and order.job_id != self._order_shown:
            self._order_shown = order.job_id
            self._remove_cards(list(self.cards))
            self._area.horizontalScrollBar().setValue(0)
        self._remove_cards([seed for seed in self.cards if seed not in seeds])
        for place, seed in enumerate(seeds):
            self._put(seed, place_of(place))
        candidates, photo = self._candidates, self._document.pyramid
        for rank, filled in zip(candidates.places, candidates.ranked, strict=True):
            if filled.seed in self.cards:
                score = candidates.score(filled.seed)
                self.cards[filled.seed].show_candidate(filled, rank, score, photo)
        for seed in candidates.previews:
            self._show_preview(seed)
        for seed in candidates.pending:
            if seed in self.cards:
                self.cards[seed].show_dropped(seed in candidates.dropped)
        width = 2 * MARGIN + len(seeds) * (CARD_SIZE.width() + GAP) - GAP
        self._row.resize(max(width, 0), CARD_SIZE.height() + 2 * MARGIN)
        is_slim = order is None
        self.setFixedHeight(SLIM_HEIGHT if is_slim else CARD_SIZE.height() + 2 * MARGIN + 1)
        self.side.setVisible(not is_slim)
        self._show_message()
        self._pages.setCurrentIndex(1 if seeds else 0)
        self._mark_shown()
        self._mark_thumbs()
        self._show_question()

    def _show_message(self) -> None:
        if self._candidates.ranked and self._document.is_modified:
            words = "The candidate is in the photo. Paint the next area, or undo to choose another."
        else:
            words = "Candidates appear here, best first. Paint over what should go, then Generate."
        self.message.setText(words)

    def _put(self, seed: int, place: QPoint) -> None:
        card = self.cards.get(seed)
        if card is not None and card is self.drag.card:
            return
        if card is None:
            card = self.cards[seed] = self._make_card(seed)
            card.move(place)
            card.show()
        elif self.animated and self.isVisible():
            self._glide(card, place)
        else:
            card.move(place)

    def _make_card(self, seed: int) -> CandidateCard:
        card = CandidateCard(seed, self._colours, self._row)
        card.clicked.connect(self._candidates.select)
        card.hovered.connect(self._hover)
        card.left.connect(self._leave)
        card.thumb_pressed.connect(self._session.answers.toggle_thumb)
        card.menu_wanted.connect(self._open_menu)
        card.dragged.connect(self._drag)
        card.dropped.connect(self.drag.drop)
        glide = self._glides[seed] = QPropertyAnimation(card, b"pos", card)
        glide.setDuration(MOVE_MS)
        glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        return card

    def _drag(self, seed: int, pointer: QPoint) -> None:
        seeds = [filled.seed for filled in self._candidates.ranked]
        if seed in seeds and seed in self.cards:
            if self.drag.card is None:
                self._glides[seed].stop()
                self.drag.begin(self.cards[seed], seeds.index(seed), len(seeds), pointer)
            self.drag.move(pointer)

    def _move(self, seed: int, place: int) -> None:
        seeds = [filled.seed for filled in self._candidates.ranked]
        if seed in seeds:
            seeds.remove(seed)
            seeds.insert(place, seed)
            self._session.answers.arrange(tuple(seeds))

    def _open_menu(self, seed: int, place: QPoint) -> None:
        if self._candidates.by_seed(seed) is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        accept = menu.addAction("Accept the candidate")
        accept.triggered.connect(lambda: self._accept(seed))
        use = menu.addAction("Use these settings")
        use.triggered.connect(lambda: self._session.use_settings(seed))
        menu.popup(place)

    def _accept(self, seed: int) -> None:
        self._candidates.select(seed)
        self._session.accept()

    def _hover(self, seed: int) -> None:
        candidates = self._candidates
        if candidates.by_seed(seed) is not None or seed in candidates.previews:
            candidates.hover(seed)

    def _leave(self) -> None:
        self._candidates.hover(None)

    def _glide(self, card: CandidateCard, place: QPoint) -> None:
        glide = self._glides[card.seed]
        is_running = glide.state() == QPropertyAnimation.State.Running
        if (glide.endValue() if is_running else card.pos()) != place:
            glide.stop()
            glide.setEndValue(place)
            glide.start()
            card.raise_()

    def _remove_cards(self, seeds: list[int]) -> None:
        for seed in seeds:
            card = self.cards.pop(seed)
            del self._glides[seed]
            if card is self.drag.card:
                self.drag.cancel()
            card.hide()
            card.deleteLater()

    def _mark_shown(self) -> None:
        shown = self._candidates.shown
        seen = shown or self._candidates.shown_preview
        for seed, card in self.cards.items():
            card.set_chosen(seen is not None and seen.seed == seed)
        if shown is not None and self._candidates.hovered is None:
            # The cards that a question is about stay in view until another is chosen.
            if self._asking.question is None or shown.seed != self._followed:
                self._bring_into_view(shown.seed)
            self._followed = shown.seed

    def _bring_into_view(self, seed: int) -> None:
        # Where it will lie, not where it is gliding.
        left = place_of(self._seeds.index(seed)).x()
        for x in (left + CARD_SIZE.width(), left):
            self._area.ensureVisible(x, 0, MARGIN, 0)

    def _mark_thumbs(self) -> None:
        for seed, card in self.cards.items():
            card.set_thumb(self._candidates.thumbs.get(seed))

    def _show_question(self) -> None:
        """Mark the cards and have them in view, the first of them where there is not room."""
        question = self._asking.question
        marks = dict(zip(question.seeds, LETTERS, strict=False)) if question is not None else {}
        for seed, card in self.cards.items():
            card.set_mark(marks.get(seed, ""))
        for seed in reversed(marks):
            if seed in self.cards:
                self._bring_into_view(seed)

    def _show_preview(self, seed: int) -> None:
        if seed in self.cards:
            preview = self._candidates.previews[seed]
            self.cards[seed].show_preview(preview, self._document.pyramid)

    def _show_progress(self) -> None:
        for seed in self._candidates.pending:
            if seed in self.cards:
                self.cards[seed].show_progress(self._session.jobs.progress.share)
