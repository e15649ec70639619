"""The course of a training run as JSON lines, for the program that started it."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from training.errors import Cancelled, PrefPaintError

if TYPE_CHECKING:
    from training.reward.trainer import StepDone


class EventLines:
    """Writes one JSON object a line, flushed; `event` says what it tells.

    step: step, steps, seconds_left (None until the pace is known; less when it stops early).
    measured: step and what log.jsonl has of it, among it loss and accuracy; a checkpoint is on
    disk. paused. done: what `held-out.json` has. failed: sentence.
    """

    def __init__(self) -> None:
        self.pause = threading.Event()
        """Set when standard input ends: whoever reads the lines wants a pause, or is gone."""
        self._first: tuple[int, float] | None = None
        threading.Thread(target=self._wait_for_the_end, name="pause", daemon=True).start()

    def on_step(self, done: "StepDone") -> None:
        """Tell of a step, and of its measurement."""
        now = time.monotonic()
        first, began = self._first = self._first or (done.step, now)
        passed = done.step - first
        left = (now - began) / passed * (done.steps - done.step) if passed else None
        self.tell("step", step=done.step, steps=done.steps, seconds_left=left)
        if done.logged is not None:
            self.tell("measured", **done.logged)

    def tell(self, event: str, **figures: Any) -> None:
        """Write a line."""
        print(json.dumps({"event": event, **figures}), flush=True)

    def _wait_for_the_end(self) -> None:
        # Not through sys.stdin, whose lock would hold up the end of the process.
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        self.pause.set()


@contextmanager
def event_lines() -> Iterator[EventLines]:
    """EventLines of which a pause or an error of the block is the last line.

    A pause ends the block; everything else passes on, lack of memory as PrefPaintError.
    """
    if hasattr(os, "nice"):
        os.nice(5)  # the window comes first
    lines = EventLines()
    try:
        yield lines
    except Cancelled:
        lines.tell("paused")
    except Exception as error:
        sentence = _sentence(error)
        lines.tell("failed", sentence=sentence)
        raise PrefPaintError(sentence) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, PrefPaintError):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "memory" in str(error):
        return "There is not enough memory to train. Close other programs and continue."
    print(f"{kind}: {error}", file=sys.stderr)
    return f"Training failed unexpectedly ({kind}: {error})."
