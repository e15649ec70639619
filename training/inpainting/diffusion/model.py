"""A latent diffusion inpainter of the Stable Diffusion families, in parts that can be reused."""

import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor
from torch.nn import functional

from training.inpainting.diffusion.devices import free_memory, is_out_of_memory
from training.inpainting.diffusion.sampler import Conditioning, Start, TextCondition
from training.inpainting.diffusion.scaling import GRANULARITY
from training.inpainting.request import Mask, Pixels
from training.inpainting.settings import SamplerName

PROMPTS_KEPT = 32
LARGE_SIDE = 512
"""From this native side on, a processor gains nothing from batches (below, a tenth and more), nor
from channels-last in the UNet (Stable Diffusion 1.5's is 2-7 % slower, `nano`'s 6-16 % faster)."""

KARRAS = "use_karras_sigmas"
_SCHEDULERS: dict[SamplerName, tuple[Any, dict[str, Any]]] = {
    "dpm++": (DPMSolverMultistepScheduler, {KARRAS: True}),
    "ddim": (DDIMScheduler, {"clip_sample": False}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler-a": (EulerAncestralDiscreteScheduler, {}),
    "unipc": (UniPCMultistepScheduler, {}),
}


@dataclass(frozen=True, eq=False)
class EncodedPhoto:
    """mask: (1, 1, h, w) of latent cells. masked: distribution of the photo's latents without its
    hole; whole: of the photo's, for a UNet that is not shown the mask."""

    mask: Tensor
    masked: DiagonalGaussianDistribution
    whole: DiagonalGaussianDistribution | None


class DiffusionModel:
    """Encodes, samples and decodes with the parts of a StableDiffusion(XL)InpaintPipeline.

    The UNet and the text encoders compute in `dtype`; the VAE always in fp32, for in fp16 some of
    them give black. tiny_decoder: an AutoencoderTiny for previews.
    """

    def __init__(
        self,
        pipeline: Any,
        device: torch.device,
        dtype: torch.dtype,
        tiny_decoder: Any | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.tiny_decoder = tiny_decoder
        self.device = device
        self.dtype = dtype
        self._is_offloaded = False
        self._texts: OrderedDict[str, TextCondition] = OrderedDict()
        try:
            self._place(dtype)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self.offload()
        if self._is_offloaded:
            free_memory(device)
            self._place(dtype)

    def _place(self, dtype: torch.dtype) -> None:
        """Bring what is not offloaded to the device, in this precision."""
        resting = torch.device("cpu") if self._is_offloaded else self.device
        _move(self.vae, resting, torch.float32)
        for encoder in self._text_encoders():
            _move(encoder, resting, dtype)
        for part in (self.unet, self.tiny_decoder):
            if part is not None:
                _move(part, self.device, dtype)
        if self.device.type != "mps":  # which converts them back for every convolution
            self.vae.to(memory_format=torch.channels_last)
            if not self.strains_processor:
                self.unet.to(memory_format=torch.channels_last)
        self.dtype = dtype

    @property
    def unet(self) -> Any:
        return self.pipeline.unet

    @property
    def vae(self) -> Any:
        return self.pipeline.vae

    @property
    def native_side(self) -> int:
        """Side in pixels of the squares that the model was trained on."""
        return int(self.unet.config.sample_size * self.pipeline.vae_scale_factor)

    @property
    def strains_processor(self) -> bool:
        """Whether it computes on a processor and is large for one."""
        return self.device.type == "cpu" and self.native_side >= LARGE_SIDE

    @property
    def granularity(self) -> int:
        """Pixels that divide the sides of what the model takes.

        Most UNets come back from halving an odd number of cells; those with AttnUpBlock2D do not.
        """
        config = self.unet.config
        if "AttnUpBlock2D" not in config.up_block_types:
            return GRANULARITY
        halvings = len(config.block_out_channels) - 1
        return math.lcm(GRANULARITY, int(self.pipeline.vae_scale_factor) * 2**halvings)

    def _text_encoders(self) -> list[Any]:
        names = ("text_encoder", "text_encoder_2")
        return [e for name in names if (e := getattr(self.pipeline, name, None)) is not None]

    def use_full_precision(self) -> None:
        """Compute everything in fp32 from now on."""
        self._texts.clear()
        self._place(torch.float32)

    def place_around_unet(self, device: torch.device) -> None:
        """Compute on this device from now on, to which the UNet has been brought otherwise."""
        self._texts.clear()
        self.device = device
        for part in (self.vae, *self._text_encoders(), self.tiny_decoder):
            if part is not None:
                part.to(device)

    def offload(self) -> bool:
        """Keep only what computes on the device, decode in tiles; False if that is so already."""
        if self._is_offloaded:
            return False
        self._is_offloaded = True
        for part in (self.vae, *self._text_encoders()):
            part.to("cpu")
        self.vae.enable_tiling()
        return True

    def _run(self, part: Any, work: Any) -> Any:
        """Bring an offloaded part to the device for as long as it works."""
        if not self._is_offloaded:
            return work()
        part.to(self.device)
        try:
            return work()
        finally:
            part.to("cpu")

    # --- text ---------------------------------------------------------------------------------

    @torch.no_grad()
    def encode_text(self, prompt: str, height: int, width: int) -> TextCondition:
        """The prompt as the UNet takes it; encoded once for each text, whatever the size."""
        if prompt in self._texts:
            self._texts.move_to_end(prompt)
        else:
            self._texts[prompt] = self._encode_text(prompt)
            if len(self._texts) > PROMPTS_KEPT:
                self._texts.popitem(last=False)
        condition = self._texts[prompt]
        if not condition.added:
            return condition
        time_ids = torch.tensor([[height, width, 0, 0, height, width]], device=self.device)
        added = {**condition.added, "time_ids": time_ids.to(self.dtype)}
        return TextCondition(condition.embeddings, added)

    def conditioning(
        self, prompt: str, negative_prompt: str, guidance: float, height: int, width: int
    ) -> Conditioning:
        """Without guidance where it would change nothing: at 1, and between equal texts."""
        text = self.encode_text(prompt, height, width)
        if guidance <= 1 or prompt == negative_prompt:
            return Conditioning(text)
        return Conditioning(text, self._negative_of(negative_prompt, height, width), guidance)

    def _negative_of(self, prompt: str, height: int, width: int) -> TextCondition:
        """The negative prompt; where the model was trained so, an empty one is zeros (SDXL)."""
        condition = self.encode_text(prompt, height, width)
        if prompt or not self.pipeline.config.get("force_zeros_for_empty_prompt", False):
            return condition
        added = {**condition.added, "text_embeds": torch.zeros_like(condition.added["text_embeds"])}
        return TextCondition(torch.zeros_like(condition.embeddings), added)

    def _encode_text(self, prompt: str) -> TextCondition:
        encoders = torch.nn.ModuleList(self._text_encoders())

        def encode() -> Any:
            return self.pipeline.encode_prompt(
                prompt,
                device=self.device,
                num_images_per_prompt=1,
                do_classifier_free_guidance=False,
            )

        encoded = self._run(encoders, encode)
        added = {"text_embeds": encoded[2]} if len(encoded) == 4 else {}
        return TextCondition(encoded[0], added)

    # --- pixels -------------------------------------------------------------------------------

    @torch.no_grad()
    def encode_photo(self, image: Pixels, hole: Mask) -> EncodedPhoto:
        """image: (H, W, 3) uint8 and hole: (H, W) bool, sides multiples of 8. Done once a request,
        whatever the number of candidates."""
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float() / 127.5 - 1
        missing = torch.from_numpy(hole)[None, None].to(self.device).float()
        scale = self.pipeline.vae_scale_factor
        cells = (image.shape[0] // scale, image.shape[1] // scale)
        mask = functional.interpolate(missing, size=cells)

        def encode(x: Tensor) -> DiagonalGaussianDistribution:
            posterior: DiagonalGaussianDistribution = self.vae.encode(x).latent_dist
            return posterior

        masked = self._run(self.vae, lambda: encode(pixels * (missing < 0.5)))
        is_blind = self.unet.config.in_channels == self.vae.config.latent_channels
        whole = self._run(self.vae, lambda: encode(pixels)) if is_blind else None
        return EncodedPhoto(mask, masked, whole)

    @torch.no_grad()
    def encode_picture(self, image: Pixels) -> Tensor:
        """(H, W, 3) uint8, sides multiples of 8, to its likeliest latents (1, c, h, w)."""
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float() / 127.5 - 1
        return self._normalise(
            self._run(self.vae, lambda: self.vae.encode(pixels).latent_dist.mean)
        )

    def start(self, photo: EncodedPhoto, generators: Sequence[torch.Generator]) -> Start:
        """Draw the noise of each candidate, in the order in which diffusers draws it for one."""
        noise, masked, known = [], [], []
        for generator in generators:
            if photo.whole is not None:
                known.append(self._normalise(photo.whole.sample(generator)))
            shape = photo.masked.mean.shape
            noise.append(randn_tensor(shape, generator=generator, device=self.device))
            masked.append(self._normalise(photo.masked.sample(generator)))
        return Start(
            noise=torch.cat(noise),
            mask=photo.mask,
            masked_latents=None if known else torch.cat(masked),
            known_latents=torch.cat(known) if known else None,
        )

    @torch.no_grad()
    def decode(self, latents: Tensor) -> list[Pixels]:
        """(n, c, h, w) to n pictures (H, W, 3) uint8, one after the other to save memory."""
        return [self._run(self.vae, lambda row=row: self._decode(row)) for row in latents.split(1)]

    def _decode(self, latents: Tensor) -> Pixels:
        decoded = self.vae.decode(self._denormalise(latents.float()), return_dict=False)[0]
        pixels = (decoded / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 0)
        return np.asarray((pixels * 255).round().to(torch.uint8).cpu().numpy())

    def _normalise(self, latents: Tensor) -> Tensor:
        config = self.vae.config
        if getattr(config, "latents_mean", None) is not None:
            mean, std = latent_statistics(config, latents)
            return (latents - mean) * config.scaling_factor / std
        return latents * config.scaling_factor

    def _denormalise(self, latents: Tensor) -> Tensor:
        config = self.vae.config
        if getattr(config, "latents_mean", None) is not None:
            mean, std = latent_statistics(config, latents)
            return latents * std / config.scaling_factor + mean
        return latents / config.scaling_factor

    # --- sampling -----------------------------------------------------------------------------

    def scheduler(self, sampler: SamplerName) -> Any:
        """A fresh scheduler with the model's own noise schedule."""
        kind, options = _SCHEDULERS[sampler]
        config = self.pipeline.scheduler.config
        if config.get("rescale_betas_zero_snr"):  # Karras' steps would lie in noise
            options = {name: value for name, value in options.items() if name != KARRAS}
        logging.getLogger("diffusers.configuration_utils").setLevel(logging.ERROR)
        return kind.from_config(config, **options)


def latent_statistics(config: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel that an autoencoder's config names, for latents
    (n, c, h, w): (1, c, 1, 1) each."""
    mean, std = (
        latents.new_tensor(values).view(1, -1, 1, 1)
        for values in (config.latents_mean, config.latents_std)
    )
    return mean, std


def _move(part: Any, device: torch.device, dtype: torch.dtype) -> None:
    part.to(device)
    if next(part.parameters()).dtype != dtype:  # diffusers warns of every cast
        part.to(dtype)
