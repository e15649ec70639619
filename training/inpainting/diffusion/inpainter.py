"""Diffusion behind the Inpainter protocol: regions, batches, funnel, previews, retries."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion.batch import Batch, NotFiniteError
from training.inpainting.diffusion.devices import describe_memory, free_memory, is_out_of_memory
from training.inpainting.diffusion.model import DiffusionModel, EncodedPhoto
from training.inpainting.diffusion.previews import Previewer, linear_previewer, tiny_previewer
from training.inpainting.diffusion.regions import Region, by_size, cut
from training.inpainting.request import (
    Box,
    Candidate,
    Dropped,
    Event,
    InpaintRequest,
    Mask,
    Pixels,
    Preview,
    Progress,
)

Result = TypeVar("Result")
Judge = Callable[[Pixels, Mask, Sequence[Pixels]], Sequence[float]]
"""Rewards of fills of an image's hole, higher is better; what the funnel drops candidates by."""

FUNNEL = ((0.4, 0.5), (0.7, 0.0))
"""(share of the steps after which to judge, share of the surplus candidates that stay).

The knee of tests/bench/funnel.py (`nano`, 80 prompts, 1 of 4 to 4 of 12): 71 % of the UNet calls
keep 87 % of what best-of-N gains over best-of-K. Judged a tenth earlier, 64 % keep 71 %; later,
each share of the calls buys half as much.
"""
PREVIEWS = 8
"""How often a candidate is shown while it is made."""
BATCH = 8


@dataclass(frozen=True, eq=False)
class _Part:
    """One hole at the model's size, and as the model sees it."""

    region: Region
    encoded: EncodedPhoto


class DiffusionInpainter:
    """Fills with a DiffusionModel. judge: needed where fewer candidates are kept than start."""

    def __init__(self, model: DiffusionModel, name: str, judge: Judge | None = None) -> None:
        self.name = name
        self._model = model
        self._judge = judge
        self._batch_size = 1 if model.strains_processor else BATCH  # the first is seen sooner

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Generator[Candidate, None, None]:
        """See Inpainter.generate. A batch too large for the memory is halved, down to one, then
        parts of the model are offloaded; NaN in half precision begins anew in fp32."""
        finished: set[int] = set()
        while True:
            try:
                for candidate in _Job(self, request, on_event, cancel).run():
                    finished.add(candidate.seed)
                    yield candidate
                return
            except NotFiniteError:
                pass  # outside of this block nothing holds on to the tensors of the failed job
            if self._model.dtype == torch.float32:
                raise PrefPaintError(
                    f"{self.name} gives no numbers (NaN) even in fp32: its weights are damaged. "
                    "Get the model again."
                )
            free_memory(self._model.device)
            job = _Job(self, request, on_event, cancel)
            job.with_room(self._model.use_full_precision)
            on_event(Progress(0, "Again in fp32"))
            request = _without(request, finished)


def _without(request: InpaintRequest, finished: set[int]) -> InpaintRequest:
    """What is left of a request of which some candidates are there."""
    keep = request.settings.keep
    settings = replace(request.settings, keep=None if keep is None else keep - len(finished))
    seeds = tuple(seed for seed in request.seeds if seed not in finished)
    return replace(request, seeds=seeds, settings=settings)


