"""Fills that the policy makes for prompts, with the steps it took, and what the reward says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.sampler import Start, Step, TextCondition, denoise
from training.inpainting.diffusion.scaling import resize, resize_hole
from training.inpainting.request import Mask, Pixels
from training.inpainting.settings import SamplerName
from training.prompts.incomplete import IncompletePhoto
from training.reward.model import RewardModel


@dataclass(frozen=True, eq=False)
class SizedPrompt:
    """A prompt at the model's size. masked: (s, s, 3), its hole in white; hole: (s, s)."""

    name: str
    masked: Pixels
    hole: Mask


@dataclass(frozen=True, eq=False)
class Rollout:
    """n samples, prompt after prompt. prompts: (n,), which prompt each fills.

    steps: those that were wanted. latents: (n, c, h, w), the last. pictures: n of (s, s, 3), equal
    to their prompt outside of `holes`, n of (s, s). rewards: (n,). bounds: (n,), ||z||_V^-1.
    """

    start: Start
    text: TextCondition
    prompts: Tensor
    steps: tuple[Step, ...]
    latents: Tensor
    pictures: list[Pixels]
    holes: list[Mask]
    rewards: Tensor
    bounds: Tensor


def size_prompt(prompt: IncompletePhoto, side: int) -> SizedPrompt:
    """Scale a prompt to the model's square; its hole grows to whole latent cells."""
    hole = resize_hole(prompt.mask, side, side)
    masked = resize(prompt.masked, side, side)
    return SizedPrompt(prompt.prompt, np.where(hole[..., None], np.uint8(255), masked), hole)


def roll_out(
    model: DiffusionModel,
    reward: RewardModel,
    prompts: Sequence[SizedPrompt],
    samples: int,
    seed: int,
    *,
    steps: int,
    eta: float,
    sampler: SamplerName = "ddim",
    wanted: frozenset[int] = frozenset(),
) -> Rollout:
    """Fill each prompt `samples` times and score the fills.

    seed: of the first sample of the first prompt; every sample has the next one. wanted: indices
    of the denoising steps to keep. No guidance: with prompt and negative prompt both empty it
    changes nothing.
    """
    starts = []
    for number, prompt in enumerate(prompts):
        seeds = [seed + number * samples + sample for sample in range(samples)]
        generators = [torch.Generator("cpu").manual_seed(value) for value in seeds]
        starts.append(model.start(model.encode_photo(prompt.masked, prompt.hole), generators))
    start = _joined(starts)
    side = prompts[0].hole.shape[0]
    text = model.encode_text("", side, side)
    count = len(prompts) * samples
    noise_seeds = [torch.Generator("cpu").manual_seed(seed + count + i) for i in range(count)]
    kept, latents = [], start.noise
    for step in denoise(
        model.unet,
        model.scheduler(sampler),
        start,
        text,
        None,
        steps=steps,
        guidance=1.0,
        eta=eta,
        generators=noise_seeds,
    ):
        latents = step.latents
        if step.index in wanted:
            kept.append(step)
    pictures, rewards, bounds = [], [], []
    decoded = model.decode(latents)
    for number, prompt in enumerate(prompts):
        fills = [
            np.where(prompt.hole[..., None], fill, prompt.masked)
            for fill in decoded[number * samples : (number + 1) * samples]
        ]
        for fill, score in zip(fills, reward.score(prompt.masked, prompt.hole, fills), strict=True):
            pictures.append(fill)
            rewards.append(score.reward)
            bounds.append(score.bound / reward.trust.scale)
    return Rollout(
        start,
        text,
        torch.arange(len(prompts)).repeat_interleave(samples),
        tuple(kept),
        latents,
        pictures,
        [prompt.hole for prompt in prompts for _ in range(samples)],
        torch.tensor(rewards, dtype=torch.float64),
        torch.tensor(bounds, dtype=torch.float64),
    )


def _joined(starts: Sequence[Start]) -> Start:
    """Starts of several prompts as one batch."""
    return Start(
        noise=torch.cat([start.noise for start in starts]),
        mask=torch.cat([start.mask.expand(len(start.noise), -1, -1, -1) for start in starts]),
        masked_latents=torch.cat(
            [start.masked_latents for start in starts if start.masked_latents is not None]
        ),
    )
