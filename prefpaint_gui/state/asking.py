"""Which of two candidates is better: asked seldom, and only when it was asked for."""

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
    """Seeds of two candidates of one strip, in the order in which they stand."""

    strip: int
    first: int
    second: int


class Asking(QObject):
    """Asks about the pair of finished candidates whose answer would teach most.

    One question a strip at most, and none where the person has given an order already, which says
    more, or a thumb to both. now: a clock in seconds.
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

    def answer(self, winner: int) -> None:
        """Keep which of the two is better."""
        question = self.question
        if question is not None and winner in (question.first, question.second):
            loser = question.second if winner == question.first else question.first
            self._set(None)
            self._session.answers.prefer(winner, loser)

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
        """Whether there is a thumb on both cards; with an acceptance the candidates are past."""
        return {question.first, question.second} <= self._candidates.thumbs.keys()

    def _most_telling(self, strip: int) -> Question | None:
        from training.reward.asking import most_telling_pair  # here: it is seldom needed

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
        pair = most_telling_pair(features.astype(np.float64), rewards, taste.reward)
        if pair is None:
            return None
        first, second = sorted(pair)
        return Question(strip, finished[first].seed, finished[second].seed)
