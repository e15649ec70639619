"""A pipeline of a few thousand weights, trained for a few steps."""

from training.pretraining.presets import Preset

TINY = Preset(
    size=64,
    autoencoder_widths=(16, 16, 16),
    unet_widths=(16, 32),
    unet_layers=1,
    attention=(False, True),
    autoencoder_steps=4,
    autoencoder_batch=2,
    unet_steps=4,
    unet_batch=2,
)
