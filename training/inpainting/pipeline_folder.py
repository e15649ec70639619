"""A pipeline in diffusers' folder layout: what it lists, which weights lie there, what is missing.

model_index.json names the pipeline's class and its components; each component is a folder.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.errors import PrefPaintError
from training.inpainting.safetensors_header import read_header

INDEX = "model_index.json"
OPTIONAL_COMPONENTS = ("safety_checker", "feature_extractor", "image_encoder")
"""A pipeline fills without these."""
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")

_WEIGHTS = re.compile(r"(?:diffusion_pytorch_model|pytorch_model|model)(.*)\.(safetensors|bin)")
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")

Format = Literal["safetensors", "bin"]


@dataclass(frozen=True)
class Weights:
    """One rendering of a component's weights: names of files that belong together.

    variant: "" or what stands in the names between the dots, such as fp16. format: bin is pickled.
    """

    variant: str
    format: Format
    names: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether no shard is missing."""
        shards = [found for name in self.names if (found := _SHARD.search(name))]
        return not shards or len(shards) == int(shards[0][2])


@dataclass(frozen=True)
class Index:
    """What model_index.json says. components: class name by folder, without those set to null."""

    pipeline: str
    components: dict[str, str]


def parse_index(content: bytes, source: str) -> Index:
    """Read model_index.json; source names it in errors. PrefPaintError where it is not one."""
    try:
        items: dict[str, Any] = json.loads(content)
        pipeline = items["_class_name"]
    except (ValueError, KeyError, TypeError) as error:
        raise PrefPaintError(
            f"{source} does not say which pipeline it belongs to. Get the model again."
        ) from error
    if not isinstance(pipeline, str):  # a list names a Python file of the model's own
        raise PrefPaintError(
            f"{source} asks to run a program that comes with the model, which PrefPaint does not "
            "do. Choose a model without one."
        )
    return Index(
        pipeline, {name: parts[1] for name, parts in items.items() if _is_component(parts)}
    )


def _is_component(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)


def weights_among(names: Iterable[str]) -> list[Weights]:
    """The weights among a component's files: safetensors before pickles, plain ones first."""
    groups: dict[tuple[str, Format], list[str]] = defaultdict(list)
    for name in names:
        if found := _WEIGHTS.fullmatch(name):
            variant = _SHARD.sub("", found[1])
            if not variant or variant.startswith("."):
                pickled = found[2] == "bin"
                groups[variant.removeprefix("."), "bin" if pickled else "safetensors"].append(name)
    found_weights = [Weights(*key, tuple(sorted(files))) for key, files in groups.items()]
    return sorted(found_weights, key=lambda found: (found.format == "bin", found.variant))


def weights_in(component: Path) -> Weights | None:
    """The best complete weights in a component's folder; None where there are none."""
    for weights in weights_among(path.name for path in component.iterdir()):
        if weights.is_complete:
            return weights
    return None


def missing_parts(folder: Path, index: Index) -> list[str]:
    """What the index lists and the folder lacks, for people; empty for a complete pipeline.

    Raises PrefPaintError for weights that are there but cut short.
    """
    missing = []
    for name, kind in index.components.items():
        component = folder / name
        if name in OPTIONAL_COMPONENTS:
            continue
        if not component.is_dir():
            missing.append(name)
        elif lacking := _lacking(component, kind):
            missing.append(f"{name} ({lacking})")
    return missing


def _lacking(component: Path, kind: str) -> str:
    """What a component of class `kind` lacks, "" for nothing."""
    if "Scheduler" in kind:
        return _unless_any(component, "scheduler_config.json")
    if "Tokenizer" in kind:
        return _unless_any(component, *TOKENIZER_FILES)
    if kind.endswith(("FeatureExtractor", "Processor")):
        return _unless_any(component, "preprocessor_config.json", "processor_config.json")
    lacking = [_unless_any(component, "config.json"), _without_weights(component)]
    return " and ".join(filter(None, lacking))


def _unless_any(component: Path, *names: str) -> str:
    return "" if any((component / name).is_file() for name in names) else names[0]


def _without_weights(component: Path) -> str:
    weights = weights_in(component)
    if weights is None:
        some = weights_among(path.name for path in component.iterdir())
        return "some of its weights" if some else "its weights"
    for name in weights.names:
        if weights.format == "safetensors":
            read_header(component / name)
        elif not (component / name).stat().st_size:
            raise PrefPaintError(f"{component / name} is empty. Copy or download it again.")
    return ""
