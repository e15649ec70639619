"""The one denoising loop: the app previews, prunes and cancels on it, alignment learns from it."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

Rows = list[int]
"""Positions in the batch."""


@dataclass(frozen=True, eq=False)
class TextCondition:
    """embeddings: (1, tokens, width). added: SDXL's text_embeds (1, width), time_ids (1, 6)."""

    embeddings: Tensor
    added: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Conditioning:
    """negative: None leaves classifier-free guidance out, and with it half of the work."""

    text: TextCondition
    negative: TextCondition | None = None
    guidance: float = 1.0


@dataclass(frozen=True, eq=False)
class Start:
    """Where the candidates of a batch begin.

    noise: (n, c, h, w), of unit variance. mask: (1, 1, h, w), 1 where pixels are missing.
    masked_latents: (n, c, h, w) of the photo without its hole, for a UNet of 9 input channels.
    known_latents: (n, c, h, w) of the photo, for a UNet of 4, which is shown what is known by
    blending it in after every step. Exactly one of the two.
    """

    noise: Tensor
    mask: Tensor
    masked_latents: Tensor | None = None
    known_latents: Tensor | None = None

    def rows(self, rows: Rows) -> "Start":
        """The same for some of the candidates."""
        masked, known = self.masked_latents, self.known_latents
        return replace(
            self,
            noise=self.noise[rows],
            masked_latents=None if masked is None else masked[rows],
            known_latents=None if known is None else known[rows],
        )


@dataclass(frozen=True, eq=False)
class Step:
    """One step from x_t to x_(t-1).

    index: 0 to count - 1. before, latents, predicted_x0: (n, c, h, w). For DDIM also mean, of
    the shape of latents; std, a scalar; and log_probability, (n,), where std is above 0.
    """

    index: int
    count: int
    timestep: int
    before: Tensor
    latents: Tensor
    predicted_x0: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None
    log_probability: Tensor | None = None


@torch.no_grad()
def denoise(
    unet: torch.nn.Module,
    scheduler: Any,
    start: Start,
    conditioning: Conditioning,
    *,
    steps: int,
    eta: float,
    generators: Sequence[torch.Generator],
) -> Generator[Step, Rows | None, None]:
    """Denoise a batch step by step.

    scheduler: of this batch alone, for solvers remember earlier steps. generators: one to a
    candidate. Sending a list of rows drops the other candidates before the next step. With the
    same scheduler, seeds and settings it gives what diffusers' inpainting pipelines give.
    """
    generators = list(generators)
    scheduler.set_timesteps(steps, device=start.noise.device)
    timesteps = scheduler.timesteps
    latents = start.noise * scheduler.init_noise_sigma
    for index, timestep in enumerate(timesteps):
        inputs = scheduler.scale_model_input(latents, timestep)
        output = predict(unet, inputs, timestep, start, conditioning)
        step = _take_step(scheduler, output, index, timestep, latents, eta, generators)
        if start.known_latents is not None:
            known = start.known_latents
            if index + 1 < len(timesteps):
                known = scheduler.add_noise(known, start.noise, timesteps[index + 1 : index + 2])
            step = replace(step, latents=(1 - start.mask) * known + start.mask * step.latents)
        keep = yield step
        latents = step.latents
        if keep is not None:
            latents, start = latents[keep], start.rows(keep)
            generators = [generators[row] for row in keep]
            _keep_history(scheduler, keep)


def predict(
    unet: torch.nn.Module,
    inputs: Tensor,
    timestep: Tensor,
    start: Start,
    conditioning: Conditioning,
) -> Tensor:
    """The UNet's output for scaled latents (n, c, h, w), guided away from what is negative,
    float32."""
    text, negative = conditioning.text, conditioning.negative
    count = len(inputs)
    if start.masked_latents is not None:
        mask = start.mask.expand(count, -1, -1, -1)
        inputs = torch.cat([inputs, mask, start.masked_latents], dim=1)
    conditions = [text] if negative is None else [negative, text]
    dtype = next(unet.parameters()).dtype

    def stacked(tensors: list[Tensor]) -> Tensor:
        return torch.cat([t.expand(count, *t.shape[1:]) for t in tensors]).to(dtype)

    added = {name: stacked([c.added[name] for c in conditions]) for name in text.added}
    output = unet(
        torch.cat([inputs] * len(conditions)).to(dtype),
        timestep,
        encoder_hidden_states=stacked([c.embeddings for c in conditions]),
        added_cond_kwargs=added or None,
        return_dict=False,
    )[0].float()
    if negative is None:
        return output
    away, towards = output.chunk(2)
    return away + conditioning.guidance * (towards - away)


