"""Which files of a repository on the Hugging Face hub a download takes. Goes to no network."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.errors import PrefPaintError
from training.inpainting.model_entry import REWARD_HUB_ID, size_text
from training.inpainting.pipeline_folder import INDEX, Index, Weights, weights_among

RESERVE_BYTES = 200_000_000
"""Space that a download leaves free."""
PART = ".part"
"""How the name of a file ends that has not wholly arrived."""

UNUSED_COMPONENT = "safety_checker"
"""Up to 1.2 GB that a pipeline fills without; nothing here looks at its verdict."""
_CARDS = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")
_SMALL = (".json", ".txt", ".model")
"""Configurations and vocabularies; nothing that is run or unpickled."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


@dataclass(frozen=True)
class HubFile:
    """name: path in the repository. size: bytes. digest: sha256 of a large file, git's id else.
    url: where it lies instead, which has no need of the person's login.
    """

    name: str
    size: int
    digest: str
    url: str = ""


@dataclass(frozen=True)
class DownloadPlan:
    """What a download will fetch. licence: as the model card says. half_precision: fp16 weights
    where there are any. is_pickled: some weights are."""

    hub_id: str
    revision: str
    licence: str
    files: tuple[HubFile, ...]
    half_precision: bool = True

    @property
    def size_bytes(self) -> int:
        """Of all files, those already on disk included."""
        return sum(file.size for file in self.files)

    @property
    def is_pickled(self) -> bool:
        """Whether some weights exist only as pickles."""
        return any(file.name.endswith((".bin", ".pt")) for file in self.files)

    @property
    def is_reward(self) -> bool:
        """Whether it is PrefPaint's published reward."""
        return self.hub_id == REWARD_HUB_ID

    @property
    def other_addresses(self) -> list[str]:
        """From where on the network it takes files besides the hub."""
        return [file.url for file in self.files if file.url]


REWARD_PICKLE = "prefpaintReward.pt"
V_INVERSE = HubFile(
    "V_inverse.pt",
    263_027,
    "569d253b2ba44c7d31876448338c8c6c231fa800f3160ca3f26d230aeca674b7",
    "https://raw.githubusercontent.com/Kenkenzaii/PrefPaint/"
    "55f9ba84eeec4839f0a646bdce635e82807111cb/checkpoint/V_inverse.pt",
)
"""The reward's V^-1, which its authors keep beside their code."""


def bytes_on_disk(plan: DownloadPlan, folder: Path) -> int:
    """How many of the plan's bytes an earlier download has left in the folder."""
    total = 0
    for file in plan.files:
        for path in (folder / file.name, part_of(folder, file)):
            if path.is_file():
                total += min(path.stat().st_size, file.size)
                break
    return total


def check_space(plan: DownloadPlan, folder: Path) -> None:
    """Raise PrefPaintError where a plan's files do not fit beside what is on the disk."""
    existing = next(parent for parent in folder.parents if parent.exists())
    needed = plan.size_bytes - bytes_on_disk(plan, folder) + RESERVE_BYTES
    if plan.is_reward:  # for the time of its conversion it is there twice
        needed += plan.size_bytes
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise PrefPaintError(
            f"{plan.hub_id} needs {size_text(needed)} more at {folder}, where "
            f"{size_text(free)} are free: {size_text(needed - free)} are missing. Free some "
            "space, or name another folder with PREFPAINT_DATA."
        )


def reward_files(files: Sequence[HubFile]) -> Iterator[HubFile]:
    """What PrefPaint's reward is made of. Raises PrefPaintError if the repository lacks it."""
    if REWARD_PICKLE not in (file.name for file in files):
        raise PrefPaintError(f"{REWARD_HUB_ID} holds no {REWARD_PICKLE} any more.")
    yield from (file for file in files if file.name in (REWARD_PICKLE, *_CARDS))
    yield V_INVERSE


def needed_files(files: Sequence[HubFile], index: Index, half_precision: bool) -> Iterator[HubFile]:
    """Of a repository's files those that loading takes: one rendering of each part's weights."""
    yield from (file for file in files if file.name in (INDEX, *_CARDS))
    for component in index.components:
        if component == UNUSED_COMPONENT:
            continue
        inside = {
            PurePosixPath(file.name).name: file
            for file in files
            if len(PurePosixPath(file.name).parts) == 2
            and all(map(_SAFE_NAME.fullmatch, file.name.split("/")))
            and file.name.startswith(f"{component}/")
        }
        weights = _chosen(weights_among(inside), half_precision)
        for name, file in inside.items():
            is_weights = weights is not None and name in weights.names
            is_small = name.endswith(_SMALL) and (".index." not in name or _lists(name, weights))
            if is_weights or is_small:
                yield file


def part_of(folder: Path, file: HubFile) -> Path:
    """Where a file grows; its digest is in the name, so that only its own bytes are added."""
    path = folder / file.name
    return path.with_name(f"{path.name}.{file.digest[:12]}{PART}")


def _chosen(weights: list[Weights], half_precision: bool) -> Weights | None:
    """The best complete rendering: safetensors before pickles, then the wanted precision."""
    wanted = "fp16" if half_precision else ""
    usable = [found for found in weights if found.is_complete and found.variant in ("", "fp16")]
    order = sorted(usable, key=lambda found: (found.format == "bin", found.variant != wanted))
    return next(iter(order), None)


def _lists(name: str, weights: Weights | None) -> bool:
    """Whether an index of shards (model.safetensors.index.fp16.json) is of these weights."""
    return (
        weights is not None
        and f".{weights.format}." in name
        and ("fp16" in name) == (weights.variant == "fp16")
    )
