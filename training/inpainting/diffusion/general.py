"""Whatever else diffusers can inpaint with (FLUX Fill, SD3, Kandinsky ...), on its own pipeline."""

import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoPipelineForInpainting
from PIL import Image

from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion.batch import NotFiniteError
from training.inpainting.diffusion.devices import describe_memory, free_memory, is_out_of_memory
from training.inpainting.diffusion.inpainter import Judge
from training.inpainting.diffusion.regions import Region, by_size, cut
from training.inpainting.diffusion.scaling import GRANULARITY
from training.inpainting.pipeline_folder import INDEX, parse_index, weights_in
from training.inpainting.request import Candidate, Event, InpaintRequest, Progress
from training.inpainting.settings import DiffusionSettings

USUAL_SIDE = 1024
"""Pixels; the side of the squares that most of these models were trained on."""
GIVEN = ("prompt", "image", "mask_image")
"""All that a request has to give; a pipeline that cannot do without more is for something else."""


def load_general(
    path: Path,
    name: str,
    device: torch.device,
    dtype: torch.dtype,
    loras: Sequence[Path],
    judge: Judge | None = None,
) -> "GeneralInpainter":
    """The model of a diffusers folder. Raises PrefPaintError where diffusers cannot inpaint with
    its class; what its files raise is for the caller."""
    pipeline = _load_pipeline(path, dtype)
    pipeline.set_progress_bar_config(disable=True)
    _add_loras(pipeline, loras, name)
    inpainter = GeneralInpainter(pipeline, name, device, judge)
    inpainter.place()
    return inpainter


def _load_pipeline(folder: Path, dtype: torch.dtype) -> Any:
    """No remote code: neither is any asked for, nor is a class looked up outside of diffusers."""
    index = parse_index((folder / INDEX).read_bytes(), str(folder / INDEX))
    own = getattr(diffusers, index.pipeline, None)
    if own is None:
        raise PrefPaintError(
            f"{folder} is a {index.pipeline}, which the installed diffusers does not know. Update "
            "it, or choose another model."
        )
    variants = [
        weights.variant
        for part in index.components
        if (folder / part).is_dir() and (weights := weights_in(folder / part))
    ]
    variant = next((variant for variant in variants if variant), None)
    left_out = [  # such as the third text encoder of SD3, which saves memory
        name
        for name, parameter in signature(own.__init__).parameters.items()
        if parameter.default is Parameter.empty and name not in ("self", *index.components)
    ]
    options = {"local_files_only": True, "dtype": dtype, "variant": variant}
    options |= dict.fromkeys(left_out)
    if can_inpaint(own):  # AutoPipelineForInpainting does not list all that can, such as FLUX Fill
        return own.from_pretrained(folder, **options)
    try:
        pipeline = AutoPipelineForInpainting.from_pretrained(folder, **options)
    except ValueError as error:
        if "AutoPipeline can't find" not in str(error):
            raise
        raise PrefPaintError(
            f"{folder} ({index.pipeline}) makes pictures from text alone and has no inpainting "
            "variant in diffusers. Choose a model that fills holes, such as FLUX Fill or a Stable "
            "Diffusion inpainting one."
        ) from error
    if not can_inpaint(type(pipeline)):
        raise PrefPaintError(
            f"{folder} ({index.pipeline}) needs more than a prompt, a photo and a mask. Choose a "
            "model that fills holes by these alone."
        )
    return pipeline


def can_inpaint(kind: type) -> bool:
    """Whether a pipeline class fills holes and asks for no more than a prompt, photo and mask."""
    parameters = _parameters(kind)
    needed = [name for name, p in parameters.items() if p.default is Parameter.empty]
    has_all = set(GIVEN) <= parameters.keys()
    return has_all and set(needed) <= set(GIVEN) and "control_image" not in parameters


def _parameters(kind: type) -> dict[str, Parameter]:
    everything = signature(kind.__call__).parameters
    variable = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return {n: p for n, p in everything.items() if n != "self" and p.kind not in variable}


def _add_loras(pipeline: Any, loras: Sequence[Path], name: str) -> None:
    if loras and not hasattr(pipeline, "load_lora_weights"):
        raise PrefPaintError(
            f"{name} takes no LoRA files. Leave them out, or choose another model."
        )
    for lora in loras:  # of several at once diffusers fuses only the last
        pipeline.load_lora_weights(str(lora.parent), weight_name=lora.name)
        pipeline.fuse_lora(components=list(pipeline.get_list_adapters()))
        pipeline.unload_lora_weights()


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
        self._takes = _parameters(type(pipeline))

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
    ) -> npt.NDArray[np.uint8]:
        """One picture of the region's working size. on_step: called with the number of each step;
        on_prior: after each step of a model that works ahead (Kandinsky)."""

        def after(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step(index)
            if not torch.isfinite(tensors["latents"]).all():
                raise NotFiniteError
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
        self._pipeline.to(dtype=torch.float32)


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

    def fill(self, seed: int) -> Candidate:
        """The candidate of a seed, part after part."""
        started = time.perf_counter()
        pixels = self._request.image.copy()
        for region in self._regions:
            picture = self._run(region, seed)
            self._pictures_done += 1
            pixels[region.box.slices] = region.paste(picture)
        seconds = time.perf_counter() - started
        name = self._inpainter.name
        return Candidate(self._request.job_id, seed, pixels, name, seconds, is_draft=False)

    def _run(self, region: Region, seed: int) -> npt.NDArray[np.uint8]:
        while True:
            self._look_for_cancel()
            self._tell(0, "Encoding")
            try:
                return self._inpainter.run(region, seed, self._after_step, self._look_for_cancel)
            except NotFiniteError:
                self._inpainter.use_full_precision()
                self._tell(0, "Again in fp32")
            except RuntimeError as error:
                self._inpainter.make_room(error)

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
