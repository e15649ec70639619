"""The reward-trust-aware factor gamma (PrefPaint, Eq. 11) and what it is compared with."""

import torch
from torch import Tensor

from training.alignment.config import Amplification

SLOPE, SHIFT = 0.05, 0.7
"""k and b of Eq. 11."""
LEAST, MOST = 1.0, 2.21
"""The published code's clamp."""
STATIC = 1.4


def amplification(bounds: Tensor, kind: Amplification) -> Tensor:
    """gamma (n,) of error bounds ||z||_V^-1 (n,), 1.0 to 2.21.

    exponential: exp(-k bound + b), the paper's. linear: exp(b) (1 - k bound), its first order in
    the bound. static: 1.4, the ablation's. The surer the reward, the larger the step.
    """
    if kind == "none":
        return torch.ones_like(bounds)
    if kind == "static":
        return torch.full_like(bounds, STATIC)
    if kind == "linear":
        gamma = torch.exp(torch.tensor(SHIFT)) * (1 - SLOPE * bounds)
    else:
        gamma = torch.exp(-SLOPE * bounds + SHIFT)
    return gamma.clamp(LEAST, MOST)
