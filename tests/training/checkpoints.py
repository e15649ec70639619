"""Files in the shapes of real checkpoints, a few kilobytes each; their weights are all zero."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SD_COMPONENTS = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "image_encoder": [None, None],
}
UNET = "model.diffusion_model."
TEXT_WIDTHS = {"sd1": 768, "sd2": 1024, "sdxl": 2048}
_TEXT_ENCODERS = {
    "sd1": "cond_stage_model.transformer.text_model.w",
    "sd2": "cond_stage_model.model.w",
    "sdxl": "conditioner.embedders.0.transformer.w",
}


def save_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]], **metadata: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.zeros(shape, np.float16) for name, shape in shapes.items()}, path, metadata)
    return path


def ldm_shapes(family: str = "sd1", channels: int = 9) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a single-file model."""
    width = TEXT_WIDTHS[family]
    return {
        f"{UNET}input_blocks.0.0.weight": (8, channels, 3, 3),
        f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, width),
        "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
        _TEXT_ENCODERS[family]: (4, 4),
    }


def lora_shapes(naming: str, width: int) -> dict[str, tuple[int, ...]]:
    """naming: kohya, peft or diffusers."""
    down, up = {
        "kohya": (
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight",
        ),
        "peft": (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight",
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_B.weight",
        ),
        "diffusers": (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight",
        ),
    }[naming]
    return {down: (4, width), up: (320, 4)}


def make_pipeline(
    folder: Path,
    pipeline: str = "StableDiffusionInpaintPipeline",
    channels: int = 9,
    text_width: int = 768,
    variant: str = "",
) -> Path:
    """A folder in diffusers' layout, without the safety checker that its index lists."""
    index = {"_class_name": pipeline, "_diffusers_version": "0.42.0", **SD_COMPONENTS}
    write_json(folder / "model_index.json", {**index, "requires_safety_checker": True})
    config = {"in_channels": channels, "cross_attention_dim": text_width}
    write_json(folder / "unet/config.json", config)
    write_json(folder / "vae/config.json", {})
    write_json(folder / "text_encoder/config.json", {})
    write_json(folder / "tokenizer/vocab.json", {})
    write_json(folder / "scheduler/scheduler_config.json", {})
    dot = f".{variant}" if variant else ""
    for component, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        save_tensors(folder / component / f"{stem}{dot}.safetensors", {"weight": (4, 4)})
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
