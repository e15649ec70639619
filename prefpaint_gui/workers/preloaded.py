"""A scorer that gets ready while the first fills are being made."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from prefpaint_gui.workers.generation import OwnedScorer
from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.reward.score import Score


class Preloadable(OwnedScorer, Protocol):
    """A scorer whose model takes seconds to read."""

    def preload(self, cancel: threading.Event) -> None:
        """Read the model; raises PrefPaintError as the first score would."""


class PreloadedScorer:
    """Reads the model in a thread of its own; a score that comes sooner waits for it."""

    def __init__(self, scorer: Preloadable) -> None:
        self.name = scorer.name
        self._scorer = scorer
        self._closing = threading.Event()
        self._reading = threading.Thread(target=self._preload, name="preload", daemon=True)
        self._reading.start()

    def _preload(self) -> None:
        try:
            self._scorer.preload(self._closing)
        except Cancelled:
            pass
        except PrefPaintError:  # the first score will tell the person
            logging.getLogger(__name__).info("preloading failed", exc_info=True)

    def score(
        self, image: Pixels, hole: Mask, fills: Sequence[Pixels], cancel: threading.Event
    ) -> list[Score]:
        """See Scorer.score."""
        return self._scorer.score(image, hole, fills, cancel)

    def close(self) -> None:
        """End the scorer's process."""
        self._closing.set()
        self._reading.join()  # the process must not be killed while the thread talks to it
        self._scorer.close()
