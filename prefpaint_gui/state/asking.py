"""Which of some candidates is best: asked seldom, and only when it was asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.personal import Personal
from prefpaint_gui.state.session import Session

PAUSE_S = 60.0
"""The least time between two questions."""


@dataclass(frozen=True)
class Question:
    """Seeds of two to four candidates of one strip, in the order in which they stand."""

    strip: int
    seeds: tuple[int, ...]


class Asking(QObject):
    """Asks about the finished candidates of which the answer would teach most.

    One question a strip at most, and none where the person has given an order already, which says
    more, or a thumb to all that it is about. now: a clock in seconds.
    """

    changed = Signal()

    def __init__(
        self,
        candidates: Candidates,
        session: Session,
        personal: Personal,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._candidates = candidates
        self._session = session
        self._personal = personal
        self.now = now
        self._asked_at: float | None = None
        self._asked_strip = 0
        self.question: Question | None = None
        for signal in (
            candidates.changed,
            candidates.answers_changed,
            session.jobs.changed,
            personal.changed,
        ):
            signal.connect(self._look)

    def answer(self, best: int) -> None:
        """Keep which of them is best."""
        question = self.question
        if question is not None and best in question.seeds:
            others = tuple(seed for seed in question.seeds if seed != best)
            self._set(None)
            self._session.answers.prefer(best, others)

    def dismiss(self) -> None:
        """The person cannot or will not say."""
        self._set(None)

    def _set(self, question: Question | None) -> None:
        if question != self.question:
            self.question = question
            self.changed.emit()

    @Slot()
    def _look(self) -> None:
        if self.question is not None:
            if not self._may_ask(self.question.strip) or self._is_answered(self.question):
                self._set(None)
            return
        order = self._candidates.order
        if order is None or order.job_id == self._asked_strip or not self._may_ask(order.job_id):
            return
        if self._asked_at is not None and self.now() - self._asked_at < PAUSE_S:
            return
        question = self._most_telling(order.job_id)
        if question is not None and not self._is_answered(question):
            self._asked_at, self._asked_strip = self.now(), order.job_id
            self._set(question)

    def _may_ask(self, strip: int) -> bool:
        candidates = self._candidates
        return (
            self._personal.values.asks
            and candidates.are_current
            and candidates.order is not None
            and candidates.order.job_id == strip
            and not self._session.is_busy
            and not self._session.answers.has_order
        )

    def _is_answered(self, question: Question) -> bool:
        """Whether there is a thumb on each card; with an acceptance the candidates are past."""
        return set(question.seeds) <= self._candidates.thumbs.keys()

    def _most_telling(self, strip: int) -> Question | None:
        from training.reward.asking import most_telling  # here: it is seldom needed

        taste = self._personal.taste
        finished = [
            filled
            for filled in self._candidates.ranked
            if not filled.is_draft
            and taste is not None
            and filled.reward_model == taste.order.reward_model
        ]
        if taste is None or len(finished) < 2:
            return None
        features = np.stack([filled.fill.score.features for filled in finished])
        rewards = np.array([filled.fill.score.reward for filled in finished], np.float64)
        places = most_telling(features.astype(np.float64), rewards, taste.reward)
        if places is None:
            return None
        return Question(strip, tuple(finished[place].seed for place in places))
