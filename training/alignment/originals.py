"""What was in a prompt's hole, as a fill by the model could show it at best."""

from dataclasses import replace

import numpy as np

from training.alignment.rollouts import SizedPrompt, size_prompt
from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.scaling import resize
from training.inpainting.request import Mask, Pixels
from training.prompts.incomplete import IncompletePhoto


def size_with_original(model: DiffusionModel, prompt: IncompletePhoto) -> SizedPrompt:
    """A prompt at the model's size, with its original where that is known.

    Raises PrefPaintError as `size_prompt` does.
    """
    side = model.native_side
    sized, original = size_prompt(prompt, side), prompt.original
    if original is None:
        return sized
    decoded = through_autoencoder(model, resize(original, side, side), sized.hole)
    return replace(sized, original=decoded)


def original_of(prompt: SizedPrompt) -> Pixels:
    """At the model's size. Raises PrefPaintError where it is not known."""
    if prompt.original is None:
        raise PrefPaintError(
            f"The original of {prompt.name} is not known, so the reward cannot learn that it is "
            "better. Use prompts made by `prefpaint-train prompts`."
        )
    return prompt.original


def known_original(prompt: IncompletePhoto) -> Pixels:
    """Raises PrefPaintError where it is not known."""
    original = prompt.original
    if original is None:
        raise PrefPaintError(
            f"{prompt.folder / 'originals'} lacks {prompt.prompt}. Use prompts made by "
            "`prefpaint-train prompts`."
        )
    return original


def through_autoencoder(model: DiffusionModel, image: Pixels, hole: Mask) -> Pixels:
    """The image, its hole as the model's autoencoder gives it back."""
    coded = model.decode(model.encode_picture(np.array(image)))[0]
    return np.where(hole[..., None], coded, image)
