"""Stable Diffusion checkpoints of one .safetensors file, in the names of the original code.

Such a file holds weights alone. What diffusers needs beside them, and would fetch from the hub, is
written down here: the published sizes of the three families, their noise schedule, and CLIP's
vocabulary, which ships in resources/tokenizer.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import SingleFileComponentError
from safetensors import safe_open

from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import CheckpointInfo
from training.inpainting.diffusion.clip_tokenizer import END, make_tokenizer
from training.inpainting.safetensors_header import read_header

Prediction = Literal["epsilon", "v_prediction"]
"""What a UNet tells apart: the noise, or the velocity of arXiv 2202.00512, appendix D."""

_CLASSES = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
}
_UNET = {
    "out_channels": 4,
    "block_out_channels": [320, 640, 1280, 1280],
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "layers_per_block": 2,
    "sample_size": 64,
}
_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "scaling_factor": 0.18215,
}
_CLIP_L = {  # OpenAI's ViT-L/14, arXiv 2103.00020
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}
_CLIP_H = {  # OpenCLIP's ViT-H/14 without its last layer
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 1024,
}
_CLIP_BIG_G = {  # OpenCLIP's ViT-bigG/14
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
_SD2_ATTENTION = {"attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True}
_SDXL_UNET = {  # arXiv 2307.01952, table 1
    **_UNET,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
    "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "cross_attention_dim": 2048,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 1280 + 6 * 256,
    "sample_size": 128,
}
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "sd1": {
        "unet": {**_UNET, "cross_attention_dim": 768, "attention_head_dim": 8},
        "vae": _VAE,
        "text_encoder": _CLIP_L,
    },
    "sd2": {
        "unet": {**_UNET, "cross_attention_dim": 1024, **_SD2_ATTENTION},
        "vae": _VAE,
        "text_encoder": _CLIP_H,
    },
    "sdxl": {
        "unet": _SDXL_UNET,
        "vae": {**_VAE, "sample_size": 1024, "scaling_factor": 0.13025},
        "text_encoder": _CLIP_L,
        "text_encoder_2": _CLIP_BIG_G,
    },
}
"""Configuration of each part, by family. The tests put small ones here."""
_SCHEDULE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "clip_sample": False,
    "set_alpha_to_one": False,
}
_V_SIDE = 96  # latent cells: of Stable Diffusion 2, the ones that predict v learned at 768 pixels
_V_SPREAD = 0.09
_TELLING_BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"


def load_single_file(
    made: Any, path: Path, info: CheckpointInfo, dtype: torch.dtype, **options: Any
) -> Any:
    """The file's weights as a pipeline of the class `made`; the VAE in fp32, whatever the dtype.

    Raises PrefPaintError where weights are missing, ValueError where their shapes do not fit.
    """
    with single_file_config(info, find_prediction(path, info)) as config:
        source = {"config": str(config), "local_files_only": True}
        precise = {"subfolder": "vae", "dtype": torch.float32}
        with _missing_weights(path, "VAE"):
            vae = AutoencoderKL.from_single_file(str(path), **source, **precise)
        options |= {"vae": vae, "dtype": dtype}
        with _missing_weights(path, "UNet"):
            pipeline = made.from_single_file(str(path), **options | source)
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            absent = [weight for weight, tensor in part.named_parameters() if tensor.is_meta]
            if absent:
                raise _incomplete(path, f"its weights ({name}: {absent[0]})")
    return pipeline


@contextmanager
def _missing_weights(path: Path, part: str) -> Iterator[None]:
    """What diffusers raises where weights are missing, without their names, as one sentence."""
    try:
        yield
    except SingleFileComponentError as error:
        raise _incomplete(path, "the text encoder's weights") from error
    except (KeyError, NotImplementedError) as error:
        raise _incomplete(path, f"the {part}'s weights") from error


def _incomplete(path: Path, what: str) -> PrefPaintError:
    return PrefPaintError(f"{path} lacks some of {what}. Download it again, or get a whole model.")


@contextmanager
def single_file_config(info: CheckpointInfo, prediction: Prediction = "epsilon") -> Iterator[Path]:
    """A folder, for as long as it is needed, with all that a diffusers folder has but weights."""
    is_xl, is_sd2 = info.family == "sdxl", info.family == "sd2"
    index: dict[str, Any] = {
        "_class_name": f"StableDiffusion{'XL' if is_xl else ''}InpaintPipeline",
        "scheduler": ("diffusers", "DDIMScheduler"),
    }
    scheduler = {**_SCHEDULE, "prediction_type": prediction}
    if is_xl:
        scheduler["timestep_spacing"] = "leading"
    with TemporaryDirectory(prefix="prefpaint-") as name:
        folder = Path(name)
        for part, sizes in SIZES[info.family].items():
            index[part] = _CLASSES[part]
            config = {"_class_name": _CLASSES[part][1], **sizes}
            if part == "unet":
                config["in_channels"] = info.channels
                if is_sd2 and prediction == "v_prediction":
                    config["sample_size"] = _V_SIDE
            elif part.startswith("text_encoder"):
                tokenizer = part.replace("text_encoder", "tokenizer")
                index[tokenizer] = ("transformers", "CLIPTokenizer")
                is_open_clip = is_sd2 or part == "text_encoder_2"
                make_tokenizer("!" if is_open_clip else END).save_pretrained(folder / tokenizer)
            _write(folder / part / "config.json", config)
        _write(folder / "scheduler" / "scheduler_config.json", scheduler)
        _write(folder / "model_index.json", index)
        yield folder


def find_prediction(path: Path, info: CheckpointInfo) -> Prediction:
    """What the file's UNet was trained to predict, by all that the file says of it."""
    header = read_header(path)
    if said := header.metadata.get("modelspec.prediction_type"):
        return "v_prediction" if said.startswith("v") else "epsilon"
    if "v_pred" in header.shapes:
        return "v_prediction"
    if info.family == "sd2" and info.channels == 4 and _TELLING_BIAS in header.shapes:
        # Stability's own files say nothing; this bias is spread wider in those that predict v,
        # which is how ComfyUI tells them apart too.
        with safe_open(path, framework="pt") as file:
            bias = file.get_tensor(_TELLING_BIAS).float()
        return "v_prediction" if bias.std(correction=0) > _V_SPREAD else "epsilon"
    return "epsilon"


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
