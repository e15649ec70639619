"""Whatever else diffusers can inpaint with (FLUX Fill, SD3, Kandinsky ...), on its own pipeline."""

import math
import threading
import time
from collections.abc import Callable, Generator
from inspect import Parameter, signature
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion.batch import NotFiniteError
from training.inpainting.diffusion.devices import describe_memory, free_memory, is_out_of_memory
from training.inpainting.diffusion.general_previews import make_previewer, predictions_of, unpacked
from training.inpainting.diffusion.inpainter import PREVIEWS, Judge
from training.inpainting.diffusion.previews import Previewer
from training.inpainting.diffusion.regions import Region, by_size, cut
from training.inpainting.diffusion.scaling import GRANULARITY
from training.inpainting.request import (
    Candidate,
    Event,
    InpaintRequest,
    Pixels,
    Preview,
    Progress,
)
from training.inpainting.settings import DiffusionSettings

USUAL_SIDE = 1024
"""Pixels; the side of the squares that most of these models were trained on."""


def parameters_of(kind: type) -> dict[str, Parameter]:
    """What a pipeline class takes when it is called, by name."""
    everything = signature(kind.__call__).parameters
    variable = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return {n: p for n, p in everything.items() if n != "self" and p.kind not in variable}


class GeneralInpainter:
    """Fills with a pipeline of diffusers as it is, one seed at a time.

    Sampler and eta are the pipeline's own. judge: needed where fewer candidates are kept than
    start; there is no funnel here, so all are made, and the finished ones judged.
    """

    def __init__(
        self, pipeline: Any, name: str, device: torch.device, judge: Judge | None = None
    ) -> None:
        self.name = name
        self.device = device
        self._pipeline = pipeline
        self._judge = judge
        self._is_offloaded = False
        self._takes = parameters_of(type(pipeline))

    def place(self) -> None:
        """Bring the pipeline to the device; where that is too small, only the part at work."""
        try:
            self._pipeline.to(self.device)
        except RuntimeError as error:
            self.make_room(error)

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Generator[Candidate, None, None]:
        """See Inpainter.generate. Where memory is short, parts of the model are offloaded; NaN in
        half precision begins anew in fp32."""
        job = _Job(self, request, on_event, cancel)
        keep = request.settings.keep
        if keep is None or keep >= len(request.seeds):
            yield from map(job.fill, request.seeds)
            return
        if self._judge is None:
            raise PrefPaintError("To explore more candidates than are kept, a reward is needed.")
        candidates = [job.fill(seed) for seed in request.seeds]
        rewards = self._judge(request.image, request.hole, [c.pixels for c in candidates])
        order = sorted(range(len(candidates)), key=lambda number: -rewards[number])
        yield from (candidates[number] for number in order[:keep])

    # --- what the pipeline says of itself -----------------------------------------------------

    @property
    def denoiser(self) -> Any:
        """The network that is called at every step."""
        parts = self._pipeline.components
        return parts.get("transformer") or parts["unet"]

    @property
    def granularity(self) -> int:
        """Pixels that divide the sides of what the pipeline takes: a latent cell, or where latents
        are packed or patched two by two, two of them."""
        movq = getattr(self._pipeline, "movq", None)
        if movq is not None:  # Kandinsky, whose UNet halves cells three times more
            return int(4 ** (len(movq.config.block_out_channels) - 1))
        cell = 2 * int(getattr(self._pipeline, "vae_scale_factor", GRANULARITY))
        return math.lcm(cell, GRANULARITY)

    @property
    def native_side(self) -> int:
        """Side in pixels of the squares that the model was trained on."""
        height = self._takes.get("height")
        if height is not None and isinstance(height.default, int):
            return height.default
        cells = getattr(self._pipeline, "default_sample_size", None)
        return USUAL_SIDE if cells is None else int(cells * self._pipeline.vae_scale_factor)

    def _words(self, settings: DiffusionSettings) -> dict[str, Any]:
        """The settings by the pipeline's own names, those that it takes."""
        words = {
            "prompt": settings.prompt,
            "negative_prompt": settings.negative_prompt,
            "num_inference_steps": settings.steps,
            "strength": 1.0,
        }
        true_scale = self._takes.get("true_cfg_scale")
        # Where it is off by itself, guidance_scale is what the model was distilled for (FLUX).
        is_true = true_scale is not None and true_scale.default > 1
        words["true_cfg_scale" if is_true else "guidance_scale"] = settings.guidance
        return {name: value for name, value in words.items() if name in self._takes}

    def run(
        self,
        region: Region,
        seed: int,
        on_step: Callable[[int], None],
        on_prior: Callable[[], None],
        on_prediction: Callable[[int, torch.Tensor], None],
    ) -> npt.NDArray[np.uint8]:
        """One picture of the region's working size. on_step: called with the number of each step;
        on_prior: after each step of a model that works ahead (Kandinsky); on_prediction: with the
        number of each step and the finished latents as they are predicted there, in the pipeline's
        own shape, where it tells them."""

        def after(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step(index)
            if not torch.isfinite(tensors["latents"]).all():
                raise NotFiniteError
            if heard.x0 is not None:
                on_prediction(index, heard.x0)
            return {}

        def after_prior(*_: Any) -> dict[str, Any]:
            on_prior()
            return {}

        height, width = region.hole.shape
        optional = {
            "height": height,
            "width": width,
            "callback": lambda index, *_: on_step(index),  # what older pipelines have
            "callback_on_step_end": after,
            "prior_callback_on_step_end": after_prior,
        }
        with predictions_of(self._pipeline.scheduler) as heard:
            output = self._pipeline(
                image=Image.fromarray(region.image),
                mask_image=Image.fromarray(region.hole.astype(np.uint8) * 255),
                generator=torch.Generator("cpu").manual_seed(seed),
                output_type="np",
                **self._words(region.request.settings),
                **{name: value for name, value in optional.items() if name in self._takes},
            )
        picture = np.asarray(output.images[0], np.float32)
        if not np.isfinite(picture).all():
            raise NotFiniteError
        return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)

    def make_previewer(self, region: Region) -> Previewer | None:
        """From predicted latents to colours; None where that is not known."""
        return make_previewer(self._pipeline, region)

    # --- precision and memory -----------------------------------------------------------------

    def make_room(self, error: RuntimeError) -> None:
        """After an out-of-memory error: keep only the part at work on the device, or say it."""
        if not is_out_of_memory(error):
            raise error
        free_memory(self.device)
        if self.device.type == "cpu" or self._is_offloaded:
            raise PrefPaintError(
                f"{self.name} does not fit into the memory of this device, even one candidate at "
                "a time. Close other programs, choose a smaller model, or the device cpu."
            ) from error
        self._is_offloaded = True
        self._pipeline.enable_model_cpu_offload(device=self.device)

    def use_full_precision(self) -> None:
        """Compute in fp32 from now on; where it does so already, the weights are to blame."""
        if self._pipeline.dtype == torch.float32:
            raise PrefPaintError(
                f"{self.name} gives no numbers (NaN) even in fp32: its weights are damaged. Get "
                "the model again."
            )
        while True:
            try:
                self._pipeline.to(dtype=torch.float32)
                return
            except RuntimeError as error:
                self.make_room(error)