def log_probability(sample: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(n, ...) to (n,): the Gaussian log-density of a step taken, as a mean over its elements."""
    density = -((sample - mean) ** 2) / (2 * std**2) - std.log() - 0.5 * math.log(2 * math.pi)
    return density.mean(dim=tuple(range(1, density.ndim)))


def ddim_std(scheduler: Any, timestep: int, eta: float) -> Tensor:
    """sigma_t of DDIM (arXiv 2010.02502, eq. 16), a scalar."""
    alpha, alpha_before = _alphas(scheduler, timestep)
    variance = (1 - alpha_before) / (1 - alpha) * (1 - alpha / alpha_before)
    return eta * variance**0.5


def _alphas(scheduler: Any, timestep: int) -> tuple[Tensor, Tensor]:
    """Products of alpha at a step and at the one that follows."""
    config, alphas = scheduler.config, scheduler.alphas_cumprod
    before = timestep - config.num_train_timesteps // scheduler.num_inference_steps
    return alphas[timestep], alphas[before] if before >= 0 else scheduler.final_alpha_cumprod


def ddim_step(
    scheduler: Any, output: Tensor, timestep: int, latents: Tensor, eta: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of x_(t-1), predicted x0, both of the shape of latents, and the deviation, a scalar.

    Gradients flow from the UNet's output to both.
    """
    still = torch.zeros_like(latents)
    result = scheduler.step(output, timestep, latents, eta=eta, variance_noise=still)
    std = ddim_std(scheduler, timestep, eta).to(latents.device)
    mean, predicted = result.prev_sample, result.pred_original_sample
    alpha, alpha_before = _alphas(scheduler, timestep)
    if alpha == 0 and eta == 1:  # of x_t nothing stays, but for the root of a rounding error
        mean = alpha_before.to(latents.device) ** 0.5 * predicted
    return mean, predicted, std


def _take_step(
    scheduler: Any,
    output: Tensor,
    index: int,
    timestep: Tensor,
    latents: Tensor,
    eta: float,
    generators: list[torch.Generator],
) -> Step:
    number, count = int(timestep), len(scheduler.timesteps)
    is_ddim = isinstance(scheduler, DDIMScheduler)
    if not is_ddim:
        noise = {} if _is_deterministic(scheduler) else {"generator": generators}
        result = scheduler.step(output, timestep, latents, **noise)
        predicted = getattr(result, "pred_original_sample", None)
        if predicted is None:  # the multistep solvers keep their predictions
            predicted = scheduler.model_outputs[-1]
        return Step(index, count, number, latents, result.prev_sample, predicted)
    mean, predicted, std = ddim_step(scheduler, output, number, latents, eta)
    if eta == 0:
        return Step(index, count, number, latents, mean, predicted, mean, std)
    noise = randn_tensor(mean.shape, generator=generators, device=mean.device, dtype=mean.dtype)
    taken = mean + std * noise
    probability = log_probability(taken, mean, std) if std > 0 else None
    return Step(index, count, number, latents, taken, predicted, mean, std, probability)


def _is_deterministic(scheduler: Any) -> bool:
    """Whether a solver draws no noise, so that it takes no generator."""
    return "generator" not in signature(scheduler.step).parameters


def _keep_history(scheduler: Any, rows: Rows) -> None:
    """Drop the other candidates from what a multistep solver remembers."""
    if hasattr(scheduler, "model_outputs"):
        scheduler.model_outputs = [
            None if output is None else output[rows] for output in scheduler.model_outputs
        ]
    if getattr(scheduler, "last_sample", None) is not None:
        scheduler.last_sample = scheduler.last_sample[rows]
