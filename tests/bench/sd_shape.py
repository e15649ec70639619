"""Pipelines in the shape of Stable Diffusion 1.5 inpainting, with random weights, of any width."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel

from tests.training.tiny_models import make_tokenizer, sd_scheduler

TOKENS = 77


@dataclass(frozen=True)
class Shape:
    """unet, vae: channels of their first blocks. text: width of the prompt's embeddings. side:
    pixels of the pictures. heads: of each attention."""

    unet: int
    vae: int
    text: int
    side: int
    steps: int
    heads: int = 8


FULL = Shape(unet=320, vae=128, text=768, side=512, steps=50)
SMALL = Shape(unet=64, vae=8, text=64, side=256, steps=6)
"""For a processor. Its autoencoder is narrower than its UNet, so that in few steps what is done
once takes the share that it takes of the full one's fifty, a twelfth."""


def make_sd(shape: Shape) -> Any:
    """Two calls give pipelines with the same weights."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=shape.side // 8,
        in_channels=9,
        out_channels=4,
        block_out_channels=tuple(shape.unet * times for times in (1, 2, 4, 4)),
        cross_attention_dim=shape.text,
        attention_head_dim=shape.heads,  # diffusers' name for their number
    )
    vae = AutoencoderKL(
        block_out_channels=tuple(shape.vae * times for times in (1, 2, 4, 4)),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        norm_num_groups=min(32, shape.vae),
        latent_channels=4,
        sample_size=shape.side,
    )
    text = CLIPTextConfig(
        hidden_size=shape.text,
        intermediate_size=4 * shape.text,
        num_hidden_layers=12,
        num_attention_heads=shape.text // 64,
        max_position_embeddings=TOKENS,
        bos_token_id=188,
        eos_token_id=189,
    )
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = TOKENS
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae.eval(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=sd_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
