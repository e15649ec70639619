"""A model as people choose among them, and those that are always listed."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.inpainting.checkpoint_files import Family

HUB_PAGE = "https://huggingface.co/"
REWARD_HUB_ID = "kd5678/prefpaintReward"
REWARD_FILE = "prefpaint-reward.safetensors"
"""What a downloaded reward is, in its folder."""
_HUB_ID = re.compile(r"\w[\w.\-]*/\w[\w.\-]*")

State = Literal["ready", "absent", "unfinished", "missing"]
"""absent: offered, never downloaded. unfinished: a download that broke off. missing: added from a
path at which there is nothing now."""


@dataclass(frozen=True)
class ModelEntry:
    """source: hub id or path as text. location: folder or file, None if there is none on this
    machine. size_bytes: on disk, None if unknown. is_builtin: part of the program. is_offered:
    listed always. is_downloaded: the files are the store's own, and it deletes them when asked to.
    half_precision: a download that takes fp16 weights where there are any.
    provenance: what a built-in model learned from, in its card's words.
    """

    name: str
    title: str
    family: Family
    channels: int | None
    source: str
    location: Path | None
    size_bytes: int | None
    licence: str
    is_builtin: bool
    is_offered: bool = False
    is_downloaded: bool = False
    half_precision: bool = False
    state: State = "ready"
    provenance: str = ""


PATCHMATCH = ModelEntry(
    "patchmatch", "PatchMatch", "other", None, "", None, None, "BSD-3-Clause", is_builtin=True
)


def _offered(
    name: str, title: str, family: Family, channels: int | None, source: str, licence: str
) -> ModelEntry:
    return ModelEntry(
        name, title, family, channels, source, None, None, licence, False, True, state="absent"
    )


OFFERED = (
    _offered(
        "prefpaint-v1.0",
        "PrefPaint v1.0",
        "sd1",
        9,
        "kd5678/prefpaint-v1.0",
        "see its model card",
    ),
    _offered(
        "prefpaint-reward",
        "PrefPaint’s reward, from people’s scores",
        "reward",
        None,
        REWARD_HUB_ID,
        "see its model card",
    ),
    _offered(
        "sd-1.5-inpainting",
        "Stable Diffusion 1.5 Inpainting",
        "sd1",
        9,
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        "CreativeML OpenRAIL-M",
    ),
    _offered(
        "sdxl-inpainting",
        "Stable Diffusion XL Inpainting 0.1",
        "sdxl",
        9,
        "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        "CreativeML OpenRAIL++-M",
    ),
)


def hub_id_of(text: str) -> str | None:
    """The hub id (OWNER/NAME) that a text is, or that a page's address ends in; None for others.

    Tells nothing of whether the hub has it.
    """
    hub_id = text.removeprefix(HUB_PAGE).rstrip("/")
    is_id = _HUB_ID.fullmatch(hub_id) and ".." not in hub_id and "--" not in hub_id
    return hub_id if is_id else None


def size_text(size_bytes: int) -> str:
    """For people: 850 MB, 4.3 GB; thousands, as disks are sold."""
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1e3:.0f} kB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:.1f} GB"
