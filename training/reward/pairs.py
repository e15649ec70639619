"""Prompts with the untouched original and several fills: what the built-in reward learns from.

No person labels anything here. What is known by construction is that the original is real.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from training.errors import PrefPaintError
from training.files import write_png
from training.inpainting.patchmatch import fill_hole, settings_for
from training.inpainting.process_pool import ProcessPool
from training.inpainting.request import Mask, Pixels
from training.prompts.masks import MASK_SETS, MaskKind, MaskSet, random_mask
from training.prompts.photos import Split, photo_name, read_rgb, split_of
from training.reward.view import View, view_of, white_hole

FillKind = Literal["original", "patchmatch", "patchmatch-draft", "telea", "navier-stokes"]
VIEW_SIZE = 192
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Recipe:
    """How a picture of a prompt was made. seed: of PatchMatch; radius: of Telea and Bertalmio."""

    kind: FillKind
    seed: int = 0
    radius: int = 0


@dataclass(frozen=True)
class PairPrompt:
    """Everything that makes a prompt again from its photo.

    crop: (top, left, side) in pixels of the photo; it is resampled to work_size x work_size, and
    so every picture of the prompt went through the same resampling and coding.
    """

    name: str
    photo: str
    crop: tuple[int, int, int]
    work_size: int
    mask_kind: MaskKind
    mask_seed: int
    recipes: tuple[Recipe, ...]


def plan_prompt(
    photos: list[Path], index: int, seed: int, masks: MaskSet
) -> tuple[Path, PairPrompt]:
    """Draw prompt number `index`; the same seed and photos give the same prompt."""
    rng = np.random.default_rng([seed, index])
    path = photos[index % len(photos)]
    height, width = read_rgb(path).shape[:2]
    shortest = min(height, width)
    side = int(rng.integers(min(256, shortest), shortest + 1))
    large = rng.random() < 0.25
    work_size = int(rng.integers(320, 449) if large else rng.integers(192, 321))
    crop = (int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), side)
    seeds = rng.choice(1000, size=2, replace=False)
    recipes = (
        Recipe("original"),
        Recipe("patchmatch", seed=int(seeds[0])),
        Recipe("patchmatch-draft", seed=int(seeds[0])),
        Recipe("patchmatch", seed=int(seeds[1])),
        Recipe("telea", radius=int(rng.integers(2, 8))),
        Recipe("navier-stokes", radius=int(rng.integers(2, 8))),
    )
    kinds = MASK_SETS[masks]
    kind = kinds[int(rng.integers(len(kinds)))]
    name = f"{photo_name(path)}-{index:05d}"
    mask_seed = int(rng.integers(2**31))
    return path, PairPrompt(name, path.name, crop, min(work_size, side), kind, mask_seed, recipes)


def render_prompt(photo: Pixels, prompt: PairPrompt) -> tuple[Mask, list[Pixels]]:
    """The hole and the pictures, at work_size, in the order of the prompt's recipes."""
    top, left, side = prompt.crop
    size = prompt.work_size
    crop = np.ascontiguousarray(photo[top : top + side, left : left + side])
    image = np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    hole = random_mask(prompt.mask_kind, size, prompt.mask_seed)
    patchmatch: dict[int, list[Pixels]] = {}
    pictures = []
    for recipe in prompt.recipes:
        if recipe.kind == "original":
            pictures.append(image)
        elif recipe.kind in ("patchmatch", "patchmatch-draft"):
            if recipe.seed not in patchmatch:
                levels = fill_hole(image, hole, recipe.seed, settings_for(recipe.seed))
                patchmatch[recipe.seed] = [filled for _, _, filled in levels]
            pictures.append(patchmatch[recipe.seed][-1 if recipe.kind == "patchmatch" else 0])
        else:
            method = cv2.INPAINT_TELEA if recipe.kind == "telea" else cv2.INPAINT_NS
            mask = hole.astype(np.uint8)
            pictures.append(np.asarray(cv2.inpaint(image, mask, recipe.radius, method), np.uint8))
    return hole, pictures


def write_prompt(
    photos: list[Path], index: int, seed: int, masks: MaskSet, out: Path
) -> Iterator[str]:
    """In a worker: plan one prompt, write its pictures and yield its manifest line."""
    path, prompt = plan_prompt(photos, index, seed, masks)
    write_pictures(path, prompt, out)
    yield json.dumps(asdict(prompt))


def write_pictures(path: Path, prompt: PairPrompt, out: Path) -> None:
    """Make one prompt's files in the paper's layout.

    Files that are there already are kept, so that an interrupted run goes on where it stopped.
    """
    cv2.setNumThreads(1)
    mask_file = out / "masks" / f"{prompt.name}_mask.png"
    if mask_file.exists():
        return
    hole, pictures = render_prompt(read_rgb(path), prompt)
    write_view(prompt.name, view_of(hole, pictures, VIEW_SIZE), out)


def write_view(name: str, view: View, out: Path) -> None:
    """Write a prompt's files in the paper's layout, the mask last; the first picture is the one
    that the prompt's surroundings are shown of."""
    for folder in ("inpaint", "masks", "masks_color"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(view.pictures):
        write_png(out / "inpaint" / f"{name}_{number}.png", picture)
    masked = white_hole(view.pictures[0], view.hole)
    write_png(out / "masks_color" / f"{name}_mask_color.png", masked)
    write_png(out / "masks" / f"{name}_mask.png", view.hole.astype(np.uint8) * 255)


def make_pairs(
    photos: list[Path],
    split: Split | None,
    count: int,
    seed: int,
    masks: MaskSet,
    out: Path,
    pool: ProcessPool,
    on_progress: Callable[[float], None],
    cancel: threading.Event,
) -> None:
    """Write `count` prompts of the split's photos (None: all of them) to `out`.

    on_progress receives the share that is done, 0-1. Raises Cancelled soon after `cancel` is set,
    PrefPaintError when the split holds no photo or `out` cannot be written.
    """
    chosen = [path for path in photos if split is None or split_of(path) == split]
    if not chosen:
        raise PrefPaintError(f"No photo of these is in the {split} split. Give more photographs.")
    order = np.random.default_rng(seed).permutation(len(chosen))
    shuffled = [chosen[position] for position in order]
    calls = [(shuffled, index, seed, masks, out) for index in range(count)]
    write_folder(out, write_prompt, calls, pool, on_progress, cancel)


def write_folder(
    out: Path,
    write: Callable[..., Iterator[str]],
    calls: Sequence[tuple[Any, ...]],
    pool: ProcessPool,
    on_progress: Callable[[float], None],
    cancel: threading.Event,
) -> None:
    """Run `write` once for each call in the pool, and keep the lines it yields as the manifest."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lines = []
        for _, line in pool.run(write, calls, cancel):
            lines.append(line)
            on_progress(len(lines) / len(calls))
        lines.sort()
        (out / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise PrefPaintError(f"{out} cannot be written ({error.strerror}).") from error
