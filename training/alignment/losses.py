"""What the three methods minimise; each takes numbers per sample and gives a scalar."""

import torch
from torch import Tensor
from torch.nn import functional

RATIO_CLIP = 1e-4
"""Of PPO's ratio, which is near 1: the log-probability is a mean over elements."""


def clipped_policy_loss(
    log_probability: Tensor,
    old_log_probability: Tensor,
    advantages: Tensor,
    amplification: Tensor,
    clip: float = RATIO_CLIP,
) -> Tensor:
    """PrefPaint's Eq. 12 at one denoising step: gamma max(-A r, -A clip(r, 1 - c, 1 + c)), with
    r = exp(log p - log p_old); all (n,), mean over the samples."""
    ratio = torch.exp(log_probability - old_log_probability)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    loss = amplification * torch.maximum(-advantages * ratio, -advantages * clipped)
    return loss.mean()


def step_divergence(mean: Tensor, reference_mean: Tensor, std: Tensor) -> Tensor:
    """KL of two Gaussian steps of equal deviation, as a mean over elements: (n, ...) to (n,).

    (mean - mean_ref)^2 / (2 std^2), as in DPOK (arXiv 2305.16381, section 4.2).
    """
    squared = (mean - reference_mean) ** 2 / (2 * std**2)
    return squared.flatten(1).mean(dim=1)


def preference_loss(
    chosen_error: Tensor,
    rejected_error: Tensor,
    chosen_reference_error: Tensor,
    rejected_reference_error: Tensor,
    beta: float,
) -> Tensor:
    """Diffusion-DPO (arXiv 2311.12908, Eq. 14) at one random time, with constant weighting:
    -log sigmoid(-beta ((e_w - e_w_ref) - (e_l - e_l_ref))); errors (n,) are mean squared errors of
    the network's prediction."""
    chosen = chosen_error - chosen_reference_error
    rejected = rejected_error - rejected_reference_error
    return -functional.logsigmoid(-beta * (chosen - rejected)).mean()


def forward_process_loss(
    prediction: Tensor, old_prediction: Tensor, target: Tensor, optimality: Tensor, beta: float
) -> Tensor:
    """DiffusionNFT (arXiv 2509.16117, Eq. 5): r |v+ - v|^2 + (1 - r) |v- - v|^2, with
    v+ = (1 - beta) v_old + beta v_theta and v- = (1 + beta) v_old - beta v_theta.

    prediction, old_prediction, target: (n, ...); optimality r: (n,), 0-1. Mean over samples and
    elements.
    """
    positive = (1 - beta) * old_prediction + beta * prediction
    negative = (1 + beta) * old_prediction - beta * prediction
    towards = ((positive - target) ** 2).flatten(1).mean(dim=1)
    away = ((negative - target) ** 2).flatten(1).mean(dim=1)
    return (optimality * towards + (1 - optimality) * away).mean()
