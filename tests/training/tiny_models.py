"""Diffusion models of a few thousand weights, made on the spot in the formats of the real ones."""

from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from training.pretraining.networks import letter_tokenizer

Kind = Literal["sd-inpaint", "sd-plain", "sdxl-inpaint"]


def make_tokenizer() -> CLIPTokenizer:
    return letter_tokenizer(16)


def make_text_encoder(projects: bool = False) -> Any:
    config = CLIPTextConfig(
        vocab_size=len(make_tokenizer()),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        projection_dim=16,
        bos_token_id=188,
        eos_token_id=189,
    )
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config).eval()


def make_vae() -> AutoencoderKL:
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=512,
    )
    with torch.no_grad():  # a narrow posterior, as the published autoencoders have
        vae.quant_conv.bias[4:] = -25
        vae.quant_conv.weight[4:] = 0
    return vae.eval()


def make_unet(channels: int, is_xl: bool = False) -> UNet2DConditionModel:
    extra: dict[str, Any] = {}
    width = 16
    if is_xl:
        width = 32
        extra = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 16,
        }
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=8,
        **extra,
    ).eval()


def sd_scheduler() -> DDIMScheduler:
    """As Stable Diffusion's checkpoints come with it."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        clip_sample=False,
        set_alpha_to_one=False,
    )


def make_pipeline(kind: Kind = "sd-inpaint", seed: int = 0) -> Any:
    """A pipeline with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    scheduler = sd_scheduler()
    parts: dict[str, Any] = {
        "vae": make_vae(),
        "tokenizer": make_tokenizer(),
        "scheduler": scheduler,
        "text_encoder": make_text_encoder(),
        "unet": make_unet(4 if kind == "sd-plain" else 9, kind == "sdxl-inpaint"),
    }
    if kind == "sdxl-inpaint":
        parts |= {"text_encoder_2": make_text_encoder(True), "tokenizer_2": make_tokenizer()}
        pipeline = StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False)
    else:
        made = StableDiffusionPipeline if kind == "sd-plain" else StableDiffusionInpaintPipeline
        parts |= {"safety_checker": None, "feature_extractor": None}
        pipeline = made(**parts, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_pipeline(folder: Path, kind: Kind = "sd-inpaint", seed: int = 0) -> Path:
    """A diffusers folder."""
    make_pipeline(kind, seed).save_pretrained(folder)
    return folder
