"""Keeps a person's taste up with their answers, in a thread that waits for no disk."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.history import Swap
from prefpaint_gui.state.messages import Answer, Taste, TasteOrder
from training.preferences.judged import joined, latest, named_by_content
from training.preferences.records import JudgedStrip, Opinion

if TYPE_CHECKING:
    from training.reward.personal import PersonalReward


class LearningWorker(QObject):
    """Tells of the taste that was ordered last, and again after each answer.

    It gets answers from the window and the strips of the store from the FeedbackWorker, which
    writes at the same time; both get orders and answers in the same sequence, so that it knows
    what the store knows as soon as that is written.
    """

    learned = Signal(object)
    """Carries a Taste."""
    started = Signal(object)
    """It has begun to learn from what the store held; carries the TasteOrder."""
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._order: TasteOrder | None = None
        self._learner: _Learner | None = None
        self._said: dict[int, tuple[str, JudgedStrip]] = {}
        """All answers by token: the reward model, and the strip with that answer alone."""
        self._swaps: list[Swap] = []
        """Since the order: the store may be read at any moment between two of them."""
        self._anew: dict[str, JudgedStrip] = {}
        """Strips of an earlier reward as the present one sees them, by their digest under the
        earlier one, which is that of their answers."""

    @Slot()
    def close(self) -> None:
        self.closed.emit()

    @Slot(object)
    def order(self, order: TasteOrder) -> None:
        """Learn this taste from now on, as soon as the store's strips are here."""
        self._order, self._learner = order, None
        self._swaps.clear()
        self._anew.clear()

    @Slot(object, object)
    def start(self, order: TasteOrder, strips: Sequence[JudgedStrip]) -> None:
        """Learn from what the store held when it took in the order."""
        if order is self._order:  # not an equal one that came before: its swaps are forgotten
            # Other versions may see more or less of a fill.
            self._learner = _Learner([s for s in strips if s.features.shape[1] == order.width])
            for swap in self._swaps:
                self._apply(self._learner, swap)
            self._tell()
            self.started.emit(order)

    @Slot(object, object)
    def extend(self, order: TasteOrder, strips: Sequence[JudgedStrip]) -> None:
        """Learn also from strips of an earlier reward, which the present one has seen by now.

        strips: named by their content under the earlier reward.
        """
        if self._learner is not None and order is self._order:
            self._learner.extend(strips)
            anew = {strip.digest: named_by_content(strip) for strip in strips}
            self._anew |= anew
            about = {token for token, (_, said) in self._said.items() if said.digest in anew}
            for swap in self._swaps:
                if swap.old in about or swap.new in about:
                    self._apply(self._learner, swap)
            self._tell()

    @Slot(object)
    def take(self, answer: Answer) -> None:
        """Learn from an answer."""
        self._said[answer.token] = (answer.reward_model, _strip_of(answer))
        self.swap(Swap(answer.replaces, answer.token))

    @Slot(object)
    def swap(self, swap: Swap) -> None:
        """Learn from one answer no more, and from another one again."""
        self._swaps.append(swap)
        if self._learner is not None and self._apply(self._learner, swap):
            self._tell()

    @Slot(int)
    def drop(self, token: int) -> None:
        """The store could not keep an answer."""
        self.swap(Swap(token, None))

    def _apply(self, learner: "_Learner", swap: Swap) -> bool:
        """Whether the answers concern this taste. Swaps may be applied again, all in sequence."""
        old, new = (self._concerning(token) for token in (swap.old, swap.new))
        if old is not None:
            learner.remove(old)
        if new is not None:
            learner.add(new)
        return old is not None or new is not None

    def _concerning(self, token: int | None) -> JudgedStrip | None:
        model, said = self._said.get(token or 0, ("", None))
        if said is None or self._order is None or said.opinions[0].person != self._order.person:
            return None
        if model == self._order.reward_model:
            return said
        anew = self._anew.get(said.digest)
        return replace(anew, opinions=said.opinions) if anew is not None else None

    def _tell(self) -> None:
        if self._learner is not None and self._order is not None:
            self.learned.emit(Taste(self._order, self._learner.reward))


class _Learner:
    """The strips of one person and reward model, and what they teach."""

    def __init__(self, strips: Sequence[JudgedStrip]) -> None:
        self._strips = {strip.digest: strip for strip in joined(strips)}
        self.reward = _learn(list(self._strips.values()))

    def add(self, said: JudgedStrip) -> None:
        """Learn from one answer more; one on the same subject counts no more."""
        self._set(said, latest((*self._opinions(said), *said.opinions)))

    def extend(self, strips: Sequence[JudgedStrip]) -> None:
        """Learn from what was said before all that is known."""
        self._strips = {s.digest: s for s in joined((*strips, *self._strips.values()))}
        self.reward = _learn(list(self._strips.values()))

    def remove(self, said: JudgedStrip) -> None:
        left = tuple(opinion for opinion in self._opinions(said) if opinion not in said.opinions)
        self._set(said, left)

    def _opinions(self, said: JudgedStrip) -> tuple[Opinion, ...]:
        known = self._strips.get(said.digest)
        return known.opinions if known is not None else ()

    def _set(self, said: JudgedStrip, opinions: tuple[Opinion, ...]) -> None:
        strip = self._strips[said.digest] = replace(said, opinions=opinions)
        self.reward = self.reward.with_strip(strip)


def _learn(strips: Sequence[JudgedStrip]) -> "PersonalReward":
    from training.reward.personal import learn  # here: it is not needed until there are candidates

    return learn(strips)


def _strip_of(answer: Answer) -> JudgedStrip:
    """The strip that an answer is about, with that answer alone."""
    scores = [fill.score for fill in answer.shown]
    seeds = tuple(fill.candidate.seed for fill in answer.shown)
    rewards = np.array([score.reward for score in scores], np.float64)
    features = np.stack([score.features for score in scores])
    return named_by_content(JudgedStrip("", seeds, rewards, features, (answer.opinion,)))
