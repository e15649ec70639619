"""What lies at a path that is said to be a model or a LoRA: told without torch, without loading it.

Files keep the names of the original latent-diffusion code (model.diffusion_model.input_blocks...);
folders are diffusers pipelines. The width of the text that cross-attention reads (its to_k.weight
has shape (inner width, text width)) tells the family: 768 Stable Diffusion 1, 1024 2, 2048 XL.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.errors import PrefPaintError
from training.inpainting import pipeline_folder
from training.inpainting.pipeline_folder import INDEX, Index
from training.inpainting.safetensors_header import Header, read_header

Family = Literal["sd1", "sd2", "sdxl", "reward", "other"]
"""reward: what ranks the fills of the others. other: whatever else diffusers can inpaint with, such
as FLUX or Stable Diffusion 3."""
FAMILY_TITLES: dict[Family, str] = {
    "sd1": "Stable Diffusion 1",
    "sd2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "reward": "reward model",
    "other": "another family",
}
PICKLES = (".ckpt", ".pt", ".pth", ".bin")

_FAMILY_BY_WIDTH: dict[int, Family] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
_UNET = "model.diffusion_model."
_TEXT_ENCODERS: dict[str, Family] = {
    "conditioner.embedders.": "sdxl",
    "cond_stage_model.model.": "sd2",
    "cond_stage_model.transformer.": "sd1",
}
_INPAINTING_RELATIVES = re.compile(
    r".*(Inpaint|Fill).*|StableDiffusion.*|IF(Img2Img)?Pipeline|Kandinsky(V22)?(Img2Img)?(Combined)?"
    r"Pipeline|Flux(Control|ControlNet)?(Img2Img)?Pipeline|QwenImage(Img2Img|Edit)?Pipeline"
    r"|ZImage(Img2Img)?Pipeline"
)
"""Classes whose weights diffusers' AutoPipelineForInpainting, or their own class, fills with."""
_PARTS_ALONE = {
    "down_blocks.0.resnets.0.conv1.weight": "a UNet",
    "encoder.conv_in.weight": "a VAE",
    "decoder.conv_in.weight": "a VAE",
    "text_model.embeddings.token_embedding.weight": "a text encoder",
}
_LORA_MARKS = (".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", "lora.down.", "lora.up.")
_PEFT_ROOT = "base_model.model."
_PEFT_WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
_LORA_TEXT = re.compile(
    r"attn2[._](?:processor\.)?to_[kv](?:_lora)?\.(?:lora_down|lora_A|lora\.down|down)(?:\.\w+)?\.weight"
)
_OTHER_LORA = re.compile(
    r"(double|single_transformer|joint)_blocks|transformer\.transformer_blocks"
)


@dataclass(frozen=True)
class CheckpointInfo:
    """channels: what the UNet or transformer reads: 9 knows masks, 4 is a plain model; None where
    the file does not say. pipeline: class name from model_index.json, "" for a file. size_bytes: on
    disk. variant: "" or what diffusers must be asked for, such as fp16, of
    which it loads the parts without it plainly. is_pickled: some of the
    weights can only be read by unpickling them (with weights_only, or not at all).
    """

    kind: Literal["folder", "file"]
    family: Family
    channels: int | None
    pipeline: str
    size_bytes: int
    variant: str = ""
    is_pickled: bool = False


