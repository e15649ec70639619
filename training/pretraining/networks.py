"""The parts of a small Stable Diffusion inpainting pipeline, with random weights."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from training.pretraining.presets import Preset

LATENT_CHANNELS = 4
AUTOENCODER_GROUPS = 4
"""With as many groups as its first level has channels, each channel's mean would be taken away
before the last layer, and with it the picture's colours."""
TEXT_WIDTH = 32


def make_autoencoder(preset: Preset) -> Any:
    widths = preset.autoencoder_widths
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=1,
        norm_num_groups=AUTOENCODER_GROUPS,
        latent_channels=LATENT_CHANNELS,
        sample_size=preset.size,
    )


def make_unet(preset: Preset) -> Any:
    """9 input channels: noisy latents, mask, latents of the photo without its hole. It has no
    cross-attention: there was no text to learn from."""
    widths, attends = preset.unet_widths, preset.attention
    factor: int = 2 ** (len(preset.autoencoder_widths) - 1)
    return UNet2DConditionModel(
        sample_size=preset.size // factor,
        in_channels=2 * LATENT_CHANNELS + 1,
        out_channels=LATENT_CHANNELS,
        block_out_channels=widths,
        layers_per_block=preset.unet_layers,
        norm_num_groups=16,
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        mid_block_type="UNetMidBlock2D",
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=32,
    )


def make_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule, stretched to end in nothing but noise, from where sampling
    begins (arXiv 2305.08891); the UNet predicts v (arXiv 2202.00512, appendix D).

    With a trace of the picture left at the end, the UNet reads the fill's mean colours from noise.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        steps_offset=1,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
    )


def make_pipeline(autoencoder: Any, unet: Any) -> Any:
    """A whole pipeline: the text encoder is there because the format has one, and says nothing."""
    pipeline: Any = StableDiffusionInpaintPipeline(
        vae=autoencoder,
        unet=unet,
        scheduler=make_scheduler(),
        text_encoder=_text_encoder(),
        tokenizer=letter_tokenizer(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def letter_tokenizer(longest_prompt: int = 77) -> CLIPTokenizer:
    """One token for each printable letter."""
    letters = [chr(code) for code in range(33, 127)]
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {name: number for number, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=longest_prompt)


def _text_encoder() -> CLIPTextModel:
    size = len(letter_tokenizer())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = CLIPTextConfig(
            vocab_size=size,
            hidden_size=TEXT_WIDTH,
            intermediate_size=TEXT_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=1,
            max_position_embeddings=77,
            projection_dim=TEXT_WIDTH,
            bos_token_id=size - 2,
            eos_token_id=size - 1,
        )
        return CLIPTextModel(config).eval()
