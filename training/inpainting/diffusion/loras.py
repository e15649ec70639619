"""LoRA files into a pipeline's weights."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import PrefPaintError
from training.inpainting.diffusion.devices import is_out_of_memory


def add_loras(pipeline: Any, loras: Sequence[Path]) -> None:
    """Add the LoRAs to the weights, one by one: of several at once diffusers fuses only the last.

    Raises PrefPaintError for one that does not fit.
    """
    logging.getLogger("diffusers.loaders").setLevel(logging.CRITICAL)  # what it says is raised too
    for lora in loras:
        try:
            pipeline.load_lora_weights(str(lora.parent), weight_name=lora.name)
            changed = list(pipeline.get_list_adapters())
            if not changed:
                raise ValueError("it changes no part of the model")
            pipeline.fuse_lora(components=changed)
            pipeline.unload_lora_weights()
        except (ValueError, LookupError, AttributeError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise PrefPaintError(
                f"{lora} does not fit the model: its layers have other names or sizes. Choose a "
                "LoRA that was made for the model, or leave it out."
            ) from error
