"""Incomplete photos on disk, in the layout of the paper's published data."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.errors import PrefPaintError
from training.files import write_png
from training.inpainting.request import Pixels
from training.prompts.paper_folder import PictureFiles
from training.prompts.patterns import Pattern, pattern_hole
from training.prompts.photos import photo_name, read_rgb

LIST, MANIFEST, SHEET = "prompts.txt", "manifest.jsonl", "sheet.png"
SHEET_COLUMNS, SHEET_CELL, SHEET_LIMIT = 8, 128, 64


@dataclass(frozen=True)
class IncompletePhoto(PictureFiles):
    """A prompt whose original may be known. photo: file name of the photo it was cut from, "" where
    that is not known."""

    photo: str = ""

    @property
    def original(self) -> Pixels | None:
        """(height, width, 3): the whole photo."""
        path = self.folder / "originals" / f"{self.prompt}.png"
        return read_rgb(path) if path.exists() else None


def make_prompts(
    photos: Sequence[Path],
    pattern: Pattern,
    count: int,
    size: int,
    seed: int,
    out: Path,
    on_progress: Callable[[float], None],
) -> None:
    """Write `count` prompts of size x size pixels; the same words give the same files.

    masks/, masks_color/ (white hole), originals/, prompts.txt with a name a line, manifest.jsonl
    with photo, crop, pattern and seed of each, and a contact sheet. Raises PrefPaintError when a
    photo cannot be read or the folder not be written.
    """
    order = np.random.default_rng(seed).permutation(len(photos))
    names: list[str] = []
    lines: list[str] = []
    cells: list[Pixels] = []
    try:
        for folder in ("masks", "masks_color", "originals"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            path = photos[order[index % len(photos)]]
            rng = np.random.default_rng([seed, index])
            crop, image = _crop(read_rgb(path), size, rng)
            mask_seed = int(rng.integers(2**31))
            hole = pattern_hole(pattern, image, mask_seed)
            masked = np.where(hole[..., None], np.uint8(255), image)
            name = f"{photo_name(path)}-{pattern}-{index:05d}"
            write_png(out / "masks" / f"{name}_mask.png", hole.astype(np.uint8) * 255)
            write_png(out / "masks_color" / f"{name}_mask_color.png", masked)
            write_png(out / "originals" / f"{name}.png", image)
            row = {"name": name, "photo": path.name, "crop": crop, "size": size}
            lines.append(json.dumps({**row, "pattern": pattern, "mask_seed": mask_seed}))
            names.append(name)
            if len(cells) < SHEET_LIMIT:
                cell = cv2.resize(masked, (SHEET_CELL,) * 2, interpolation=cv2.INTER_AREA)
                cells.append(np.asarray(cell, np.uint8))
            on_progress((index + 1) / count)
        (out / LIST).write_text("".join(f"{name}\n" for name in names))
        (out / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
        write_png(out / SHEET, _tiled(cells))
    except OSError as error:
        raise PrefPaintError(f"{out} cannot be written ({error.strerror or error}).") from error


def read_prompts(folder: Path) -> list[IncompletePhoto]:
    """The prompts of a folder in the paper's layout, by its prompts.txt or else by its masks.

    Raises PrefPaintError when there are none, or when one lacks a file.
    """
    if (folder / LIST).exists():
        lines = (folder / LIST).read_text().splitlines()
        names = [line.rstrip() for line in lines if line.strip()]
    else:
        masks = (folder / "masks").glob("*_mask.png")
        names = sorted(path.name.removesuffix("_mask.png") for path in masks)
    if not names:
        raise PrefPaintError(
            f"{folder} holds no prompts (masks/<prompt>_mask.png). "
            "Make some with `prefpaint-train prompts`."
        )
    photos = _photos(folder / MANIFEST)
    prompts = [IncompletePhoto(folder, name, photos.get(name, "")) for name in names]
    for prompt in prompts:
        for file in (prompt.mask_file, prompt.masked_file):
            if not file.exists():
                raise PrefPaintError(f"{file} is missing, so {prompt.prompt} cannot be used.")
    return prompts


def _photos(manifest: Path) -> dict[str, str]:
    """File names of the photos by prompt; none where there is no manifest."""
    if not manifest.exists():
        return {}
    try:
        rows = [json.loads(line) for line in manifest.read_text().splitlines()]
        return {row["name"]: row["photo"] for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise PrefPaintError(
            f"{manifest} is no list of prompts ({error}). Make the prompts again."
        ) from error


def _crop(photo: Pixels, size: int, rng: np.random.Generator) -> tuple[list[int], Pixels]:
    """A random square at least half as large as the photo allows, scaled: (top, left, side)."""
    height, width = photo.shape[:2]
    shorter = min(height, width)
    side = int(rng.integers(max(1, shorter // 2), shorter + 1))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    square = photo[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side >= size else cv2.INTER_CUBIC
    scaled = cv2.resize(square, (size, size), interpolation=method)
    return [top, left, side], np.asarray(scaled, np.uint8)


def _tiled(cells: list[Pixels]) -> Pixels:
    blank = np.full((SHEET_CELL, SHEET_CELL, 3), 128, np.uint8)
    cells = cells + [blank] * (-len(cells) % SHEET_COLUMNS)
    rows = [
        np.hstack(cells[start : start + SHEET_COLUMNS])
        for start in range(0, len(cells), SHEET_COLUMNS)
    ]
    return np.vstack(rows)
