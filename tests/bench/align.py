"""Alignment: an iteration against the published loop's way; `--small` takes seconds.

How soon `nft` gets to where the paper's method ends is of a model that has learned to fill, and is
in the report of `prefpaint-train reproduce`.
"""

import argparse
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from resources import SAMPLE_PHOTO
from tests.bench.published_loop import PublishedLoop
from tests.bench.sd_shape import FULL, Shape, make_sd
from tests.bench.timing import DEVICE, DTYPE, IS_GPU, clock, in_turn, matrix_rate
from training.alignment.config import AlignmentConfig
from training.alignment.policy import Policy
from training.alignment.rollouts import SizedPrompt, draw_fills, score_fills, size_prompt
from training.alignment.updates import policy_updates
from training.inpainting.diffusion.model import DiffusionModel
from training.prompts.incomplete import make_prompts, read_prompts
from training.reward.model import RewardModel
from training.reward.network import RewardNetwork
from training.reward.published import PUBLISHED
from training.reward.trust import Trust

PAPER_STEPS = 50
Way = Literal["ours", "published"]
Iterate = Callable[[], Tensor]


@dataclass(frozen=True)
class Size:
    """prompts: of an iteration, one sample each. rounds: iterations of each way, after a first
    one that does not count."""

    shape: Shape
    prompts: int
    rounds: int


ON_GPU = Size(FULL, prompts=4, rounds=3)
"""A quarter of the paper's batch, what each of its four cards took."""
ON_PROCESSOR = Size(Shape(unet=96, vae=8, text=64, side=256, steps=8, heads=2), 2, rounds=3)
"""Heads of 48 numbers, near the 40 of the full one: with more, attention would take most of it."""
TINY = Size(Shape(unet=32, vae=8, text=64, side=64, steps=3, heads=2), 2, rounds=1)


def main(small: bool = False) -> None:
    """Print memory, times and their ratios."""
    size = TINY if small else ON_GPU if IS_GPU else ON_PROCESSOR
    shape, config = size.shape, _config(size)
    print(
        f"{DEVICE.type}: {shape.side} x {shape.side}, {shape.steps} steps of DDIM, "
        f"{config.updated_steps} learned from, {size.prompts} prompts, UNet of {shape.unet}, "
        f"LoRA of rank {config.rank}, CLIP ViT-B/32 as the reward",
        flush=True,
    )
    if small:
        print("(tries the bench only: at this size the ratios tell nothing)")
    _memory(size)
    _time(size)


def _config(size: Size) -> AlignmentConfig:
    steps = size.shape.steps
    return AlignmentConfig(prompts=size.prompts, steps=steps, updated_steps=min(5, steps))


def _memory(size: Size) -> None:
    """Peaks of an iteration, models included, each in a process of its own."""
    peaks = {}
    for way in ("ours", "published"):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            peaks[way] = pool.submit(_peak, way, size).result()
    print(
        f"peak memory: ours {peaks['ours'] / 2**30:.2f} GB, published way "
        f"{peaks['published'] / 2**30:.2f} GB, {peaks['ours'] / peaks['published']:.2f} of it "
        "(target: at most 0.6)",
        flush=True,
    )


def _peak(way: Way, size: Size) -> int:
    """Bytes on the card, or of the process beyond what it takes idle."""
    torch.set_num_threads(1)
    idle = _most_held()
    _make(way, size)[0]()
    return _most_held() - idle


