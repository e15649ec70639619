"""The candidates of each Generate: their order, which one is shown, and what was said."""

from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Filled, Order, Previewed, Taste
from prefpaint_gui.state.strip import Strip
from training.reward.score import Rank, Score, ranks

Thumb = Literal["up", "down"]
MEMORY_LIMIT = 512 * 1024 * 1024
"""Bytes of candidates, and of the photos they were made for, that are kept once an order has ended;
beyond it the oldest strips go."""


class Candidates(QObject):
    """What the strip under the canvas shows: one of the strips that there are, at first the last.

    `hovered` is shown while the pointer is on a card, otherwise `selected`; both are seeds.
    Until the person chooses, the best candidate so far is selected, and before there is one, the
    preview of the first that is pending is seen. The strips of a photo that has changed since
    are kept, but not shown: undo brings them back.
    """

    changed = Signal()
    """Cards came, went, moved or were renewed."""
    shown_changed = Signal()
    answers_changed = Signal()
    previewed = Signal(int)
    """A pending card has another preview; carries its seed."""
    strip_changed = Signal()
    """Another strip is shown."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.taste: Taste | None = None
        """Whose order is shown while no order was given; None for the general one."""
        self._strips: list[Strip] = []
        """In the sequence in which they began."""
        self._strip: Strip | None = None
        """The one that is shown."""
        self.filling: Strip | None = None
        """The one that candidates come for."""
        self.hovered: int | None = None
        self.thumbs: Mapping[int, Thumb] = {}
        self.none_fits = False
        """Whether the person wants none of them."""
        document.pixels_changed.connect(self._follow_photo)

    # --- the strips ---------------------------------------------------------------------------

    def receive(self, order: Order) -> None:
        """Make room for the candidates of an order, on a strip of their own or, where it finishes
        drafts, on theirs."""
        known = (strip for strip in self._strips if strip.order.job_id == order.strip)
        self.filling = next(known, None)
        if self.filling is None:
            self.filling = Strip(order)
            self._strips.append(self.filling)
            self._show(self.filling)

    def drop_pending(self) -> None:
        """Nothing more will come; a strip that stayed empty makes way for the one before."""
        strip, self.filling = self.filling, None
        if strip is None:
            return
        strip.end()
        if not strip.ranked:
            self._strips.remove(strip)
            if strip is self._strip:
                self._show(self._last_current())
                return
        self._forget_oldest()
        self._tell_of(strip)

    def clear(self) -> None:
        self._strips, self.filling = [], None
        self._show(None)

    @property
    def current_strips(self) -> list[Strip]:
        """Those that were made for the photo as it is now, in the sequence in which they began."""
        version = self._document.versions.pixels
        return [strip for strip in self._strips if strip.order.pixels_version == version]

    @property
    def place(self) -> int:
        """Of the strip that is shown among the current ones, 1 for the first; 0 for none."""
        strips = self.current_strips
        return strips.index(self._strip) + 1 if self._strip in strips else 0

    def step(self, by: int) -> None:
        """Show the strip so many places further on, if there is one."""
        strips, place = self.current_strips, self.place - 1 + by
        if self.place and 0 <= place < len(strips):
            self._show(strips[place])

    def show_strip(self, job_id: int) -> None:
        """Show the strip of an order."""
        strip = next((strip for strip in self._strips if strip.order.job_id == job_id), None)
        if strip is not None and strip is not self._strip:
            self._show(strip)

    def _show(self, strip: Strip | None) -> None:
        self._strip, self.hovered = strip, None
        self.thumbs, self.none_fits = {}, False  # until they are told
        if strip is not None:
            strip.arrange(self.taste)
        self.strip_changed.emit()
        self._tell_all()

    def _last_current(self) -> Strip | None:
        return next(reversed(self.current_strips), None)

    def _forget_oldest(self) -> None:
        """All but the one that is shown may go."""
        for strip in list(self._strips):
            if self._held <= MEMORY_LIMIT:
                return
            if strip is not self._strip:
                self._strips.remove(strip)

    @property
    def _held(self) -> int:
        """Bytes that the strips hold, each photo once; what the document holds anyway is free."""
        photos = {id(strip.order.pixels): strip.order.pixels.nbytes for strip in self._strips}
        if self._document.photo is not None:
            for held_anyway in (self._document.pixels, self._document.photo.pixels):
                photos.pop(id(held_anyway), None)
        return sum(photos.values()) + sum(strip.size for strip in self._strips)

    @Slot()
    def _follow_photo(self) -> None:
        last = self._last_current()
        if not self.are_current and last is not None:
            self._show(last)
        else:
            self._tell_all()

    # --- what comes in ------------------------------------------------------------------------

    def add(self, filled: Filled) -> None:
        """Put a candidate at its rank, in the place of an earlier rendering of its seed."""
        if self.filling is not None:
            self.filling.add(filled, self.taste)
            self._tell_of(self.filling)

    def add_preview(self, preview: Previewed) -> None:
        """Show what a pending candidate looks like so far."""
        strip, seed = self.filling, preview.seed
        if strip is None or seed not in strip.pending:
            return
        before = self.shown_preview
        strip.previews[seed] = preview
        strip.dropped.discard(seed)  # it was begun anew
        if strip is self._strip:
            self.previewed.emit(seed)
            if before is None and self.shown_preview is not None:
                self.shown_changed.emit()

    def drop(self, seed: int) -> None:
        """A pending candidate was given up for others."""
        if self.filling is not None and seed in self.filling.pending:
            self.filling.dropped.add(seed)
            self.changed.emit()

    # --- what is shown ------------------------------------------------------------------------

    @property
    def order(self) -> Order | None:
        return self._strip.order if self._strip is not None else None

    @property
    def ranked(self) -> list[Filled]:
        """As they stand on the strip, best first; see Strip, as for the next four."""
        return self._strip.ranked if self._strip is not None else []

    @property
    def pending(self) -> tuple[int, ...]:
        return self._strip.pending if self._strip is not None else ()

    @property
    def previews(self) -> Mapping[int, Previewed]:
        return self._strip.previews if self._strip is not None else {}

    @property
    def dropped(self) -> set[int]:
        return self._strip.dropped if self._strip is not None else set()

    @property
    def selected(self) -> int | None:
        return self._strip.selected if self._strip is not None else None

    @property
    def own_order(self) -> tuple[int, ...]:
        return self._strip.own_order if self._strip is not None else ()

    def by_seed(self, seed: int | None) -> Filled | None:
        return self._strip.by_seed(seed) if self._strip is not None else None

    @property
    def shown(self) -> Filled | None:
        """The candidate to be seen in place, or None for a preview or the photo itself."""
        if not self.are_current or self.hovered in self.previews:
            return None
        return self.by_seed(self.hovered) or self.by_seed(self.selected)

    @property
    def shown_preview(self) -> Previewed | None:
        """The preview to be seen in place while no candidate is."""
        strip = self._strip
        if strip is None or not self.are_current or self.shown is not None:
            return None
        wanted = [self.hovered, strip.selected, *(strip.pending if strip.follows_best else ())]
        previews = (strip.previews.get(seed) for seed in wanted if seed is not None)
        return next((preview for preview in previews if preview is not None), None)

    @property
    def are_current(self) -> bool:
        """Whether they were made for the photo as it is now."""
        return self.order is not None and (
            self.order.pixels_version == self._document.versions.pixels
        )

    def rank(self, seed: int) -> int:
        """1 for the best."""
        return [filled.seed for filled in self.ranked].index(seed) + 1

    @property
    def places(self) -> list[Rank]:
        """One for each of `ranked`. An order that the person has given knows no ties."""
        if self.own_order:
            return [Rank(place) for place in range(1, len(self.ranked) + 1)]
        return ranks([self.score(filled.seed) for filled in self.ranked])

    def score(self, seed: int) -> Score:
        """What the card says: reward and trust of the taste, if there is one."""
        assert self._strip is not None  # there is a card
        return self._strip.scores[seed]

    # --- what the person does -----------------------------------------------------------------

    def set_taste(self, taste: Taste | None) -> None:
        """Stand in the order of a person's taste, or in the general one."""
        if taste is not self.taste:
            self.taste = taste
            self._arrange()

    def keep_selection(self) -> None:
        """Do not follow the best any more: the person has looked at what is shown."""
        if self._strip is not None:
            self._strip.follows_best = False

    def select(self, seed: int | None) -> None:
        """Show a candidate, or none, until something else is chosen."""
        self.keep_selection()
        if self._strip is not None:
            self._strip.selected = seed
        self.hovered = None
        self.shown_changed.emit()

    def select_rank(self, rank: int) -> None:
        if self.are_current and 1 <= rank <= len(self.ranked):
            self.select(self.ranked[rank - 1].seed)

    def hover(self, seed: int | None) -> None:
        if seed != self.hovered:
            self.hovered = seed
            self.shown_changed.emit()

    def show_answers(
        self, thumbs: Mapping[int, Thumb], own_order: tuple[int, ...], none_fits: bool
    ) -> None:
        """What the person has said of them so far."""
        self.thumbs, self.none_fits = thumbs, none_fits
        if self._strip is not None and own_order != self._strip.own_order:
            self._strip.own_order = own_order
            self._arrange()
        self.answers_changed.emit()

    def _arrange(self) -> None:
        if self._strip is not None:
            self._strip.arrange(self.taste)
        self.changed.emit()
        self.shown_changed.emit()

    def _tell_of(self, strip: Strip) -> None:
        """Something of a strip is new; of one that is not shown, its progress at most."""
        self.changed.emit()
        if strip is self._strip:
            self.shown_changed.emit()

    @Slot()
    def _tell_all(self) -> None:
        self.changed.emit()
        self.shown_changed.emit()
        self.answers_changed.emit()
