"""The denoiser that learns, the one it began as, and what is kept of it."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import StableDiffusionInpaintPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel

Trained = Literal["lora", "full"]
LORA_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2")
"""Attention and the residual blocks' convolutions."""


class Policy:
    """An inpainting UNet of 9 input channels that learns, whole or through a LoRA.

    Raises PrefPaintError for a model that is no inpainting model.
    """

    def __init__(self, model: DiffusionModel, trained: Trained, rank: int, seed: int) -> None:
        unet = model.unet
        latent = model.vae.config.latent_channels
        if unet.config.in_channels != 2 * latent + 1:
            raise PrefPaintError(
                f"The model takes {unet.config.in_channels} channels and is no inpainting model "
                f"of {2 * latent + 1}. Name an inpainting model."
            )
        self.model = model
        self.trained = trained
        model.use_full_precision()  # what learns in half precision loses its small steps
        unet.requires_grad_(False)
        self._original: Any = None
        if trained == "lora":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                unet.add_adapter(
                    LoraConfig(
                        r=rank,
                        lora_alpha=rank,
                        init_lora_weights="gaussian",
                        target_modules=list(LORA_LAYERS),
                    )
                )
        else:
            self._original = copy.deepcopy(unet)
            unet.requires_grad_(True)

    @property
    def unet(self) -> Any:
        return self.model.unet

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """Those that learn."""
        return [parameter for parameter in self.unet.parameters() if parameter.requires_grad]

    @contextmanager
    def as_it_began(self) -> Iterator[Any]:
        """The UNet before any step, without gradients."""
        with torch.no_grad():
            if self.trained == "full":
                yield self._original
                return
            self.unet.disable_adapters()
            try:
                yield self.unet
            finally:
                self.unet.enable_adapters()

    def state(self) -> dict[str, Tensor]:
        """Weights that learn, by name, for a checkpoint."""
        return {
            name: parameter.detach().cpu()
            for name, parameter in self.unet.named_parameters()
            if parameter.requires_grad
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up weights of `state`."""
        own = dict(self.unet.named_parameters())
        with torch.no_grad():
            for name, value in state.items():
                own[name].copy_(value)

    def save(self, out: Path) -> Path:
        """Write what the app and diffusers load: a LoRA file, or a pipeline's folder."""
        if self.trained == "full":
            folder = out / "pipeline"
            self.model.pipeline.save_pretrained(folder, safe_serialization=True)
            return folder
        layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(self.unet))
        StableDiffusionInpaintPipeline.save_lora_weights(out, unet_lora_layers=layers)
        return out / "pytorch_lora_weights.safetensors"
