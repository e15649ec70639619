"""Four candidates by diffusion, against diffusers' own pipeline of the same weights in turn.

On a GPU at Stable Diffusion 1.5's size in bf16; on a processor narrower, smaller and in few steps,
in processor seconds of one thread, which other programs disturb little. The window's gaps are
measured while a tiny model samples in its own process, with more previews a second than a real one.
"""

import statistics
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from transformers.utils import logging as transformers_logging

from tests.bench import smoothness
from tests.bench.scene import request
from tests.bench.sd_shape import FULL, SMALL, make_sd
from tests.bench.timing import DEVICE, DTYPE, IS_GPU, in_turn, matrix_rate
from tests.training.tiny_models import save_pipeline
from training.inpainting.diffusion.batch import Batch
from training.inpainting.diffusion.inpainter import DiffusionInpainter, _Job
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.regions import cut
from training.inpainting.diffusion.scaling import resize
from training.inpainting.region import make_request
from training.inpainting.request import InpaintRequest
from training.inpainting.settings import DiffusionSettings
from training.process_inpainter import ModelSource, ProcessInpainter
from training.reward.scorer import builtin_reward_path

SEEDS = (0, 1, 2, 3)
ROUNDS = 9
PREVIEW_ROUNDS = 25
PREVIEW_STEPS = 16
GUIDANCE = 7.5

SHAPE = FULL if IS_GPU else SMALL


def main() -> None:
    """Print throughputs and their ratios, what previews cost, and the window's gaps."""
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    print(f"{SHAPE.side} x {SHAPE.side}, {SHAPE.steps} steps of DDIM, UNet of {SHAPE.unet}")
    model = DiffusionModel(make_sd(SHAPE), DEVICE, DTYPE)
    plain = make_sd(SHAPE).to(DEVICE, DTYPE)
    _compare(model, plain, "", "empty prompt", "at least 1.9")
    _compare(model, plain, "a photo of a launch tower", "text prompt", "at least 1.0")
    _cost_of_previews(model)
    torch.set_num_threads(threads)
    del model, plain
    _gaps()


def _request(seeds: tuple[int, ...], settings: DiffusionSettings) -> InpaintRequest:
    """The scene's hole with its surroundings, as much larger than the pictures for any of them."""
    scene = request(seeds)
    side = scene.image.shape[0] * SHAPE.side // FULL.side
    photo = resize(scene.image, side, side)
    hole = cv2.resize(scene.hole.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    return make_request(photo, hole > 0, job_id=1, seeds=seeds, settings=settings)


def _compare(model: DiffusionModel, plain: Any, prompt: str, name: str, target: str) -> None:
    settings = DiffusionSettings(prompt, steps=SHAPE.steps, guidance=GUIDANCE, sampler="ddim")
    wanted = _request(SEEDS, settings)
    region = cut(wanted, wanted.parts[0], SHAPE.side, 8)
    inpainter = DiffusionInpainter(model, "ours")

    def ours() -> None:
        for _ in inpainter.generate(wanted, lambda _: None, threading.Event()):
            pass

    def theirs() -> None:
        height, width = region.hole.shape
        plain(
            prompt=prompt,
            image=Image.fromarray(region.image),
            mask_image=Image.fromarray(region.hole),
            height=height,
            width=width,
            num_inference_steps=SHAPE.steps,
            guidance_scale=GUIDANCE,
            num_images_per_prompt=len(SEEDS),
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in SEEDS],
            output_type="np",
        )

    fast, slow = in_turn(ours, theirs, ROUNDS)
    ratio = statistics.median(b / a for a, b in zip(fast, slow, strict=True))
    print(f"{name}: plain pipeline {statistics.median(slow):7.2f} s")
    print(f"{name}: ours           {statistics.median(fast):7.2f} s")
    print(f"{name}: throughput     {ratio:7.2f} of the plain one's (target: {target})")
    if IS_GPU:
        _tell_of_card(model, ours, statistics.median(fast))


def _tell_of_card(model: DiffusionModel, work: Callable[[], None], seconds: float) -> None:
    torch.cuda.reset_peak_memory_stats()
    with FlopCounterMode(display=False) as counter:
        work()
    unet = sum(counter.get_flop_counts()[type(model.unet).__name__].values())
    share = unet / seconds / matrix_rate()
    print(
        f"  {len(SEEDS) * SHAPE.steps / seconds:.1f} it/s of one candidate, peak memory "
        f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GB, {share:.0%} of the card's bf16 "
        "matrix rate"
    )


def _cost_of_previews(model: DiffusionModel) -> None:
    """The loop of one candidate with progress, previews and looks for cancel, and without."""
    steps = SHAPE.steps if IS_GPU else PREVIEW_STEPS
    settings = DiffusionSettings(steps=steps, guidance=GUIDANCE, sampler="ddim")
    wanted = _request(SEEDS[:1], settings)
    job = _Job(DiffusionInpainter(model, "ours"), wanted, lambda _: None, threading.Event())
    part = job._prepare(wanted.parts[0])

    def watched() -> None:
        job._batch(part, [0]).advance(steps)

    def bare() -> None:
        Batch(model, part.encoded, [0], settings, lambda _: None).advance(steps)

    with_them, without = in_turn(watched, bare, PREVIEW_ROUNDS)
    cost = statistics.median(a / b for a, b in zip(with_them, without, strict=True)) - 1
    print(f"previews and looks for cancel: {cost:+.1%} (target: at most 3 %)")


def _gaps() -> None:
    """The window's timer, idle and while a model samples in its process."""
    from prefpaint_gui.backends import real_backends
    from prefpaint_gui.state.models import PATCHMATCH, ModelChoice

    with tempfile.TemporaryDirectory() as folder:
        path = save_pipeline(Path(folder))
        source = ModelSource("bench", path, builtin_reward_path(), device="cpu")
        models = [PATCHMATCH, ModelChoice("bench", "Bench", is_diffusion=True, is_available=True)]
        backends = replace(
            real_backends(),
            inpainter=lambda *_: ProcessInpainter(source),
            models=lambda: models,
        )
        settings = DiffusionSettings(steps=PREVIEW_STEPS, sampler="ddim")
        smoothness.measure(backends, model="bench", settings=settings)
    print("(target: 99th percentile at most 50 ms)")
