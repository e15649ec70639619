"""Answers taken back while a new reward looks at what an earlier one scored."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from prefpaint_gui.state.history import Swap
from prefpaint_gui.state.messages import Answer, Taste, TasteOrder
from prefpaint_gui.workers.feedback import FeedbackWorker
from prefpaint_gui.workers.learning import LearningWorker
from prefpaint_gui.workers.rescoring import RescoringWorker
from tests.prefpaint_gui.fakes import FakeScorer, FakeStore, red_of
from training.inpainting.request import Box, Candidate, InpaintRequest
from training.preferences.records import JudgedStrip, Opinion
from training.ranking import RankedFill
from training.reward.score import Score

SEEDS = (0, 1, 2)
ORDER = TasteOrder("me", "redness", 256)


@dataclass
class Workers:
    """They share the thread of the test; what was scored anew is held back until it is told."""

    qtbot: QtBot
    store: FakeStore
    keeping: FeedbackWorker
    learning: LearningWorker
    rescoring: RescoringWorker
    scored: list[tuple[TasteOrder, Sequence[JudgedStrip]]] = field(default_factory=list)
    tastes: list[Taste] = field(default_factory=list)

    def answer(self, token: int, opinion: Opinion, *, leftmost: int = 0) -> None:
        """An answer to a strip that an earlier reward scored."""
        pixels = np.zeros((8, 8, 3), np.uint8)
        hole = np.zeros((8, 8), np.bool_)
        hole[2:5, 2:5] = True
        box = Box(0, 0, 8, 8)
        shown = []
        for seed in sorted(SEEDS, key=lambda seed: seed != leftmost):
            fill = pixels.copy()
            fill[hole] = red_of(seed)
            features = np.array([0.3, seed, seed**2], np.float32)
            score = Score(0.1 * seed, 0.0, 0.5, features)
            shown.append(RankedFill(Candidate(1, seed, fill, "fake", 0.1, False), score))
        request = InpaintRequest(1, pixels, hole, SEEDS, box, (box,))
        answer = Answer(token, pixels, request, tuple(shown), "earlier", opinion)
        self.learning.take(answer)
        self.keeping.record(answer)

    def swap(self, swap: Swap) -> None:
        self.learning.swap(swap)
        self.keeping.swap(swap)

    def order(self, order: TasteOrder) -> None:
        """Order a taste and wait until the strips are scored anew, which is not told yet."""
        told = len(self.scored)
        self.learning.order(order)
        self.keeping.read_strips(order)
        if self.store.kept:
            self.qtbot.waitUntil(lambda: len(self.scored) > told)

    @property
    def learned(self) -> int:
        return self.tastes[-1].reward.answers


@pytest.fixture
def workers(qtbot: QtBot) -> Workers:
    store = FakeStore()
    made = Workers(
        qtbot,
        store,
        FeedbackWorker(lambda: store),
        LearningWorker(),
        RescoringWorker(lambda: store, lambda _: FakeScorer(), "built in"),
    )
    made.keeping.strips_read.connect(made.learning.start)
    made.learning.started.connect(made.rescoring.order)
    made.learning.learned.connect(made.tastes.append)
    made.rescoring.rescored.connect(lambda order, strips: made.scored.append((order, strips)))
    made.answer(1, Opinion("up", 0))
    made.answer(2, Opinion("down", 2), leftmost=1)
    return made


def test_what_is_taken_back_while_it_is_scored_anew_is_not_learned(workers: Workers):
    workers.order(ORDER)
    workers.swap(Swap(1, None))
    workers.learning.extend(*workers.scored[0])
    assert workers.learned == 1
    workers.swap(Swap(None, 1))
    assert workers.learned == 2


def test_what_is_taken_back_and_given_again_meanwhile_is_learned(workers: Workers):
    workers.order(ORDER)
    workers.swap(Swap(2, None))
    workers.swap(Swap(None, 2))
    workers.learning.extend(*workers.scored[0])
    assert workers.learned == 2


def test_the_same_fills_in_another_order_are_one_strip(workers: Workers):
    workers.order(ORDER)
    ((_, strips),) = workers.scored
    assert len({strip.digest for strip in strips}) == 1
    assert strips[0].features is strips[1].features


def test_what_was_scored_for_an_earlier_order_is_not_learned(workers: Workers):
    workers.order(ORDER)
    workers.store.kept.clear()  # as another window or a command may do
    workers.order(replace(ORDER))
    workers.learning.extend(*workers.scored[0])
    assert workers.learned == 0
