"""The Scorer that the app and the command use: a reward model in a process of its own.

torch is imported in that process alone, so the window opens without it and never waits for it.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from resources import FOLDER
from training.inpainting.process_pool import ProcessPool
from training.inpainting.request import Mask, Pixels
from training.reward.score import Score

if TYPE_CHECKING:
    from training.reward.ensemble import Reward


def builtin_reward_path() -> Path:
    """The reward model that ships with the program."""
    return FOLDER / "models" / "builtin-reward.safetensors"


class ProcessScorer:
    """See Scorer. The model is read at the first score, or by `preload`."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._pool = ProcessPool(1)

    def preload(self, cancel: threading.Event) -> None:
        """Start the process and read the model, so that the first score does not wait for it.

        Raises Cancelled soon after `cancel` is set, PrefPaintError when the model cannot be read.
        """
        for _ in self._pool.run(_load, [(self._path,)], cancel):
            pass

    def close(self) -> None:
        """Kill the process."""
        self._pool.close()

    def score(
        self, image: Pixels, hole: Mask, fills: Sequence[Pixels], cancel: threading.Event
    ) -> list[Score]:
        """See Scorer.score."""
        call = (self._path, image, hole, list(fills))
        return [score for _, score in self._pool.run(_score, [call], cancel)]


@lru_cache(maxsize=1)
def read_model(path: Path) -> "Reward":
    """In a worker process: the reward model of a file, or the ensemble of a folder, read once."""
    from training.reward.ensemble import read_reward  # torch, in this process only

    return read_reward(path)


def _load(path: Path) -> Iterator[None]:
    read_model(path)
    yield None


def _score(path: Path, image: Pixels, hole: Mask, fills: list[Pixels]) -> Iterator[Score]:
    yield from read_model(path).score(image, hole, fills)
