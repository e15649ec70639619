"""Fills that the policy makes for prompts, with the steps it took, and what the reward says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel, EncodedPhoto
from training.inpainting.diffusion.sampler import (
    Conditioning,
    Start,
    Step,
    ddim_std,
    denoise,
)
from training.inpainting.diffusion.scaling import resize, resize_hole
from training.inpainting.request import Mask, Pixels
from training.inpainting.settings import SamplerName
from training.prompts.incomplete import IncompletePhoto
from training.reward.ensemble import Reward, RewardEnsemble
from training.reward.model import RewardModel
from training.reward.score import Score

ETA = 1.0
"""Of DDIM, wherever a policy is sampled or learns; other samplers have none."""


@dataclass(frozen=True, eq=False)
class SizedPrompt:
    """A prompt at the model's size. masked: (s, s, 3), its hole in white; hole: (s, s).

    original: (s, s, 3), the photo with its hole through the model's autoencoder, where it is known.
    """

    name: str
    masked: Pixels
    hole: Mask
    original: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Fills:
    """n samples, prompt after prompt. sized: the prompts. prompts: (n,), which of them each fills.

    steps: those that were wanted. latents: (n, c, h, w), the last. pictures: n of (s, s, 3), equal
    to their prompt outside of `holes`, n of (s, s).
    """

    start: Start
    conditioning: Conditioning
    prompts: Tensor
    steps: tuple[Step, ...]
    latents: Tensor
    pictures: list[Pixels]
    holes: list[Mask]
    sized: tuple[SizedPrompt, ...]

    @property
    def by_prompt(self) -> list[tuple[SizedPrompt, list[Pixels]]]:
        """Each prompt with its pictures."""
        each = len(self.pictures) // len(self.sized)
        return [
            (prompt, self.pictures[number * each : (number + 1) * each])
            for number, prompt in enumerate(self.sized)
        ]


@dataclass(frozen=True, eq=False)
class Rollout(Fills):
    """Fills with rewards (n,) and bounds (n,), their ||z||_V^-1, and the rewards of the prompts'
    originals, in the order of `sized`, None where they are not known; the tensors are float64."""

    rewards: Tensor
    bounds: Tensor
    originals: list[float | None]


def size_prompt(prompt: IncompletePhoto, side: int) -> SizedPrompt:
    """Scale a prompt to the model's square; its hole grows to whole latent cells.

    Raises PrefPaintError when its pictures do not open or fit together, and when nothing is masked
    at this size, or everything.
    """
    fault = prompt.fault(())
    if fault is not None:
        raise PrefPaintError(fault)
    hole = resize_hole(prompt.mask, side, side)
    if not hole.any():
        raise PrefPaintError(f"{prompt.mask_file}: nothing is masked in it. Take the prompt out.")
    if hole.all():
        raise PrefPaintError(
            f"{prompt.mask_file}: at {side} x {side} pixels everything is masked. Take it out."
        )
    masked = resize(prompt.masked, side, side)
    return SizedPrompt(prompt.prompt, np.where(hole[..., None], np.uint8(255), masked), hole)


def noisy_steps(model: DiffusionModel, steps: int) -> list[int]:
    """Which of DDIM's steps draw noise at eta 1, so that they have a likelihood: the last one does
    not where the model's noise schedule ends without any (`set_alpha_to_one`)."""
    scheduler = model.scheduler("ddim")
    scheduler.set_timesteps(steps)
    times = scheduler.timesteps.tolist()
    return [index for index, time in enumerate(times) if ddim_std(scheduler, time, ETA) > 0]


def draw_fills(
    model: DiffusionModel,
    prompts: Sequence[SizedPrompt],
    samples: int,
    seed: int,
    *,
    steps: int,
    eta: float,
    sampler: SamplerName = "ddim",
    wanted: frozenset[int] = frozenset(),
    encode: Callable[[SizedPrompt], EncodedPhoto] | None = None,
    text: str = "",
    guidance: float = 1.0,
) -> Fills:
    """Fill each prompt `samples` times.

    seed: of the first sample of the first prompt; every sample has the next one. wanted: indices
    of the denoising steps to keep. encode: such as a PromptEncoder. guidance: towards `text`,
    away from none.
    """
    starts, generators = [], []
    for number, prompt in enumerate(prompts):
        first = seed + number * samples
        own = [torch.Generator("cpu").manual_seed(first + sample) for sample in range(samples)]
        photo = encode(prompt) if encode else model.encode_photo(prompt.masked, prompt.hole)
        starts.append(model.start(photo, own))
        generators += own
    start = joined(starts)
    side = prompts[0].hole.shape[0]
    conditioning = model.conditioning(text, "", guidance, side, side)
    kept, latents = [], start.noise
    for step in denoise(
        model.unet,
        model.scheduler(sampler),
        start,
        conditioning,
        steps=steps,
        eta=eta,
        generators=generators,
    ):
        latents = step.latents
        if step.index in wanted:
            kept.append(step)
    filled = [prompt for prompt in prompts for _ in range(samples)]
    pictures = [
        np.where(prompt.hole[..., None], fill, prompt.masked)
        for prompt, fill in zip(filled, model.decode(latents), strict=True)
    ]
    return Fills(
        start,
        conditioning,
        torch.arange(len(prompts)).repeat_interleave(samples),
        tuple(kept),
        latents,
        pictures,
        [prompt.hole for prompt in filled],
        tuple(prompts),
    )


def score_fills(fills: Fills, reward: Reward) -> Rollout:
    """Score fills beside their prompts' originals."""
    scores: list[Score] = []
    originals: list[float | None] = []
    for prompt, pictures in fills.by_prompt:
        known = [] if prompt.original is None else [prompt.original]
        made = reward.score(prompt.masked, prompt.hole, [*pictures, *known])
        scores += made[: len(pictures)]
        originals.append(made[-1].reward if known else None)
    scale = _bound_scale(reward)
    return Rollout(
        **vars(fills),
        rewards=torch.tensor([score.reward for score in scores], dtype=torch.float64),
        bounds=torch.tensor([score.bound / scale for score in scores], dtype=torch.float64),
        originals=originals,
    )


def _bound_scale(reward: Reward) -> float:
    """What a bound in units of the reward is divided by to be ||z||_V^-1.

    Of an ensemble the mean of its members': their disagreement then counts as so much more bound.
    """
    if isinstance(reward, RewardEnsemble):
        return float(np.mean([member.trust.scale for member in reward.members]))
    return reward.trust.scale if isinstance(reward, RewardModel) else 1.0


def joined(starts: Sequence[Start]) -> Start:
    """Starts of several prompts as one batch."""
    return Start(
        noise=torch.cat([start.noise for start in starts]),
        mask=torch.cat([start.mask.expand(len(start.noise), -1, -1, -1) for start in starts]),
        masked_latents=torch.cat(
            [start.masked_latents for start in starts if start.masked_latents is not None]
        ),
    )
