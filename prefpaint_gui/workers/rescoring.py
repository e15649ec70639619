"""Lets a new reward see the strips that an earlier one scored, so that no taste begins anew."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from prefpaint_gui.state.messages import TasteOrder
from prefpaint_gui.workers.generation import OwnedScorer
from prefpaint_gui.workers.opened import Opened
from training.errors import Cancelled, PrefPaintError
from training.preferences.judged import named_by_content
from training.preferences.records import Filter, JudgedStrip

if TYPE_CHECKING:
    from training.preferences.records import StoredPresentation

ENOUGH = 100
"""Strips to learn from; by then a taste is about as well known as it gets."""
BATCH = 10
"""Strips told of at once."""


class Store(Protocol):
    """What the worker needs of a preference store."""

    notice: str | None

    def judged_strips(
        self, person: str, reward_model: str, since: str | None = None
    ) -> list[JudgedStrip]:
        """What a person has said of fills that a reward model scored."""

    def presentation_ids(self, which: Filter) -> list[int]:
        """Keys for `read`, oldest first."""

    def read(self, presentation_id: int, which: Filter) -> "StoredPresentation":
        """A strip with its pictures. Raises PrefPaintError when one is gone."""

    def close(self) -> None:
        """Let go of it."""


class RescoringWorker(QObject):
    """Works on the order that came last, one strip after the other, in a thread of its own.

    Nothing is kept on disk: of what is deleted from the store no trace is left. open_store,
    make_scorer: called in that thread, when there is something to score. reward: see Training.
    """

    rescored = Signal(object, object)
    """Carries the TasteOrder and a list of JudgedStrips, named by their content under the earlier
    reward: so LearningWorker knows what is said of them meanwhile."""
    closed = Signal()

    def __init__(
        self,
        open_store: Callable[[], Store],
        make_scorer: Callable[[str], OwnedScorer],
        reward: str,
    ) -> None:
        super().__init__()
        self._store = Opened(open_store, lambda _: None)  # others tell of it
        self._make_scorer = make_scorer
        self._reward = reward
        self._scorer: OwnedScorer | None = None
        self._cancel = threading.Event()
        self._order: TasteOrder | None = None
        self._keys: list[int] = []
        """Of strips that may be of an earlier reward, oldest first."""
        self._wanted = 0
        self._scored: dict[str, JudgedStrip] = {}
        """By that name, what the present reward has seen: the same order often comes again."""
        self._done: list[JudgedStrip] = []
        """Not told of yet."""
        self._timer = QTimer(self)  # between two strips a newer order may come
        self._timer.timeout.connect(self._next)

    @Slot(str)
    def use_reward(self, reward: str) -> None:
        """Score with another reward from the next order on."""
        self._end()
        self._scored.clear()
        self._reward = reward

    @Slot(object)
    def order(self, order: TasteOrder) -> None:
        """Find what the order's reward has not seen of the person's newest strips."""
        self._end()
        try:
            store = self._store.get()
            seen = store.judged_strips(order.person, order.reward_model, order.since)
            self._wanted = ENOUGH - len(seen)
            self._keys = store.presentation_ids(_which(order)) if self._wanted > 0 else []
        except (PrefPaintError, OSError):
            return  # whoever learns and keeps reads the same store, and tells of it
        self._order = order
        if len(self._keys) > len(seen):
            self._timer.start()

    def cancel(self) -> None:
        """End the work under way at once; called from any thread."""
        self._cancel.set()

    @Slot()
    def close(self) -> None:
        """End the scorer's process."""
        self._end()
        self._store.close()
        self.closed.emit()

    def _end(self) -> None:
        self._timer.stop()
        self._keys, self._done = [], []
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    @Slot()
    def _next(self) -> None:
        order = self._order
        if order is None or self._cancel.is_set() or not self._keys or self._wanted <= 0:
            self._tell()
            self._end()
            return
        try:
            strip = self._store.get().read(self._keys.pop(), _which(order))
        except (PrefPaintError, OSError):
            return  # it or a picture of it is gone
        if strip.presentation.reward_model == order.reward_model:
            return
        try:
            scored = self._score(strip, order)
        except Cancelled:
            self._end()
        except PrefPaintError:  # the next fill will tell the person
            logging.getLogger(__name__).info("rescoring failed", exc_info=True)
            self._end()
        else:
            if scored is None:
                self._end()
                return
            self._done.append(scored)
            self._wanted -= 1
            if len(self._done) == BATCH:
                self._tell()

    def _score(self, strip: "StoredPresentation", order: TasteOrder) -> JudgedStrip | None:
        """None where the reward is another one by now."""
        opinions = tuple(stored.opinion for stored in strip.opinions)
        name = _name(strip)
        if name in self._scored:
            return replace(self._scored[name], opinions=opinions)
        if self._scorer is None:
            self._scorer = self._make_scorer(self._reward)
        shown = strip.presentation
        fills = [candidate.pixels for candidate in shown.candidates]
        scores = self._scorer.score(shown.image, shown.hole, fills, self._cancel)
        if self._scorer.name != order.reward_model or len(scores[0].features) != order.width:
            return None
        scored = JudgedStrip(
            name,
            tuple(candidate.seed for candidate in shown.candidates),
            np.array([score.reward for score in scores], np.float64),
            np.stack([score.features for score in scores]),
            opinions,
        )
        self._scored[name] = scored
        return scored

    def _tell(self) -> None:
        if self._done:
            self.rescored.emit(self._order, self._done)
            self._done = []


def _name(strip: "StoredPresentation") -> str:
    """By the content, or the store's where a candidate was not scored: no window showed that."""
    candidates = strip.presentation.candidates
    rewards = [candidate.reward for candidate in candidates if candidate.reward is not None]
    widths = {len(candidate.features) for candidate in candidates}
    if len(rewards) < len(candidates) or len(widths) > 1:
        return strip.digest
    seeds = tuple(candidate.seed for candidate in candidates)
    features = np.stack([candidate.features for candidate in candidates])
    return named_by_content(JudgedStrip("", seeds, np.array(rewards), features, ())).digest


def _which(order: TasteOrder) -> Filter:
    return Filter(since=order.since, persons=(order.person,))
