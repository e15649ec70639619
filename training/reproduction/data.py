"""Which photos the parts of a proof see, their prompts, and the pairs that the rewards learn."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from training.alignment.sample_pairs import SamplePairs, write_sample_pairs
from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel
from training.prompts.incomplete import MANIFEST, IncompletePhoto, make_prompts, read_prompts
from training.prompts.photos import photo_name, split_of
from training.reproduction.presets import Proof

Part = Literal["reward", "reward-validation", "judge", "judge-validation", "align", "test"]
Bar = Callable[[str], Callable[[float], None]]
"""A progress bar with this title; it is told the share that is done."""


def photos_of(part: Part, photos: Sequence[Path]) -> list[Path]:
    """The photos of a part. The reward and the policy learn from one half of the train split, the
    judge from the other, and so with the validation split; what is evaluated is of photos that
    none has seen. (The pipeline itself was trained on the whole train split.)

    Raises PrefPaintError when a part has none.
    """
    split = {"reward-validation": "validation", "judge-validation": "validation", "test": "test"}
    chosen = [path for path in photos if split_of(path) == split.get(part, "train")]
    if part != "test":
        is_judge = part.startswith("judge")
        chosen = [path for path in chosen if _is_the_judges(path) == is_judge]
    if not chosen:
        raise PrefPaintError(f"No photos are left for the part '{part}'. Give more photos.")
    return chosen


def _is_the_judges(path: Path) -> bool:
    return hashlib.sha256(f"judge/{photo_name(path)}".encode()).digest()[0] < 128


def prompts_of(
    part: Part, photos: Sequence[Path], proof: Proof, size: int, seed: int, out: Path, bar: Bar
) -> list[IncompletePhoto]:
    """The prompts of a part, made where they are not there yet."""
    counts: dict[Part, int] = {
        "reward": proof.pairs,
        "judge": proof.pairs,
        "align": proof.align,
        "test": proof.test,
    }
    found: list[IncompletePhoto] = []
    for number, pattern in enumerate(proof.patterns):
        folder = out / "prompts" / part / pattern
        if not (folder / MANIFEST).exists():
            count = counts.get(part, proof.validation)
            own = int.from_bytes(hashlib.sha256(f"{seed}/{part}/{number}".encode()).digest()[:4])
            own_photos = photos_of(part, photos)
            make_prompts(
                own_photos, pattern, count, size, own, folder, bar(f"Prompts: {part}, {pattern}")
            )
        found += read_prompts(folder)
    return found


def pairs_of(
    part: Part,
    prompts: Sequence[IncompletePhoto],
    model: DiffusionModel,
    proof: Proof,
    seed: int,
    out: Path,
    bar: Bar,
) -> Path:
    """The folder of a part's pairs, made where it is not there yet."""
    folder = out / "pairs" / part
    if not (folder / MANIFEST).exists():
        settings = SamplePairs(proof.samples, proof.steps, model.native_side, seed)
        write_sample_pairs(model, prompts, settings, folder, bar(f"Pairs: {part}"))
    return folder
