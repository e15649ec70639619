"""How much better than expected each sample is."""

import torch
from torch import Tensor

ADVANTAGE_CLIP = 10.0


def standardised(rewards: Tensor, groups: Tensor | None = None) -> Tensor:
    """Advantages (n,) of rewards (n,): (r - mean) / std, clipped to +-10.

    groups: (n,) integers; mean and std are then taken within each group, as in GRPO (arXiv
    2402.03300), otherwise over the whole batch, as in PrefPaint (arXiv 2410.21966, section 3.2).
    Where all rewards are equal there is nothing to learn: 0.
    """
    if groups is None:
        groups = torch.zeros_like(rewards, dtype=torch.long)
    _, groups = groups.unique(return_inverse=True)
    count = torch.bincount(groups).to(rewards.dtype)
    mean = torch.zeros_like(count).index_add(0, groups, rewards) / count
    centred = rewards - mean[groups]
    variance = torch.zeros_like(count).index_add(0, groups, centred**2) / count
    std = variance.sqrt()[groups]
    spread = std > 1e-6 * rewards.abs().clamp(min=1)
    advantages = torch.where(spread, centred / std.clamp(min=1e-12), torch.zeros_like(rewards))
    return advantages.clamp(-ADVANTAGE_CLIP, ADVANTAGE_CLIP)


def optimality(rewards: Tensor, groups: Tensor | None = None) -> Tensor:
    """Rewards (n,) as the probability that a sample is optimal, 0-1: half the standardised reward,
    clipped to +-1, about 0.5 (DiffusionNFT, arXiv 2509.16117, section 3.2)."""
    return 0.5 + 0.5 * standardised(rewards, groups).clamp(-1, 1)
