"""What the model's encoder makes of prompts, once for each."""

from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from training.alignment.rollouts import SizedPrompt
from training.inpainting.diffusion.model import DiffusionModel, EncodedPhoto


class PromptEncoder:
    """Encodes each prompt once for one model, and keeps what came out.

    That is two small tensors on the processor, 140 KB for a prompt of 512 x 512 pixels.
    """

    def __init__(self, model: DiffusionModel) -> None:
        self._model = model
        self._kept: dict[SizedPrompt, tuple[Tensor, Tensor]] = {}

    def __call__(self, prompt: SizedPrompt) -> EncodedPhoto:
        """What DiffusionModel.encode_photo gives, of a UNet of 9 input channels."""
        if prompt not in self._kept:
            fresh = self._model.encode_photo(prompt.masked, prompt.hole)
            self._kept[prompt] = (fresh.mask.cpu(), fresh.masked.parameters.cpu())
        mask, parameters = (tensor.to(self._model.device) for tensor in self._kept[prompt])
        return EncodedPhoto(mask, DiagonalGaussianDistribution(parameters), None)