class _Job:
    """One request on its way."""

    def __init__(
        self,
        inpainter: DiffusionInpainter,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> None:
        self._inpainter, self._model = inpainter, inpainter._model
        self._request, self._settings = request, request.settings
        self._on_event, self._cancel = on_event, cancel
        self._canvas = {seed: request.image.copy() for seed in request.seeds}
        self._seconds = dict.fromkeys(request.seeds, 0.0)
        self._steps_done = 0
        count = min(self._settings.keep or len(request.seeds), len(request.seeds))
        self._keep = count
        self._steps_planned = 0.0

    def run(self) -> Iterator[Candidate]:
        request = self._request
        parts = by_size(request)
        seeds = list(request.seeds)
        self._steps_planned = self._settings.steps * (
            self._planned(len(seeds)) + (len(parts) - 1) * self._keep
        )
        for number, box in enumerate(parts):
            is_last = number == len(parts) - 1
            survivors = []
            with self._counted(seeds):
                part = self._prepare(box)
            for seed, filled in self._fill_part(part, seeds):
                self._canvas[seed][box.slices] = filled
                survivors.append(seed)
                if is_last:
                    yield Candidate(
                        request.job_id,
                        seed,
                        self._canvas[seed],
                        self._inpainter.name,
                        self._seconds[seed],
                        is_draft=False,
                    )
            seeds = survivors

    def _planned(self, count: int) -> float:
        """How many candidates' worth of steps the funnel costs, in whole candidates."""
        if count <= self._keep:
            return count
        spent, alive, before = 0.0, count, 0.0
        for share, stay in FUNNEL:
            spent += alive * (share - before)
            before = share
            alive = self._keep + round(stay * (alive - self._keep))
        return spent + alive * (1 - before)

    def _prepare(self, box: Box) -> _Part:
        region = cut(self._request, box, self._model.native_side, self._model.granularity)
        self._tell("Encoding")
        encoded = self.with_room(lambda: self._model.encode_photo(region.image, region.hole))
        return _Part(region, encoded)

    def _decode(self, latents: torch.Tensor, seeds: Sequence[int]) -> list[Pixels]:
        with self._counted(seeds):
            return self.with_room(lambda: self._model.decode(latents))

    @contextmanager
    def _counted(self, seeds: Sequence[int]) -> Iterator[None]:
        """The time that this takes counts for the candidates in equal shares."""
        began = time.perf_counter()
        yield
        share = (time.perf_counter() - began) / len(seeds)
        for seed in seeds:
            self._seconds[seed] += share

    # --- batches ------------------------------------------------------------------------------

    def _fill_part(self, part: _Part, seeds: list[int]) -> Iterator[tuple[int, Pixels]]:
        """(seed, pixels of the part's box) for each candidate that is kept."""
        if len(seeds) <= self._keep:
            waiting = list(seeds)
            while waiting:
                batch = self._batch(part, waiting[: self._inpainter._batch_size])
                try:
                    with self._counted(batch.seeds):
                        latents = batch.advance(self._settings.steps)
                except (RuntimeError, MemoryError) as error:
                    self._make_room(error, batch)
                    continue
                waiting = waiting[len(batch.seeds) :]
                pictures = self._decode(latents, batch.seeds)
                for seed, picture in zip(batch.seeds, pictures, strict=True):
                    yield seed, part.region.paste(picture)
            return
        batches = self._funnel(part, seeds)
        for batch in batches:
            for seed, latents in zip(batch.seeds, self._finish(part, batch), strict=True):
                yield seed, part.region.paste(self._decode(latents[None], [seed])[0])

    def _funnel(self, part: _Part, seeds: list[int]) -> list[Batch]:
        """Start all, and drop the weak by the reward of what they are on the way to."""
        if self._judge is None:
            raise PrefPaintError("To explore more candidates than are kept, a reward is needed.")
        size = self._inpainter._batch_size
        batches = [self._batch(part, seeds[i : i + size]) for i in range(0, len(seeds), size)]
        for share, stay in FUNNEL:
            until = max(1, round(share * self._settings.steps))
            rewards: dict[int, float] = {}
            reached: list[Batch] = []
            for batch in batches:
                for done in self._reach(part, batch, until):
                    pictures = self._decode(done.predicted_x0, done.seeds)
                    fills = [part.region.compose(picture) for picture in pictures]
                    judged = self._judge(part.region.image, part.region.hole, fills)
                    rewards.update(zip(done.seeds, judged, strict=True))
                    reached.append(done)
            alive = self._keep + round(stay * (len(rewards) - self._keep))
            kept = set(sorted(rewards, key=lambda seed: (-rewards[seed], seed))[:alive])
            for seed in rewards.keys() - kept:
                self._on_event(Dropped(self._request.job_id, seed))
            for batch in reached:
                batch.keep([seed for seed in batch.seeds if seed in kept])
            batches = [batch for batch in reached if batch.seeds]
        return batches

    @property
    def _judge(self) -> Judge | None:
        return self._inpainter._judge

    def _finish(self, part: _Part, batch: Batch) -> list[torch.Tensor]:
        finished = list(self._reach(part, batch, self._settings.steps))
        batch.seeds = [seed for done in finished for seed in done.seeds]
        return [row for done in finished for row in done.latents]

    def _reach(self, part: _Part, batch: Batch, until: int) -> list[Batch]:
        """Bring a batch to a step, in halves that began anew where memory is short."""
        try:
            with self._counted(batch.seeds):
                batch.advance(until)
            return [batch]
        except (RuntimeError, MemoryError) as error:
            self._make_room(error, batch)
        size = self._inpainter._batch_size
        halves = [batch.seeds[i : i + size] for i in range(0, len(batch.seeds), size)]
        return [
            done for half in halves for done in self._reach(part, self._batch(part, half), until)
        ]

    def _make_room(self, error: Exception, batch: Batch) -> None:
        """After an out-of-memory error: a smaller batch, then offloading, then the sentence."""
        if not is_out_of_memory(error):
            raise error
        count = len(batch.seeds)
        self._steps_done -= batch.work_done
        batch.close()
        if count > 1:
            free_memory(self._model.device)
            self._inpainter._batch_size = max(1, count // 2)
        else:
            self._offload(error)

    def _offload(self, error: Exception) -> None:
        """After an out-of-memory error that no smaller batch can mend."""
        if not is_out_of_memory(error):
            raise error
        free_memory(self._model.device)
        if not self._model.offload():
            raise PrefPaintError(
                f"{self._inpainter.name} does not fit into the memory of this device, even one "
                "candidate at a time. Close other programs, choose a smaller model, or the "
                "device cpu."
            ) from error

    def with_room(self, work: Callable[[], Result]) -> Result:
        """Do something, once more with the model offloaded where memory is short."""
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                self._offload(error)

    def _batch(self, part: _Part, seeds: Sequence[int]) -> Batch:
        show: Previewer | None = None

        def on_step(batch: Batch) -> None:
            nonlocal show
            if self._cancel.is_set():
                raise Cancelled
            self._steps_done += len(batch.seeds)
            self._tell(f"Step {batch.steps_done} of {self._settings.steps}")
            every = max(1, self._settings.steps // PREVIEWS)
            if batch.steps_done % every or batch.steps_done >= self._settings.steps:
                return
            if show is None:
                show = self._previewer(batch, part.region)
            for seed, small in zip(batch.seeds, show(batch.predicted_x0), strict=True):
                pixels = part.region.preview(self._canvas[seed], small)
                self._on_event(Preview(self._request.job_id, seed, pixels))

        return Batch(self._model, part.encoded, list(seeds), self._settings, on_step)

    # --- what is shown --------------------------------------------------------------------------

    def _previewer(self, batch: Batch, region: Region) -> Previewer:
        tiny = self._model.tiny_decoder
        if tiny is None:
            return linear_previewer(batch.start, region)
        return tiny_previewer(tiny, region, batch.start.noise.shape[2:])

    def _tell(self, what: str) -> None:
        share = min(1.0, self._steps_done / max(1, self._steps_planned))
        self._on_event(Progress(share, f"{what} · {describe_memory(self._model.device)}"))
