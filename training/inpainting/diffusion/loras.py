"""LoRA files into a pipeline's weights."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel

from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import PEFT_CONFIG, is_peft_adapter
from training.inpainting.diffusion.devices import is_out_of_memory

_DENOISERS = ("unet", "transformer")


def add_loras(pipeline: Any, loras: Sequence[Path]) -> None:
    """Add the LoRAs to the weights, one by one: of several at once diffusers fuses only the last.

    Raises PrefPaintError for one that does not fit.
    """
    logging.getLogger("diffusers.loaders").setLevel(logging.CRITICAL)  # what it says is raised too
    for lora in loras:
        try:
            if is_peft_adapter(lora):
                _merge(pipeline, lora.parent)
            else:
                _fuse(pipeline, lora)
        except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise PrefPaintError(
                f"{lora} does not fit the model: its layers have other names or sizes. Choose a "
                "LoRA that was made for the model, or leave it out."
            ) from error


def _fuse(pipeline: Any, lora: Path) -> None:
    pipeline.load_lora_weights(str(lora.parent), weight_name=lora.name)
    changed = list(pipeline.get_list_adapters())
    if not changed:
        raise ValueError("it changes no part of the model")
    pipeline.fuse_lora(components=changed)
    pipeline.unload_lora_weights()


def _merge(pipeline: Any, folder: Path) -> None:
    """PEFT's own folder, which diffusers does not read: of the part whose class it names, or of the
    denoiser."""
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise PrefPaintError(
            f"{folder / PEFT_CONFIG} is no configuration of PEFT's. Copy the whole folder again."
        ) from error
    made_for = (config.auto_mapping or {}).get("base_model_class")
    of_class = [n for n, part in pipeline.components.items() if type(part).__name__ == made_for]
    name = [*of_class, *(name for name in _DENOISERS if name in pipeline.components)][0]
    adapted = PeftModel(getattr(pipeline, name), config)
    found = adapted.load_adapter(str(folder), "default", torch_device="cpu")
    if found.missing_keys or found.unexpected_keys:
        raise ValueError("it is for other layers")
    setattr(pipeline, name, adapted.merge_and_unload())