def _most_held() -> int:
    if IS_GPU:
        return torch.cuda.max_memory_allocated()
    # not ru_maxrss: a process takes over its parent's when it begins
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def _time(size: Size) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    (ours, our_unet), (published, their_unet) = _make("ours", size), _make("published", size)
    our_steps, their_steps = _sampling_steps(our_unet), _sampling_steps(their_unet)
    rewards: tuple[list[Tensor], list[Tensor]] = ([], [])
    fast, slow = in_turn(
        lambda: rewards[0].append(ours()), lambda: rewards[1].append(published()), size.rounds
    )
    ratio = statistics.median(b / a for a, b in zip(fast, slow, strict=True))
    a, b, step, their_step = map(statistics.median, (fast, slow, our_steps, their_steps))
    print(f"an iteration: ours {a:.2f} s, published way {b:.2f} s")
    print(f"times faster: {ratio:.2f} (target: at least 2.5)")
    steps = size.shape.steps
    sampling, their_sampling = steps * step, steps * their_step
    print(f"  sampling: ours {sampling:.2f} s, published way {their_sampling:.2f} s")
    print(f"  the rest: ours {a - sampling:.2f} s, published way {b - their_sampling:.2f} s")
    if steps != PAPER_STEPS:
        more = PAPER_STEPS - steps
        ratio = (b + more * their_step) / (a + more * step)
        print(f"  times faster with the paper's {PAPER_STEPS} steps, by these: {ratio:.2f}")
    apart = (rewards[0][0] - rewards[1][0]).abs().max().item()
    print(f"  rewards of the first iteration, where both do the same: {apart:.1e} apart at most")
    if IS_GPU:
        _tell_of_card(ours, a)
    torch.set_num_threads(threads)


def _sampling_steps(unet: torch.nn.Module) -> list[float]:
    """Grows by the seconds of each call of the UNet without gradients."""
    began, seconds = [0.0], []

    def begin(*_: object) -> None:
        began[0] = clock()

    def end(*_: object) -> None:
        if not torch.is_grad_enabled():
            seconds.append(clock() - began[0])

    unet.register_forward_pre_hook(begin)
    unet.register_forward_hook(end)
    return seconds


def _tell_of_card(iterate: Iterate, seconds: float) -> None:
    torch.cuda.reset_peak_memory_stats()
    with FlopCounterMode(display=False) as counter:
        iterate()
    share = counter.get_total_flops() / seconds / matrix_rate()
    print(f"  ours takes {share:.0%} of the card's bf16 matrix rate")


def _make(way: Way, size: Size) -> tuple[Iterate, torch.nn.Module]:
    """What does one iteration after another and gives its rewards; the UNet that samples."""
    config, reward, prompts = _config(size), _reward(), _prompts(size)
    model = DiffusionModel(make_sd(size.shape), DEVICE, DTYPE)
    chosen = np.random.default_rng(0).choice(config.steps, config.updated_steps, replace=False)
    wanted = sorted(int(step) for step in chosen)
    if way == "published":
        loop = PublishedLoop(model, reward, config)
        return lambda: loop.iterate(prompts, wanted, config.seed), model.unet
    policy = Policy(model, "lora", config.rank, config.seed)
    optimiser = torch.optim.AdamW(
        policy.parameters, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    return lambda: _iterate(policy, reward, prompts, wanted, optimiser, config), policy.unet


def _iterate(
    policy: Policy,
    reward: RewardModel,
    prompts: Sequence[SizedPrompt],
    wanted: Sequence[int],
    optimiser: torch.optim.Optimizer,
    config: AlignmentConfig,
) -> Tensor:
    """As training.alignment.align goes about it."""
    rollout = score_fills(
        draw_fills(
            policy.model,
            prompts,
            config.samples,
            config.seed,
            steps=config.steps,
            eta=1.0,
            wanted=frozenset(wanted),
        ),
        reward,
    )
    for number, update in enumerate(policy_updates(policy, rollout, config), 1):
        (update.loss / config.accumulation).backward()
        if number % config.accumulation == 0 or number == len(wanted):
            torch.nn.utils.clip_grad_norm_(policy.parameters, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
    return rollout.rewards


def _reward() -> RewardModel:
    """Of the published layout, with random weights."""
    torch.manual_seed(0)
    network = RewardNetwork(PUBLISHED).eval().requires_grad_(False).to(DEVICE)
    return RewardModel(network, 0.0, 1.0, Trust(np.eye(256), np.linspace(0, 1, 101), 1.0), {})


def _prompts(size: Size) -> list[SizedPrompt]:
    side = size.shape.side
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        make_prompts([SAMPLE_PHOTO], "outpaint-square", size.prompts, side, 0, out, lambda _: None)
        return [size_prompt(prompt, side) for prompt in read_prompts(out)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    main(parser.parse_args().small)
