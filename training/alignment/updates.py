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
from training.alignment.rollouts import ETA, Rollout
from training.inpainting.diffusion.sampler import Step, ddim_step, log_probability, predict


@dataclass(frozen=True)
class Update:
    """loss: with gradients. figures: what is logged of it, means over its samples.

    gamma: what trust makes of a step; ratio: of likelihoods; clipped: share beyond the clip;
    divergence: KL to the model as it began, of every update where it has a weight, else of an
    iteration's first; accuracy: see `preference_updates`.
    """

    loss: Tensor
    figures: dict[str, float]


@dataclass(frozen=True, eq=False)
class WholeBatch:
    """Of all processes. rewards, prompts: (n,), as in a Rollout. own: this process's samples."""

    rewards: Tensor
    prompts: Tensor
    own: slice


def alone(rollout: Rollout) -> WholeBatch:
    """Of one process."""
    return WholeBatch(rollout.rewards, rollout.prompts, slice(0, len(rollout.rewards)))


def policy_updates(
    policy: Policy, rollout: Rollout, config: AlignmentConfig, whole: WholeBatch | None = None
) -> Iterator[Update]:
    """PrefPaint's Eq. 12, one denoising step after the other."""
    device = rollout.latents.device
    whole = whole or alone(rollout)
    advantages = standardised(whole.rewards, whole.prompts if config.grouped else None)
    advantages = advantages[whole.own].float().to(device)
    gamma = amplification(rollout.bounds, config.amplification).float().to(device)
    scheduler = policy.model.scheduler("ddim")
    scheduler.set_timesteps(config.steps, device=device)
    for number, step in enumerate(rollout.steps):
        assert step.log_probability is not None
        mean, std = _mean(policy.unet, scheduler, rollout, step)
        now = log_probability(step.latents, mean, std)
        loss = clipped_policy_loss(now, step.log_probability, advantages, gamma, config.clip)
        ratio = torch.exp(now.detach() - step.log_probability)
        clipped = ((ratio - 1).abs() > config.clip).float().mean()
        figures = {"ratio": ratio.mean().item(), "clipped": clipped.item()}
        figures["gamma"] = gamma.mean().item()
        if config.divergence or number == 0:
            with policy.as_it_began() as original:
                reference, _ = _mean(original, scheduler, rollout, step)
            divergence = step_divergence(mean, reference, std).mean()
            loss = _held(loss, divergence, config)
            figures["divergence"] = divergence.item()
        yield Update(loss, figures)


def forward_updates(
    policy: Policy,
    rollout: Rollout,
    config: AlignmentConfig,
    seed: int,
    whole: WholeBatch | None = None,
) -> Iterator[Update]:
    """DiffusionNFT: noise is added to the fills anew, `updated_steps` times.

    v_old is of the weights that sampled; the divergence is from the model as it began.
    """
    device = rollout.latents.device
    whole = whole or alone(rollout)
    chance = optimality(whole.rewards, whole.prompts if config.grouped else None)
    chance = chance[whole.own].float().to(device)
    scheduler = policy.model.scheduler("ddim")
    generator = torch.Generator("cpu").manual_seed(seed)
    count, last = len(whole.rewards), scheduler.config.num_train_timesteps
    for number in range(config.updated_steps):
        times = torch.randint(last, (count,), generator=generator)[whole.own].to(device)
        noise = torch.randn((count, *rollout.latents.shape[1:]), generator=generator)
        noise = noise[whole.own].to(device)
        noisy = scheduler.add_noise(rollout.latents, noise, times)
        target = scheduler.get_velocity(rollout.latents, noise, times)
        with policy.as_average("sampling") as sampling:
            old = _velocity(sampling, scheduler, rollout, noisy, times)
        new = _velocity(policy.unet, scheduler, rollout, noisy, times)
        loss = forward_process_loss(new, old, target, chance, config.beta)
        figures = {}
        if config.divergence or number == 0:
            with policy.as_it_began() as original:
                reference = _velocity(original, scheduler, rollout, noisy, times)
            divergence = (new - reference).square().mean()
            loss = _held(loss, divergence, config)
            figures["divergence"] = divergence.item()
        yield Update(loss, figures)


def _held(loss: Tensor, divergence: Tensor, config: AlignmentConfig) -> Tensor:
    return loss + config.divergence * divergence if config.divergence else loss


def _mean(unet: object, scheduler: object, rollout: Rollout, step: Step) -> tuple[Tensor, Tensor]:
    time = torch.tensor(step.timestep, device=step.before.device)
    output = predict(unet, step.before, time, rollout.start, rollout.conditioning)  # type: ignore[arg-type]
    mean, _, std = ddim_step(scheduler, output, step.timestep, step.before, ETA)
    return mean, std


def _velocity(
    unet: object, scheduler: object, rollout: Rollout, noisy: Tensor, times: Tensor
) -> Tensor:
    """The prediction as v, whatever the model predicts (arXiv 2202.00512, appendix D)."""
    output = predict(unet, noisy, times, rollout.start, rollout.conditioning)  # type: ignore[arg-type]
    kind = scheduler.config.prediction_type  # type: ignore[attr-defined]
    if kind == "v_prediction":
        return output
    alphas = scheduler.alphas_cumprod.to(noisy.device)[times].view(-1, 1, 1, 1)  # type: ignore[attr-defined]
    signal, deviation = alphas.sqrt(), (1 - alphas).sqrt()
    return (output - deviation * noisy) / signal
