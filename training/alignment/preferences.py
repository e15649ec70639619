"""One iteration's gradients of Diffusion-DPO: pairs alone, no reward model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from training.alignment.config import AlignmentConfig
from training.alignment.losses import preference_loss
from training.alignment.pairs import PreferencePair
from training.alignment.policy import Policy
from training.alignment.rollouts import joined
from training.alignment.updates import Update
from training.inpainting.diffusion.model import DiffusionModel, EncodedPhoto
from training.inpainting.diffusion.sampler import predict


@dataclass(frozen=True, eq=False)
class EncodedPair:
    """photo: of their prompt. chosen, rejected: (1, c, h, w), their latents."""

    photo: EncodedPhoto
    chosen: Tensor
    rejected: Tensor


class PairEncoder:
    """Encodes each pair once for one model, and keeps what came out on the processor: 270 KB for a
    pair of 512 x 512 pixels."""

    def __init__(self, model: DiffusionModel) -> None:
        self._model = model
        self._kept: dict[PreferencePair, tuple[Tensor, ...]] = {}

    def __call__(self, pair: PreferencePair) -> EncodedPair:
        if pair not in self._kept:
            model, pictures = self._model, pair.read()
            photo = model.encode_photo(pictures.masked, pictures.hole)
            fresh = (
                photo.mask,
                photo.masked.parameters,
                model.encode_picture(pictures.chosen),
                model.encode_picture(pictures.rejected),
            )
            self._kept[pair] = tuple(tensor.cpu() for tensor in fresh)
        mask, parameters, *fills = (tensor.to(self._model.device) for tensor in self._kept[pair])
        photo = EncodedPhoto(mask, DiagonalGaussianDistribution(parameters), None)
        return EncodedPair(photo, *fills)


def preference_updates(
    policy: Policy,
    pairs: Sequence[EncodedPair],
    config: AlignmentConfig,
    seed: int,
    own: slice,
    count: int,
) -> Iterator[Update]:
    """Diffusion-DPO (arXiv 2311.12908): the two of a pair share noise and time, drawn anew
    `updated_steps` times.

    pairs: of this process, those at `own` of the iteration's `count`. accuracy: the share of pairs
    whose chosen fill has gained on the rejected one since the model began.
    """
    model = policy.model
    device = model.device
    places = range(own.start, own.stop)
    starts = [
        model.start(pair.photo, [torch.Generator("cpu").manual_seed(seed + place)])
        for pair, place in zip(pairs, places, strict=True)
    ]
    start = joined([*starts, *starts])
    latents = torch.cat([*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)])
    side = latents.shape[-1] * model.pipeline.vae_scale_factor
    conditioning = model.conditioning(config.text, "", 1.0, side, side)
    scheduler = model.scheduler("ddim")
    is_velocity = scheduler.config.prediction_type == "v_prediction"
    generator = torch.Generator("cpu").manual_seed(seed + count)
    for _ in range(config.updated_steps):
        times = torch.randint(scheduler.config.num_train_timesteps, (count,), generator=generator)
        noise = torch.randn((count, *latents.shape[1:]), generator=generator)[own].to(device)
        noise, times = torch.cat([noise] * 2), torch.cat([times[own].to(device)] * 2)
        noisy = scheduler.add_noise(latents, noise, times)
        target = scheduler.get_velocity(latents, noise, times) if is_velocity else noise
        with policy.as_it_began() as original:
            reference = predict(original, noisy, times, start, conditioning)
        output = predict(policy.unet, noisy, times, start, conditioning)
        chosen, rejected = _errors(output, target).chunk(2)
        chosen_before, rejected_before = _errors(reference, target).chunk(2)
        loss = preference_loss(
            chosen, rejected, chosen_before, rejected_before, config.preference_beta
        )
        divergence = (output - reference).square().mean()
        if config.divergence:
            loss = loss + config.divergence * divergence
        gained = (chosen - chosen_before) < (rejected - rejected_before)
        figures = {"accuracy": gained.float().mean().item(), "divergence": divergence.item()}
        yield Update(loss, figures)


def _errors(output: Tensor, target: Tensor) -> Tensor:
    return ((output - target) ** 2).flatten(1).mean(dim=1)
