"""The diffusion models that come with the program: folders in resources/models with a model card.

The card is README.md as the hub has it: `license` in its front matter, then a title, then a
paragraph that tells what the model learned from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resources import FOLDER as RESOURCES
from training.inpainting.checkpoint_files import identify
from training.inpainting.model_entry import ModelEntry
from training.inpainting.pipeline_folder import INDEX

FOLDER = RESOURCES / "models"
CARD = "README.md"


@dataclass(frozen=True)
class Card:
    """title, provenance: "" where the card has none. provenance: its first paragraph, one line."""

    title: str = ""
    licence: str = "unknown"
    provenance: str = ""


def builtin_models(folder: Path) -> Iterator[ModelEntry]:
    """An entry for each pipeline in the folder, by name; none where there is no such folder.

    Raises PrefPaintError for a pipeline that lacks parts.
    """
    for index in sorted(folder.glob(f"*/{INDEX}")):
        location = index.parent
        info, card = identify(location), read_card(location / CARD)
        yield ModelEntry(
            location.name,
            card.title or location.name,
            info.family,
            info.channels,
            str(location),
            location,
            info.size_bytes,
            card.licence,
            is_builtin=True,
            provenance=card.provenance,
        )


def read_card(path: Path) -> Card:
    """What a model card says; nothing where there is none, or its front matter is damaged."""
    import yaml  # here: few lists of models need it

    try:
        text = path.read_text(encoding="utf-8")
        front, text = text[3:].split("\n---", 1) if text.startswith("---") else ("", text)
        facts = yaml.safe_load(front) or {}
        licence = str(facts.get("license") or "unknown")
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return Card()
    blocks = [" ".join(block.split()) for block in text.split("\n\n")]
    titles = [block.lstrip("# ") for block in blocks if block.startswith("# ")]
    words = [block for block in blocks if block and not block.startswith("#")]
    return Card(next(iter(titles), ""), licence, next(iter(words), ""))
