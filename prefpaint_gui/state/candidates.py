"""The candidates of the last Generate: their order, which one is shown, and the thumbs."""

from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Filled, Order, Previewed

Thumb = Literal["up", "down"]


class Candidates(QObject):
    """What the strip under the canvas shows.

    `hovered` is shown while the pointer is on a card, otherwise `selected`; both are seeds.
    Until the person chooses, the best candidate so far is selected, and before there is one, the
    preview of the first that is pending is seen. The candidates of a photo that has changed since
    are kept, but not shown: undo brings them back.
    """

    changed = Signal()
    """Cards came, went, moved or were renewed."""
    shown_changed = Signal()
    thumbs_changed = Signal()
    previewed = Signal(int)
    """A pending card has another preview; carries its seed."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._reset(None)
        document.pixels_changed.connect(self._tell_all)

    def _reset(self, order: Order | None) -> None:
        self.order = order
        self.ranked: list[Filled] = []
        """Best first; drafts stand where their own reward puts them."""
        self.pending: tuple[int, ...] = order.seeds if order else ()
        """Seeds that nothing has come for yet."""
        self.previews: dict[int, Previewed] = {}
        """Of pending seeds."""
        self.selected: int | None = None
        self.hovered: int | None = None
        self.thumbs: dict[int, Thumb] = {}
        self._follow_best = True

    def start(self, order: Order) -> None:
        """Make room for the candidates of a new order."""
        self._reset(order)
        self._tell_all()

    def clear(self) -> None:
        self._reset(None)
        self._tell_all()

    def add(self, filled: Filled) -> None:
        """Put a candidate at its rank, in the place of an earlier rendering of its seed."""
        others = [other for other in self.ranked if other.seed != filled.seed]
        self.ranked = sorted([*others, filled], key=_order_on_strip)
        self.pending = tuple(seed for seed in self.pending if seed != filled.seed)
        self.previews.pop(filled.seed, None)
        if self._follow_best:
            self.selected = self.ranked[0].seed
        self.changed.emit()
        self.shown_changed.emit()

    def add_preview(self, preview: Previewed) -> None:
        """Show what a pending candidate looks like so far."""
        if preview.seed not in self.pending:
            return
        before = self.shown_preview
        self.previews[preview.seed] = preview
        self.previewed.emit(preview.seed)
        if before is None and self.shown_preview is not None:
            self.shown_changed.emit()

    def drop_pending(self) -> None:
        """Nothing more will come."""
        if self.pending:
            self.pending = ()
            self.previews.clear()
            self.changed.emit()
            self.shown_changed.emit()

    def by_seed(self, seed: int | None) -> Filled | None:
        return next((filled for filled in self.ranked if filled.seed == seed), None)

    @property
    def shown(self) -> Filled | None:
        """The candidate to be seen in place, or None for a preview or the photo itself."""
        if not self.are_current or self.hovered in self.previews:
            return None
        return self.by_seed(self.hovered) or self.by_seed(self.selected)

    @property
    def shown_preview(self) -> Previewed | None:
        """The preview to be seen in place while no candidate is."""
        if not self.are_current or self.shown is not None:
            return None
        wanted = [self.hovered, self.selected, *(self.pending if self._follow_best else ())]
        previews = (self.previews.get(seed) for seed in wanted if seed is not None)
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

    def select(self, seed: int | None) -> None:
        """Show a candidate, or none, until something else is chosen."""
        self._follow_best = False
        self.selected = seed
        self.hovered = None
        self.shown_changed.emit()

    def select_rank(self, rank: int) -> None:
        if self.are_current and 1 <= rank <= len(self.ranked):
            self.select(self.ranked[rank - 1].seed)

    def hover(self, seed: int | None) -> None:
        if seed != self.hovered:
            self.hovered = seed
            self.shown_changed.emit()

    def set_thumb(self, seed: int, thumb: Thumb | None) -> None:
        if thumb is None:
            self.thumbs.pop(seed, None)
        else:
            self.thumbs[seed] = thumb
        self.thumbs_changed.emit()

    @Slot()
    def _tell_all(self) -> None:
        self.changed.emit()
        self.shown_changed.emit()
        self.thumbs_changed.emit()


def _order_on_strip(filled: Filled) -> tuple[float, int]:
    return -filled.fill.score.reward, filled.seed
