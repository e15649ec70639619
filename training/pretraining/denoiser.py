"""The denoiser's objective."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training.pretraining.crops import Batch


def denoiser_loss(unet: Any, autoencoder: Any, scheduler: Any, batch: Batch) -> Tensor:
    """Squared error of the predicted v at random times, the inputs made as the pipeline makes
    them: the hole grown to whole latent cells and grey."""
    with torch.no_grad():
        cell = batch.pixels.shape[-1] // unet.config.sample_size
        mask = functional.max_pool2d(batch.mask, cell)
        known = batch.pixels * (1 - functional.interpolate(mask, scale_factor=cell))
        both = autoencoder.encode(torch.cat([batch.pixels, known])).latent_dist.sample()
        latents, masked = (both.float() * autoencoder.config.scaling_factor).chunk(2)
        noise = torch.randn_like(latents)
        times = torch.randint(
            scheduler.config.num_train_timesteps, (len(latents),), device=latents.device
        )
        noisy = scheduler.add_noise(latents, noise, times)
        target = scheduler.get_velocity(latents, noise, times)
    text = latents.new_zeros(len(latents), 1, unet.config.cross_attention_dim)
    output = unet(torch.cat([noisy, mask, masked], dim=1), times, text, return_dict=False)[0]
    return functional.mse_loss(output.float(), target)
