"""The candidates under the canvas, best first."""

from PySide6.QtCore import QEasingCurve, QPoint, QPropertyAnimation, Qt
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QStackedLayout, QWidget

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.candidate_card import CARD_SIZE, CandidateCard
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.theme import Colours
from training.reward.score import rank_words

GAP = 12
MARGIN = 12
MOVE_MS = 220


class CandidateStrip(QWidget):
    """Keeps one card for each seed and moves it to its rank."""

    def __init__(self, document: Document, candidates: Candidates, session: Session) -> None:
        super().__init__()
        self.setObjectName("strip")
        self._document = document
        self._candidates = candidates
        self._session = session
        self._colours = Colours()
        self.animated = True
        self.cards: dict[int, CandidateCard] = {}
        self._order_shown = 0
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Candidates")
        self.setFixedHeight(CARD_SIZE.height() + 2 * MARGIN + 1)
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
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.message)
        self._pages.addWidget(self._area)
        candidates.changed.connect(self._rebuild)
        candidates.shown_changed.connect(self._mark_shown)
        candidates.thumbs_changed.connect(self._mark_thumbs)
        candidates.previewed.connect(self._show_preview)
        session.jobs.progress_changed.connect(self._show_progress)
        self._rebuild()

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
            self._put(seed, QPoint(MARGIN + place * (CARD_SIZE.width() + GAP), MARGIN))
        ranked = self._candidates.ranked
        ranks = rank_words([filled.fill.score for filled in ranked])
        for rank, filled in zip(ranks, ranked, strict=True):
            if filled.seed in self.cards:
                self.cards[filled.seed].show_candidate(filled, rank, self._document.pyramid)
        for seed in self._candidates.previews:
            self._show_preview(seed)
        width = 2 * MARGIN + len(seeds) * (CARD_SIZE.width() + GAP) - GAP
        self._row.resize(max(width, 0), CARD_SIZE.height() + 2 * MARGIN)
        self.message.setText(self._message())
        self._pages.setCurrentIndex(1 if seeds else 0)
        self._mark_shown()
        self._mark_thumbs()

    def _message(self) -> str:
        if self._candidates.order is not None and self._candidates.ranked:
            return "The candidate is in the photo. Paint the next area, or undo to choose another."
        return "Candidates appear here, best first. Paint over what should go, then Generate."

    def _put(self, seed: int, place: QPoint) -> None:
        card = self.cards.get(seed)
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
        card.thumb_pressed.connect(self._session.toggle_thumb)
        card.menu_wanted.connect(self._open_menu)
        return card

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
        running = card.findChild(QPropertyAnimation)
        target = running.endValue() if running is not None else card.pos()
        if target == place:
            return
        if running is not None:
            running.stop()
        glide = QPropertyAnimation(card, b"pos", card)
        glide.setDuration(MOVE_MS)
        glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        glide.setEndValue(place)
        glide.start(QPropertyAnimation.DeletionPolicy.DeleteWhenStopped)
        card.raise_()

    def _remove_cards(self, seeds: list[int]) -> None:
        for seed in seeds:
            card = self.cards.pop(seed)
            card.hide()
            card.deleteLater()

    def _mark_shown(self) -> None:
        shown = self._candidates.shown
        seen = shown or self._candidates.shown_preview
        for seed, card in self.cards.items():
            card.set_chosen(seen is not None and seen.seed == seed)
        if shown is not None and self._candidates.hovered is None:
            self._area.ensureWidgetVisible(self.cards[shown.seed], MARGIN, 0)

    def _mark_thumbs(self) -> None:
        for seed, card in self.cards.items():
            card.set_thumb(self._candidates.thumbs.get(seed))

    def _show_preview(self, seed: int) -> None:
        if seed in self.cards:
            preview = self._candidates.previews[seed]
            self.cards[seed].show_preview(preview, self._document.pyramid)

    def _show_progress(self) -> None:
        for seed in self._candidates.pending:
            if seed in self.cards:
                self.cards[seed].show_progress(self._session.jobs.progress.share)
