"""How large the small pipelines are and how long they learn."""

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["nano", "mini"]


@dataclass(frozen=True)
class Preset:
    """size: side of the square training crops in pixels.

    autoencoder_widths: channels of each level; every level but the last halves the side.
    unet_widths: likewise, on the latents; attention: whether a level attends to itself.
    """

    size: int
    autoencoder_widths: tuple[int, ...]
    unet_widths: tuple[int, ...]
    unet_layers: int
    attention: tuple[bool, ...]
    autoencoder_steps: int
    autoencoder_batch: int
    unet_steps: int
    unet_batch: int
    autoencoder_rate: float = 6e-4
    unet_rate: float = 5e-4


PRESETS: dict[PresetName, Preset] = {
    "nano": Preset(
        size=64,
        autoencoder_widths=(16, 48, 96),
        unet_widths=(64, 128, 192),
        unet_layers=1,
        attention=(False, False, True),
        autoencoder_steps=5_000,
        autoencoder_batch=16,
        unet_steps=6_000,
        unet_batch=32,
    ),
    "mini": Preset(
        size=256,
        autoencoder_widths=(48, 96, 160),
        unet_widths=(96, 160, 224, 320),
        unet_layers=1,
        attention=(False, False, True, True),
        autoencoder_steps=8_000,
        autoencoder_batch=32,
        unet_steps=40_000,
        unet_batch=64,
    ),
}
