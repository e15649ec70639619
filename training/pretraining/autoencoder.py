"""The autoencoder's objective."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training.pretraining.crops import Crops

KL_WEIGHT = 1e-6
DETAIL_WEIGHT = 1.0


def autoencoder_loss(autoencoder: Any, pixels: Tensor) -> Tensor:
    """Mean absolute error of pixels and of their differences to the next ones, which a blurred
    picture lacks, with a slight pull towards a normal posterior. pixels: (n, 3, h, w), -1 to 1."""
    posterior = autoencoder.encode(pixels).latent_dist
    decoded = autoencoder.decode(posterior.sample()).sample
    detail = sum(
        functional.l1_loss(decoded.diff(dim=axis), pixels.diff(dim=axis)) for axis in (2, 3)
    )
    return (
        functional.l1_loss(decoded, pixels)
        + DETAIL_WEIGHT * detail
        + KL_WEIGHT * posterior.kl().mean()
    )


@torch.no_grad()
def latent_scale(autoencoder: Any, crops: Crops, device: torch.device) -> float:
    """What brings latents to unit variance, over 256 crops (arXiv 2112.10752, appendix G)."""
    latents = [
        autoencoder.encode(crops.batch(number, 32).pixels.to(device)).latent_dist.mean
        for number in range(8)
    ]
    return float(1 / torch.cat(latents).std())