class _Job:
    """One request on its way."""

    def __init__(
        self,
        inpainter: GeneralInpainter,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> None:
        self._inpainter, self._request = inpainter, request
        self._on_event, self._cancel = on_event, cancel
        side, granularity = inpainter.native_side, inpainter.granularity
        self._regions = [cut(request, box, side, granularity) for box in by_size(request)]
        self._pictures_done = 0
        self._previewers: dict[Region, Previewer | None] = {}

    def fill(self, seed: int) -> Candidate:
        """The candidate of a seed, part after part."""
        started = time.perf_counter()
        pixels = self._request.image.copy()
        for region in self._regions:
            picture = self._run(region, seed, pixels)
            self._pictures_done += 1
            pixels[region.box.slices] = region.paste(picture)
        seconds = time.perf_counter() - started
        name = self._inpainter.name
        return Candidate(self._request.job_id, seed, pixels, name, seconds, is_draft=False)

    def _run(self, region: Region, seed: int, canvas: Pixels) -> npt.NDArray[np.uint8]:
        while True:
            self._look_for_cancel()
            self._tell(0, "Encoding")
            try:
                show = self._shower(region, seed, canvas)
                return self._inpainter.run(
                    region, seed, self._after_step, self._look_for_cancel, show
                )
            except NotFiniteError:
                self._inpainter.use_full_precision()
                self._tell(0, "Again in fp32")
            except RuntimeError as error:
                self._inpainter.make_room(error)

    def _shower(
        self, region: Region, seed: int, canvas: Pixels
    ) -> Callable[[int, torch.Tensor], None]:
        """What is called with the prediction of each step, and shows some of them."""
        if region not in self._previewers:
            self._previewers[region] = self._inpainter.make_previewer(region)
        previewer = self._previewers[region]
        if previewer is None:
            return lambda *_: None
        steps = self._request.settings.steps
        every = max(1, steps // PREVIEWS)

        def show(index: int, predicted: torch.Tensor) -> None:
            if (index + 1) % every or index + 1 >= steps:
                return
            latents = unpacked(self._inpainter._pipeline, predicted, *region.hole.shape)
            if latents is not None:
                (small,) = previewer(latents)
                pixels = region.preview(canvas, small)
                self._on_event(Preview(self._request.job_id, seed, pixels))

        return show

    def _after_step(self, index: int) -> None:
        self._look_for_cancel()
        steps = self._request.settings.steps
        self._tell((index + 1) / steps, f"Step {index + 1} of {steps}")

    def _look_for_cancel(self) -> None:
        if self._cancel.is_set():
            raise Cancelled

    def _tell(self, picture_share: float, what: str) -> None:
        pictures = len(self._request.seeds) * len(self._regions)
        share = min(1.0, (self._pictures_done + picture_share) / pictures)
        self._on_event(Progress(share, f"{what} · {describe_memory(self._inpainter.device)}"))
