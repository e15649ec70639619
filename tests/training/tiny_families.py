"""Pipelines of other families than Stable Diffusion 1 to XL, of a few thousand random weights."""

from typing import Any, Literal

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxFillPipeline,
    FluxTransformer2DModel,
    KandinskyV22InpaintCombinedPipeline,
    PriorTransformer,
    SD3Transformer2DModel,
    StableDiffusion3InpaintPipeline,
    StableDiffusion3Pipeline,
    UnCLIPScheduler,
    UNet2DConditionModel,
    VQModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from tests.training.tiny_models import make_text_encoder, make_tokenizer

Family = Literal["flux-fill", "sd3", "sd3-inpaint", "kandinsky"]


def make_vae(channels: int) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=channels,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
        scaling_factor=0.4,
    )


def _flux_fill() -> Any:
    t5 = T5Config(
        vocab_size=104, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, is_decoder=False
    )
    # Fills read packed latents, those of the known pixels, and the mask's 64 pixels of each cell.
    transformer = FluxTransformer2DModel(
        in_channels=4 * 4 + 4 * 4 + 4 * 64,
        out_channels=4 * 4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )
    return FluxFillPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=make_vae(4),
        text_encoder=make_text_encoder(),
        tokenizer=make_tokenizer(),
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=T5Tokenizer(model_max_length=32),
        transformer=transformer,
    )


def _sd3(kind: Any) -> Any:
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        caption_projection_dim=16,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        pos_embed_max_size=64,
    )
    return kind(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=make_vae(16),
        text_encoder=make_text_encoder(projects=True),
        tokenizer=make_tokenizer(),
        text_encoder_2=make_text_encoder(projects=True),
        tokenizer_2=make_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    )


def _kandinsky() -> Any:
    unet = UNet2DConditionModel(
        in_channels=9,
        out_channels=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        addition_embed_type="image",
        encoder_hid_dim_type="image_proj",
        encoder_hid_dim=16,
        cross_attention_dim=16,
        attention_head_dim=8,
        resnet_time_scale_shift="scale_shift",
    )
    movq = VQModel(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        num_vq_embeddings=16,
        norm_num_groups=4,
        vq_embed_dim=4,
        norm_type="spatial",
    )
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=16,
    )
    return KandinskyV22InpaintCombinedPipeline(
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        movq=movq,
        prior_prior=PriorTransformer(
            num_attention_heads=2,
            attention_head_dim=8,
            embedding_dim=16,
            num_layers=1,
            num_embeddings=16,
            additional_embeddings=4,
        ),
        prior_image_encoder=CLIPVisionModelWithProjection(vision),
        prior_text_encoder=make_text_encoder(projects=True),
        prior_tokenizer=make_tokenizer(),
        prior_scheduler=UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=10.0
        ),
        prior_image_processor=CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )


def make_family(family: Family, seed: int = 0) -> Any:
    """A pipeline with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    if family == "flux-fill":
        pipeline = _flux_fill()
    elif family == "kandinsky":
        pipeline = _kandinsky()
    else:
        kinds = {"sd3": StableDiffusion3Pipeline, "sd3-inpaint": StableDiffusion3InpaintPipeline}
        pipeline = _sd3(kinds[family])
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
