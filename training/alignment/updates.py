"""One iteration's gradients, by each method; the optimiser's step is the caller's."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.alignment.advantages import optimality, standardised
from training.alignment.amplification import amplification
from training.alignment.config import AlignmentConfig
from training.alignment.losses import clipped_policy_loss, forward_process_loss, step_divergence
from training.alignment.policy import Policy
from training.alignment.rollouts import Rollout
from training.inpainting.diffusion.sampler import Step, ddim_step, log_probability, predict


@dataclass(frozen=True)
class Update:
    """loss: with gradients. ratio: mean likelihood ratio; clipped: share beyond the clip;
    divergence: mean KL to the model as it began."""

    loss: Tensor
    ratio: float
    clipped: float
    divergence: float


def policy_updates(policy: Policy, rollout: Rollout, config: AlignmentConfig) -> Iterator[Update]:
    """PrefPaint's Eq. 12, one denoising step after the other."""
    device = rollout.latents.device
    groups = rollout.prompts if config.grouped else None
    advantages = standardised(rollout.rewards, groups).float().to(device)
    gamma = amplification(rollout.bounds, config.amplification).float().to(device)
    scheduler = policy.model.scheduler("ddim")
    scheduler.set_timesteps(config.steps, device=device)
    for step in rollout.steps:
        assert step.log_probability is not None
        mean, std = _mean(policy.unet, scheduler, rollout, step)
        now = log_probability(step.latents, mean, std)
        loss = clipped_policy_loss(now, step.log_probability, advantages, gamma, config.clip)
        divergence = torch.zeros((), device=device)
        if config.divergence:
            with policy.as_it_began() as original:
                reference, _ = _mean(original, scheduler, rollout, step)
            divergence = step_divergence(mean, reference, std).mean()
            loss = loss + config.divergence * divergence
        ratio = torch.exp(now.detach() - step.log_probability)
        clipped = ((ratio - 1).abs() > config.clip).float().mean()
        yield Update(loss, ratio.mean().item(), clipped.item(), divergence.item())


def forward_updates(
    policy: Policy, rollout: Rollout, config: AlignmentConfig, seed: int
) -> Iterator[Update]:
    """DiffusionNFT: noise is added to the fills anew, `updated_steps` times.

    v_old is of the weights that sampled; the divergence is from the model as it began.
    """
    device = rollout.latents.device
    groups = rollout.prompts if config.grouped else None
    chance = optimality(rollout.rewards, groups).float().to(device)
    scheduler = policy.model.scheduler("ddim")
    generator = torch.Generator("cpu").manual_seed(seed)
    count, last = len(rollout.latents), scheduler.config.num_train_timesteps
    for _ in range(config.updated_steps):
        times = torch.randint(last, (count,), generator=generator).to(device)
        noise = torch.randn(rollout.latents.shape, generator=generator).to(device)
        noisy = scheduler.add_noise(rollout.latents, noise, times)
        target = scheduler.get_velocity(rollout.latents, noise, times)
        with policy.as_average("sampling") as sampling:
            old = _velocity(sampling, scheduler, rollout, noisy, times)
        new = _velocity(policy.unet, scheduler, rollout, noisy, times)
        loss = forward_process_loss(new, old, target, chance, config.beta)
        divergence = torch.zeros((), device=device)
        if config.divergence:
            with policy.as_it_began() as original:
                reference = _velocity(original, scheduler, rollout, noisy, times)
            divergence = (new - reference).square().mean()
            loss = loss + config.divergence * divergence
        yield Update(loss, 1.0, 0.0, divergence.item())


def _mean(unet: object, scheduler: object, rollout: Rollout, step: Step) -> tuple[Tensor, Tensor]:
    time = torch.tensor(step.timestep, device=step.before.device)
    output = predict(unet, step.before, time, rollout.start, rollout.text, None, 1.0)  # type: ignore[arg-type]
    mean, _, std = ddim_step(scheduler, output, step.timestep, step.before, 1.0)
    return mean, std


def _velocity(
    unet: object, scheduler: object, rollout: Rollout, noisy: Tensor, times: Tensor
) -> Tensor:
    """The prediction as v, whatever the model predicts (arXiv 2202.00512, appendix D)."""
    output = predict(unet, noisy, times, rollout.start, rollout.text, None, 1.0)  # type: ignore[arg-type]
    kind = scheduler.config.prediction_type  # type: ignore[attr-defined]
    if kind == "v_prediction":
        return output
    alphas = scheduler.alphas_cumprod.to(noisy.device)[times].view(-1, 1, 1, 1)  # type: ignore[attr-defined]
    signal, deviation = alphas.sqrt(), (1 - alphas).sqrt()
    return (output - deviation * noisy) / signal
