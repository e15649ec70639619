"""Fills and scores off the GUI thread."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.messages import Filled, Order, Previewed
from prefpaint_gui.state.models import PATCHMATCH
from prefpaint_gui.state.pyramid import Pyramid
from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import (
    Box,
    Dropped,
    Event,
    InpaintRequest,
    OwnedInpainter,
    Preview,
    Progress,
)
from training.inpainting.settings import DeviceName
from training.ranking import RankedFill, generate_and_score
from training.reward.score import Scorer

MakeInpainter = Callable[[str, tuple[Path, ...], str, DeviceName], OwnedInpainter]
"""From the name of a model, LoRA files for it, the reward that judges on the way, and the device
that a diffusion model computes on."""


class OwnedScorer(Scorer, Protocol):
    """A scorer that is closed when the window is."""

    def close(self) -> None:
        """End its process at once."""


class GenerationWorker(QObject):
    """Takes one order after the other; lives in a thread of its own.

    make_inpainter, make_scorer: called in that thread, so that heavy imports do not hold up the
    window; called again for the next order when they raised PrefPaintError. One of each is kept,
    and closed before another is made. reward: see Training.
    """

    filled = Signal(object)
    progress = Signal(int, object)
    """Carries job id and Progress; `previewed` a Previewed."""
    previewed = Signal(object)
    dropped = Signal(int, int)
    """Carries job id and seed."""
    finished = Signal(int)
    failed = Signal(int, str)
    closed = Signal()

    def __init__(
        self,
        make_inpainter: MakeInpainter,
        make_scorer: Callable[[str], OwnedScorer],
        reward: str,
        device: DeviceName,
    ) -> None:
        super().__init__()
        self._make_inpainter = make_inpainter
        self._make_scorer = make_scorer
        self._inpainter: OwnedInpainter | None = None
        self._model: tuple[object, ...] = ()
        """What `_inpainter` is for."""
        self._scorer: OwnedScorer | None = None
        self._reward = reward
        self._device = device

    @Slot()
    def warm_up(self) -> None:
        """Get the models ready ahead of the first order, which will tell of any error."""
        if self._inpainter is not None:
            return
        try:
            self._models(PATCHMATCH.name, ())
        except PrefPaintError:
            logging.getLogger(__name__).info("warming up failed", exc_info=True)

    @Slot(str)
    def use_reward(self, reward: str) -> None:
        """Rank by another reward from the next order on."""
        self._close_models()
        self._reward = reward

    @Slot(str)
    def use_device(self, device: DeviceName) -> None:
        """Compute on another device from the next order on."""
        if device != self._device:
            self._close_inpainter()
            self._device = device

    @Slot()
    def forget_model(self) -> None:
        """Read the model anew for the next order: another one may have got its name."""
        self._close_inpainter()

    @Slot()
    def close(self) -> None:
        """End the models' processes."""
        self._close_models()
        self.closed.emit()

    @Slot(object)
    def fill(self, order: Order) -> None:
        """Fill an order, telling of each candidate, then of the end."""
        if order.cancel.is_set():
            return
        try:
            request = _request_for(order)
            inpainter, scorer = self._models(order.model, order.settings.loras)
            fills = generate_and_score(
                request,
                inpainter,
                scorer,
                lambda event: self._tell(order, request, event),
                order.cancel,
            )
            for fill in fills:
                self.filled.emit(_for_screen(order, request, fill, scorer.name))
        except Cancelled:
            pass
        except PrefPaintError as error:
            self.failed.emit(order.job_id, str(error))
            return
        except Exception as error:  # the window must not stay busy, whatever a model throws
            logging.getLogger(__name__).exception("filling failed")
            self.failed.emit(
                order.job_id, f"Filling failed ({type(error).__name__}: {error}). Try again."
            )
            return
        self.finished.emit(order.job_id)

    def _tell(self, order: Order, request: InpaintRequest, event: Event) -> None:
        if isinstance(event, Progress):
            self.progress.emit(order.job_id, event)
        elif isinstance(event, Dropped):
            self.dropped.emit(event.job_id, event.seed)
        else:
            self.previewed.emit(_preview_for_screen(order, request, event))

    def _close_inpainter(self) -> None:
        if self._inpainter is not None:
            self._inpainter.close()
            self._inpainter = None

    def _close_models(self) -> None:
        self._close_inpainter()
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    def _models(self, name: str, loras: tuple[Path, ...]) -> tuple[OwnedInpainter, OwnedScorer]:
        wanted = (name, loras, *map(_written, loras))
        if wanted != self._model:
            self._close_inpainter()
            self._model = wanted
        if self._inpainter is None:
            self._inpainter = self._make_inpainter(name, loras, self._reward, self._device)
        if self._scorer is None:
            self._scorer = self._make_scorer(self._reward)
        return self._inpainter, self._scorer


def _written(path: Path) -> tuple[int, int] | None:
    """Tells a file from one that was written in its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _request_for(order: Order) -> InpaintRequest:
    from training.inpainting.region import make_request  # here, because it loads OpenCV

    if order.request is not None:
        return replace(order.request, job_id=order.job_id, seeds=order.seeds)
    return make_request(
        order.pixels,
        order.mask,
        job_id=order.job_id,
        seeds=order.seeds,
        padding=order.padding,
        feather=order.feather,
        settings=order.settings,
    )


def _for_screen(
    order: Order, request: InpaintRequest, fill: RankedFill, reward_model: str
) -> Filled:
    from training.inpainting.region import paste

    box = request.box
    region = paste(
        order.pixels[box.slices],
        order.mask[box.slices],
        order.feather,
        Box(0, 0, box.height, box.width),
        fill.candidate.pixels,
    )
    return Filled(order.job_id, request, fill, region, Pyramid.of(region), reward_model)


def _preview_for_screen(order: Order, request: InpaintRequest, preview: Preview) -> Previewed:
    """Without feather: a preview comes every few steps and must cost next to nothing."""
    box = request.box
    region, hole = order.pixels[box.slices].copy(), order.mask[box.slices]
    region[hole, :3] = preview.pixels[hole]
    region[hole, 3:] = 255
    return Previewed(preview.job_id, preview.seed, request, Pyramid.of(region))
