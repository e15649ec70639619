"""What a trained pipeline says of itself."""

from pathlib import Path

import torch

from training.files import replaced_when_complete
from training.pretraining.presets import PRESETS, Preset

CARD = "README.md"


def write_card(folder: Path, preset: Preset, photos: int, seed: int) -> None:
    """Write a pipeline folder's model card. OSError passes through."""
    size = preset.size
    name = next((name for name, known in PRESETS.items() if known == preset), "small").capitalize()
    text = f"""---
license: apache-2.0
library_name: diffusers
---
# {name}

A small inpainting model of {size} x {size} pixels, trained from nothing by
`prefpaint-train pretrain` on random crops of {photos} photographs, which the folder does not hold.
Nobody labelled anything, and no other model's weights or fills went in.

- A diffusers `StableDiffusionInpaintPipeline`: an autoencoder ({preset.autoencoder_steps} steps of
  {preset.autoencoder_batch} crops) and a UNet of 9 channels that predicts v
  ({preset.unet_steps} steps of {preset.unet_batch}), moving averages of the weights, seed {seed},
  torch {torch.__version__}. Weights are half precision.
- **A prompt changes nothing**: the text encoder is there for the pipeline's form alone and was not
  trained.
- Its fills fit best with noise at every step: sampler ddim, eta 1. Other samplers leave blotches of
  colour in wide holes.
- It knows {size} x {size} pixels; larger regions are scaled down to that and its fills up again, so
  they are soft. It is here to show and to measure what training and alignment do, not to replace a
  large model.
"""
    with replaced_when_complete(folder / CARD) as file:
        file.write(text.encode())
