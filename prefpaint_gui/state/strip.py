"""The candidates of one Generate."""

from dataclasses import replace

import numpy as np

from prefpaint_gui.state.messages import Filled, Order, Previewed, Taste
from training.reward.score import Score


class Strip:
    """What has come of an order so far. A seed is pending until its candidate is there."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.ranked: list[Filled] = []
        """As they stand on the strip; drafts stand where their own reward puts them."""
        self.scores: dict[int, Score] = {}
        """As they are shown: bent by the taste, if there is one."""
        self.pending = order.seeds
        """Seeds that nothing has come for yet."""
        self.previews: dict[int, Previewed] = {}
        """Of pending seeds."""
        self.dropped: set[int] = set()
        """Pending seeds that nothing more comes of."""
        self.selected: int | None = None
        self.own_order: tuple[int, ...] = ()
        """Seeds as the person has put them; those that came later stand behind them."""
        self.follows_best = True

    @property
    def size(self) -> int:
        """Bytes held, about; the photo, which other strips may share, is not among them."""
        pictures = sum(
            filled.region.nbytes
            + filled.fill.candidate.pixels.nbytes
            + sum(level.nbytes for level in filled.pyramid.levels)
            for filled in self.ranked
        )
        return pictures + self.order.mask.nbytes

    def by_seed(self, seed: int | None) -> Filled | None:
        return next((filled for filled in self.ranked if filled.seed == seed), None)

    def add(self, filled: Filled, taste: Taste | None) -> None:
        """Put a candidate at its rank, in the place of an earlier rendering of its seed."""
        others = [other for other in self.ranked if other.seed != filled.seed]
        self.ranked = [*others, filled]
        self.pending = tuple(seed for seed in self.pending if seed != filled.seed)
        self.previews.pop(filled.seed, None)
        self.arrange(taste)

    def arrange(self, taste: Taste | None) -> None:
        """In the order that the person has given, if any, else by the taste, else by the reward."""
        self.scores = _bent(self.ranked, taste)
        places = {seed: place for place, seed in enumerate(self.own_order)}
        self.ranked.sort(
            key=lambda filled: (
                places.get(filled.seed, len(places)),
                -self.scores[filled.seed].reward,
                filled.seed,
            )
        )
        if self.follows_best and self.ranked:
            self.selected = self.ranked[0].seed

    def end(self) -> None:
        """Nothing more will come."""
        self.pending = ()
        self.previews.clear()


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