def identify(path: Path) -> CheckpointInfo:
    """Tell what model lies at a path, a diffusers folder or a .safetensors file.

    Raises PrefPaintError for anything that cannot fill: a folder that is no pipeline or lacks
    parts, a file that is cut short, pickled, a LoRA or of another kind.
    """
    try:
        if path.is_dir():
            return _identify_folder(path)
        if path.is_file():
            return _identify_file(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    raise PrefPaintError(f"There is nothing at {path}. Check the path.")


def identify_lora(path: Path) -> Family | None:
    """The family that a LoRA file (kohya's or PEFT's names) was made for.

    None where its names and widths do not tell. Raises PrefPaintError for what is no LoRA file, and
    for one of PEFT's own folders that lacks its configuration.
    """
    try:
        if not path.is_file():
            raise PrefPaintError(f"There is no LoRA file at {path}. Check the path.")
        _refuse_pickles(path)
        header = read_header(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not _is_lora(header):
        raise PrefPaintError(
            f"{path} holds no LoRA in kohya's or PEFT's form. If it is a model, pass it with "
            "--model."
        )
    is_other = any(_OTHER_LORA.search(name) for name in header.shapes)
    # Of other families diffusers reads these names itself.
    if not is_other and all(name.startswith(_PEFT_ROOT) for name in header.shapes):
        for needed in (_PEFT_WEIGHTS, PEFT_CONFIG):
            if not (path.parent / needed).is_file():
                raise PrefPaintError(
                    f"{path} belongs to an adapter of PEFT's, and {needed} is not beside it, "
                    "without which it cannot be read. Copy the whole folder."
                )
    for name, shape in header.shapes.items():
        if _LORA_TEXT.search(name):
            return _family_by_width(shape)
    if is_other:
        return "other"
    has_second_encoder = any(
        name.startswith(("lora_te2_", "text_encoder_2.")) for name in header.shapes
    )
    return "sdxl" if has_second_encoder else None


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def is_peft_adapter(lora: Path) -> bool:
    """Whether a LoRA file is one of PEFT's own folder, with its configuration beside it."""
    return lora.name == _PEFT_WEIGHTS and (lora.parent / PEFT_CONFIG).is_file()


def check_lora(path: Path, family: Family) -> None:
    """Raise PrefPaintError if the LoRA at a path was made for another family than the model's."""
    made_for = identify_lora(path)
    if made_for not in (None, family):
        assert made_for is not None
        raise PrefPaintError(
            f"{path} is a LoRA for {FAMILY_TITLES[made_for]}, the model is of "
            f"{FAMILY_TITLES[family]}. Choose a model of the LoRA's family, or leave the LoRA out."
        )


def refuse_pipeline_that_cannot_fill(pipeline: str, where: str) -> None:
    """Raise PrefPaintError if a pipeline class cannot fill; where: what the error names."""
    if not _INPAINTING_RELATIVES.fullmatch(pipeline):
        raise PrefPaintError(
            f"{where} is a {pipeline}, for which there is no inpainting. Choose an inpainting "
            "model, or a Stable Diffusion, SDXL, FLUX, Kandinsky or Qwen-Image one."
        )


def _identify_folder(folder: Path) -> CheckpointInfo:
    if not (folder / INDEX).is_file():
        raise PrefPaintError(_not_a_pipeline(folder))
    index = pipeline_folder.parse_index((folder / INDEX).read_bytes(), str(folder / INDEX))
    refuse_pipeline_that_cannot_fill(index.pipeline, str(folder))
    denoiser = "transformer" if "transformer" in index.components else "unet"
    required = (denoiser, "vae") if index.pipeline.startswith("StableDiffusion") else (denoiser,)
    missing = [name for name in required if name not in index.components]
    missing += pipeline_folder.missing_parts(folder, index)
    if missing:
        raise PrefPaintError(
            f"{folder} is incomplete: it lacks {', '.join(missing)}. Copy or download the whole "
            "folder again."
        )
    family, channels = _judge(folder, index, denoiser)
    weights = [
        found
        for name in index.components
        if name not in pipeline_folder.OPTIONAL_COMPONENTS
        and (found := pipeline_folder.weights_in(folder / name))
    ]
    return CheckpointInfo(
        "folder",
        family,
        channels,
        index.pipeline,
        size_of(folder),
        variant=next((found.variant for found in weights if found.variant), ""),
        is_pickled=any(found.format == "bin" for found in weights),
    )


def _judge(folder: Path, index: Index, denoiser: str) -> tuple[Family, int | None]:
    """Family and input channels from the pipeline's class and its denoiser's config.json."""
    path = folder / denoiser / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
        channels, width = config.get("in_channels"), config.get("cross_attention_dim")
    except (ValueError, AttributeError) as error:
        raise PrefPaintError(f"{path} is damaged. Copy or download the model again.") from error
    if not index.pipeline.startswith("StableDiffusion") or denoiser != "unet":
        return "other", channels if isinstance(channels, int) else None
    channels = 4 if channels is None else channels  # diffusers' own default
    _refuse_channels(folder, channels)
    if index.pipeline.startswith("StableDiffusionXL"):
        return "sdxl", channels
    return ("sd2" if width == 1024 else "sd1"), channels


def _not_a_pipeline(folder: Path) -> str:
    inner = [
        found.parent for depth in ("*", "snapshots/*") for found in folder.glob(f"{depth}/{INDEX}")
    ]
    files = sorted(path for path in folder.iterdir() if path.suffix == ".safetensors")
    if inner:
        hint = f"There is one in {inner[0]}: name that."
    elif files and not (folder / "config.json").is_file():
        hint = f"If {files[0].name} is the model, name that file."
    elif (folder / "config.json").is_file():
        hint = "It looks like one part of a pipeline: name the folder that holds all its parts."
    else:
        hint = "Name a folder in diffusers' layout or a .safetensors file."
    return f"{folder} is no diffusers pipeline: it has no {INDEX}. {hint}"


def _identify_file(path: Path) -> CheckpointInfo:
    _refuse_pickles(path)
    header = read_header(path)
    entry = header.shapes.get(f"{_UNET}input_blocks.0.0.weight")
    if entry is None or len(entry) != 4:
        raise PrefPaintError(_not_a_model(path, header))
    _refuse_channels(path, entry[1])
    parts = {"VAE": ("first_stage_model.",), "text encoder": tuple(_TEXT_ENCODERS)}
    missing = [
        part for part, start in parts.items() if not any(n.startswith(start) for n in header.shapes)
    ]
    if missing:
        raise PrefPaintError(
            f"{path} is incomplete: it has a UNet but no {' and no '.join(missing)}. Get the whole "
            "model, or a diffusers folder of it."
        )
    return CheckpointInfo("file", _family_of(header), entry[1], "", path.stat().st_size)


def _family_of(header: Header) -> Family:
    for name, shape in header.shapes.items():
        if name.startswith(_UNET) and name.endswith("attn2.to_k.weight"):
            if family := _family_by_width(shape):
                return family
            break
    return next(
        family
        for start, family in _TEXT_ENCODERS.items()
        if any(name.startswith(start) for name in header.shapes)
    )


def _family_by_width(shape: tuple[int, ...]) -> Family | None:
    """shape: (inner width or LoRA rank, text width)."""
    return _FAMILY_BY_WIDTH.get(shape[1]) if len(shape) > 1 else None


def _not_a_model(path: Path, header: Header) -> str:
    names = header.shapes
    if _is_lora(header):
        return f"{path} is a LoRA, not a model. Pass it with --lora, beside a model of its family."
    if header.metadata.get("format", "").startswith("prefpaint-reward"):
        return f"{path} is a reward model, not an inpainting model. Pass it with --reward."
    if any("double_blocks." in name or "joint_blocks." in name for name in names):
        return f"{path} is of a family that loads from folders only. Get it in diffusers' layout."
    for mark, part in _PARTS_ALONE.items():
        if mark in names:
            return f"{path} is {part} alone, not a whole model. Get the model that it belongs to."
    return (
        f"{path} is no Stable Diffusion model: it lacks the UNet's weights ({_UNET}...). Choose "
        "a Stable Diffusion 1, 2 or XL file, or a diffusers folder."
    )


def _is_lora(header: Header) -> bool:
    return any(mark in name for name in header.shapes for mark in _LORA_MARKS)


def _refuse_channels(path: Path, channels: int | None) -> None:
    if channels not in (4, 9):
        raise PrefPaintError(
            f"{path} reads {channels} channels, so it was made for something other than filling "
            "holes. Choose an inpainting model (9 channels) or a plain one (4)."
        )


def _refuse_pickles(path: Path) -> None:
    if path.suffix.lower() in PICKLES:
        raise PrefPaintError(
            f"{path} holds pickled weights, which can run any program when read. Convert it to "
            ".safetensors, or get it in that form."
        )
    if path.suffix.lower() != ".safetensors":
        raise PrefPaintError(
            f"{path} is no model file. Name a .safetensors file or a folder in diffusers' layout."
        )


def _unreadable(path: Path, error: OSError) -> PrefPaintError:
    return PrefPaintError(
        f"{error.filename or path} cannot be read ({error.strerror or error}). Make it readable "
        "for yourself, then try again."
    )
