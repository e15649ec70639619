"""A small pipeline as it ships with the program: at 64 pixels, in half precision, with its card."""

from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging

from training.pretraining.networks import make_autoencoder, make_pipeline, make_unet
from training.pretraining.presets import Preset

PRESET = Preset(
    size=64,
    autoencoder_widths=(16, 16, 16),
    unet_widths=(32, 32, 32),
    unet_layers=1,
    attention=(False, False, True),
    autoencoder_steps=0,
    autoencoder_batch=1,
    unet_steps=0,
    unet_batch=1,
)
PROVENANCE = "It learned from 300 freely licensed photographs, by nobody's hand."
CARD = f"---\nlicense: Apache-2.0\n---\n# Nano\n\n{PROVENANCE}\n\n## How\n\nSlowly.\n"


def save_builtin(folder: Path, name: str = "nano") -> Path:
    """Writes folder/name, random weights; returns folder."""
    torch.manual_seed(0)
    pipeline = make_pipeline(make_autoencoder(PRESET), make_unet(PRESET))
    diffusers_logging.set_verbosity_error()  # it warns of fp16 on a processor
    pipeline.to("cpu", torch.float16).save_pretrained(folder / name)
    (folder / name / "README.md").write_text(CARD, encoding="utf-8")
    return folder
