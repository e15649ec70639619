"""The diffusion inpainter of the app and the command: a model in a process of its own.

torch is imported in that process alone. It keeps the model between requests; cancelling leaves it
loaded where the model stops within PATIENCE, and ends the process where it does not.
"""

import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from training.inpainting.process_pool import ProcessPool, cancel_asked, emit
from training.inpainting.request import (
    Candidate,
    Event,
    Inpainter,
    InpaintRequest,
    Mask,
    Pixels,
    Progress,
)
from training.inpainting.settings import DeviceName, DtypeName

PATIENCE = 2.0
"""Seconds within which a cancelled step has to end."""
IDLE_SECONDS = 600.0
"""After this the model's memory is given back."""


@dataclass(frozen=True)
class ModelSource:
    """What a process loads. path: a diffusers folder or a .safetensors file. reward: the file that
    judges candidates on the way."""

    name: str
    path: Path
    reward: Path
    loras: tuple[Path, ...] = ()
    device: DeviceName = "auto"
    dtype: DtypeName = "auto"
    compiled: bool = False


class ProcessInpainter:
    """See Inpainter. The model is loaded with the first request."""

    def __init__(self, source: ModelSource, idle_seconds: float = IDLE_SECONDS) -> None:
        self.name = source.name
        self._source = source
        self._pool = ProcessPool(1)
        self._idle_seconds = idle_seconds
        self._idle: threading.Timer | None = None

    def start(self) -> None:
        """Start the process ahead of the first request."""
        self._pool.start()

    def close(self) -> None:
        """Kill the process."""
        self._stop_timer()
        self._pool.close()

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Generator[Candidate, None, None]:
        """See Inpainter.generate."""
        self._stop_timer()
        try:
            call = (self._source, request)
            for _, value in self._pool.run(_generate, [call], cancel, PATIENCE):
                if isinstance(value, Candidate):
                    yield value
                else:
                    on_event(value)
        finally:
            self._idle = threading.Timer(self._idle_seconds, self._pool.close_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def _stop_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()


@lru_cache(maxsize=1)
def _inpainter(source: ModelSource) -> Inpainter:
    _keep_libraries_quiet_and_offline()
    from training.inpainting.diffusion.loading import load_inpainter  # torch, in this process only

    return load_inpainter(
        source.path,
        source.name,
        device=source.device,
        dtype=source.dtype,
        loras=source.loras,
        compiled=source.compiled,
        judge=lambda image, hole, fills: _rewards(source.reward, image, hole, fills),
    )


def _keep_libraries_quiet_and_offline() -> None:
    """Before they are imported: no bars, warnings or visits to a hub that nobody asked for."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TRANSFORMERS_VERBOSITY="error",
        DIFFUSERS_VERBOSITY="error",
    )
    warnings.simplefilter("ignore")


def _rewards(reward: Path, image: Pixels, hole: Mask, fills: Sequence[Pixels]) -> list[float]:
    from training.reward.scorer import read_model

    return [score.reward for score in read_model(reward).score(image, hole, fills)]


def _generate(source: ModelSource, request: InpaintRequest) -> Iterator[Candidate]:
    """In the worker: candidates are yielded, progress and previews emitted."""
    emit(Progress(0, f"Loading {source.name}"))
    yield from _inpainter(source).generate(request, emit, cancel_asked())
