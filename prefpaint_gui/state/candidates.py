"""The candidates of the last Generate: their order, which one is shown, and what was said."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Filled, Order, Previewed, Taste
from training.reward.score import Rank, Score, ranks

Thumb = Literal["up", "down"]


class Candidates(QObject):
    """What the strip under the canvas shows.

    `hovered` is shown while the pointer is on a card, otherwise `selected`; both are seeds.
    Until the person chooses, the best candidate so far is selected, and before there is one, the
    preview of the first that is pending is seen. The candidates of a photo that has changed since
    are kept, but not shown: undo brings them back.
    They stand in the order that the person has given them, if any, else in that of the person's
    taste while there is one, else in that of the reward.
    """

    changed = Signal()
    """Cards came, went, moved or were renewed."""
    shown_changed = Signal()
    answers_changed = Signal()
    previewed = Signal(int)
    """A pending card has another preview; carries its seed."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.taste: Taste | None = None
        """Whose order is shown while no order was given; None for the general one."""
        self._reset(None)
        document.pixels_changed.connect(self._tell_all)

    def _reset(self, order: Order | None) -> None:
        self.order = order
        self.ranked: list[Filled] = []
        """As they stand on the strip; drafts stand where their own reward puts them."""
        self._scores: dict[int, Score] = {}
        """As they are shown: bent by the taste, if there is one."""
        self.pending: tuple[int, ...] = order.seeds if order else ()
        """Seeds that nothing has come for yet."""
        self.previews: dict[int, Previewed] = {}
        """Of pending seeds."""
        self.dropped: set[int] = set()
        """Pending seeds that nothing more comes of."""
        self.selected: int | None = None
        self.hovered: int | None = None
        self.thumbs: Mapping[int, Thumb] = {}
        self.own_order: tuple[int, ...] = ()
        """Seeds as the person has put them; those that came later stand behind them."""
        self.none_fits = False
        """Whether the person wants none of them."""
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
        self.ranked = [*others, filled]
        self.pending = tuple(seed for seed in self.pending if seed != filled.seed)
        self.previews.pop(filled.seed, None)
        self._arrange()

    def add_preview(self, preview: Previewed) -> None:
        """Show what a pending candidate looks like so far."""
        if preview.seed not in self.pending:
            return
        before = self.shown_preview
        self.previews[preview.seed] = preview
        self.dropped.discard(preview.seed)  # it was begun anew
        self.previewed.emit(preview.seed)
        if before is None and self.shown_preview is not None:
            self.shown_changed.emit()

    def drop(self, seed: int) -> None:
        """A pending candidate was given up for others."""
        if seed in self.pending:
            self.dropped.add(seed)
            self.changed.emit()

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

    @property
    def places(self) -> list[Rank]:
        """One for each of `ranked`. An order that the person has given knows no ties."""
        if self.own_order:
            return [Rank(place) for place in range(1, len(self.ranked) + 1)]
        return ranks([self.score(filled.seed) for filled in self.ranked])

    def score(self, seed: int) -> Score:
        """What the card says: reward and trust of the taste, if there is one."""
        return self._scores[seed]

    def set_taste(self, taste: Taste | None) -> None:
        """Stand in the order of a person's taste, or in the general one."""
        if taste is not self.taste:
            self.taste = taste
            self._arrange()

    def _arrange(self) -> None:
        self._scores = _bent(self.ranked, self.taste)
        places = {seed: place for place, seed in enumerate(self.own_order)}
        self.ranked.sort(
            key=lambda filled: (
                places.get(filled.seed, len(places)),
                -self._scores[filled.seed].reward,
                filled.seed,
            )
        )
        if self._follow_best and self.ranked:
            self.selected = self.ranked[0].seed
        self.changed.emit()
        self.shown_changed.emit()

    def keep_selection(self) -> None:
        """Do not follow the best any more: the person has looked at what is shown."""
        self._follow_best = False

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

    def show_answers(
        self, thumbs: Mapping[int, Thumb], own_order: tuple[int, ...], none_fits: bool
    ) -> None:
        """What the person has said of them so far."""
        self.thumbs, self.none_fits = thumbs, none_fits
        if own_order != self.own_order:
            self.own_order = own_order
            self._arrange()
        self.answers_changed.emit()

    @Slot()
    def _tell_all(self) -> None:
        self.changed.emit()
        self.shown_changed.emit()
        self.answers_changed.emit()


def _bent(candidates: list[Filled], taste: Taste | None) -> dict[int, Score]:
    """The scores by seed, moved by a taste that was learned on the same reward model's features."""
    scores = {filled.seed: filled.fill.score for filled in candidates}
    known = [
        filled
        for filled in candidates
        if taste is not None and filled.reward_model == taste.order.reward_model
    ]
    if taste is None or not known:
        return scores
    features = np.stack([filled.fill.score.features for filled in known])
    rewards = np.array([filled.fill.score.reward for filled in known])
    means, deviations = taste.reward.judge(features.astype(np.float64), rewards)
    for filled, mean, deviation in zip(known, means, deviations, strict=True):
        score = filled.fill.score
        # Fills vary by one deviation of the reward: the share of that which is no doubt of taste.
        trust = score.trust / (1 + float(deviation) ** 2)
        scores[filled.seed] = replace(score, reward=float(mean), trust=trust)
    return scores
