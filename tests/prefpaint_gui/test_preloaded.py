"""The scorer that reads its model while the first fills are made."""

import threading

import numpy as np
import pytest

from prefpaint_gui.workers.preloaded import PreloadedScorer
from tests.prefpaint_gui.fakes import FakeScorer
from training.errors import Cancelled, PrefPaintError

HOLE = np.ones((4, 4), bool)
RED = np.full((4, 4, 3), 200, np.uint8)


class SlowScorer(FakeScorer):
    """Takes as long to read as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.may_finish = threading.Event()
        self.was_read = False
        self.error: str | None = None

    def preload(self, cancel: threading.Event) -> None:
        while not self.may_finish.wait(0.01):
            if cancel.is_set():
                raise Cancelled
        if self.error:
            raise PrefPaintError(self.error)
        self.was_read = True


def test_it_is_made_at_once_and_scores_as_the_scorer_does():
    slow = SlowScorer()
    preloaded = PreloadedScorer(slow)
    assert not slow.was_read
    (score,) = preloaded.score(RED, HOLE, [RED], threading.Event())
    assert score.reward == 2
    slow.may_finish.set()
    preloaded.close()
    assert slow.is_closed


def test_closing_does_not_wait_for_the_model_to_be_read():
    slow = SlowScorer()
    PreloadedScorer(slow).close()
    assert slow.is_closed
    assert not slow.was_read


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_model_that_cannot_be_read_is_left_for_the_first_score_to_tell():
    slow = SlowScorer()
    slow.error = "The reward model does not exist."
    slow.may_finish.set()
    PreloadedScorer(slow).close()
    assert slow.is_closed
