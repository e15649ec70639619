"""Pairs of fills, one better than the other: an export of the app, labels, or orders known by
construction."""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pyarrow import ArrowException
from pyarrow.parquet import ParquetFile

from training.errors import PrefPaintError
from training.inpainting.diffusion.scaling import resize_hole
from training.inpainting.request import Mask, Pixels
from training.prompts.paper_folder import HOLE_FROM, first_fault
from training.reward.labelled import read_labelled
from training.reward.looks import clear_pairs
from training.reward.pair_data import VISIBLE, Prompt, load_prompts, visible_difference
from training.reward.pairs import MANIFEST
from training.reward.view import view_boxes, view_hole, view_image, white_hole

COLUMNS = ("mask", "chosen", "rejected")
"""Of an export in the format `pairs`; each cell holds a picture's bytes."""


@dataclass(frozen=True, eq=False)
class PairPictures:
    """masked, chosen, rejected: (s, s, 3), the first with its hole in white; all three have the
    chosen one's surroundings. hole: (s, s), whole latent cells."""

    masked: Pixels
    hole: Mask
    chosen: Pixels
    rejected: Pixels


@dataclass(frozen=True, eq=False)
class PreferencePair:
    """key: tells it from other pairs, wherever its folder lies. read: its pictures, from disk."""

    key: str
    read: Callable[[], PairPictures]


def read_pairs(
    folder: Path, side: int, *, originals: bool = True
) -> tuple[list[PreferencePair], list[str]]:
    """Every pair of a folder, its pictures the square around the hole at side x side; and a
    sentence for each label, prompt or pair that cannot be learned from.

    The folder is an export of the app in the format `pairs`, `paper` or `datasets`, labels in the
    paper's layout, or what `prefpaint-train pairs` or `eye-pairs` made. originals: whether these
    are preferred to the fills, where both are known. Raises PrefPaintError when nothing is left.
    """
    if not folder.is_dir():
        raise PrefPaintError(f"{folder} is not a folder. Name one that holds pairs.")
    found: list[PreferencePair] = []
    set_aside: list[str] = []
    files = sorted(folder.glob("data/*.parquet"))
    if files:
        for file in files:
            found += _exported(file, side, set_aside)
    elif (folder / MANIFEST).exists():
        prompts = load_prompts(folder, side)
        found = [pair for prompt in prompts for pair in _ordered(prompt, originals)]
    else:
        labelled = read_labelled(folder, side)
        set_aside += labelled.set_aside
        for prompt in labelled.prompts:
            if prompt.source.mask.any():
                found += _ordered(prompt, originals)
            else:
                set_aside.append(f"{prompt.name}: nothing is masked in it.")
    if not found:
        first = f" {set_aside[0]}" if set_aside else ""
        raise PrefPaintError(
            f"{folder} holds no pair of which one is better.{first} "
            "Make one with `prefpaint preferences export --format pairs`."
        )
    return found, set_aside


def _ordered(prompt: Prompt, originals: bool) -> Iterator[PreferencePair]:
    """Those that someone ranked, and the original over what visibly differs from it."""
    orders = clear_pairs(prompt.looks)
    if originals and prompt.kinds[0] == "original":
        pictures, hole = prompt.pictures, prompt.hole
        orders += [
            (0, fill)
            for fill in range(1, len(pictures))
            if visible_difference(pictures[0], pictures[fill], hole) >= VISIBLE
        ]
    for better, worse in orders:
        key = f"{prompt.name}: {better} over {worse}"
        yield PreferencePair(key, partial(_of_prompt, prompt, better, worse))


def _of_prompt(prompt: Prompt, better: int, worse: int) -> PairPictures:
    pictures = prompt.pictures
    return _fitted(prompt.hole, pictures[better], pictures[worse])


def _fitted(hole: Mask, chosen: Pixels, rejected: Pixels) -> PairPictures:
    """Of square pictures at the model's size. What models decode differs a little beyond the hole,
    and so does what scaling drags over its rim; neither is what was preferred."""
    hole = resize_hole(hole, *hole.shape)
    rejected = np.where(hole[..., None], rejected, chosen)
    return PairPictures(white_hole(chosen, hole), hole, chosen, rejected)


def _exported(path: Path, side: int, set_aside: list[str]) -> Iterator[PreferencePair]:
    """The rows of a Parquet file whose pictures open and fit together."""
    try:
        file = ParquetFile(path)
        missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise PrefPaintError(
                f"{path} has no column {missing[0]}, so it is no export of pairs. "
                "Make one with `prefpaint preferences export --format pairs`."
            )
        for group in range(file.num_row_groups):
            for number, row in enumerate(_rows(file, group)):
                name = f"{path}, pair {number} of group {group}"
                fault = _fault(row, name)
                if fault is None:
                    seen = b"".join(row[part]["bytes"] for part in COLUMNS)
                    key = hashlib.sha256(seen).hexdigest()
                    yield PreferencePair(key, partial(_of_row, file, group, number, side))
                else:
                    set_aside.append(fault)
    except (OSError, ArrowException, KeyError, TypeError) as error:
        raise PrefPaintError(f"{path} cannot be read ({error}). Export the pairs again.") from error


def _rows(file: ParquetFile, group: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = file.read_row_group(group, columns=list(COLUMNS)).to_pylist()
    return rows


def _fault(row: dict[str, Any], name: str) -> str | None:
    pictures = [(f"{name}, {part}", io.BytesIO(row[part]["bytes"])) for part in COLUMNS]
    fault = first_fault(pictures)
    if fault is None and not (_decoded(row["mask"])[..., 0] >= HOLE_FROM).any():
        fault = f"{name}: nothing is masked in it."
    return fault


def _of_row(file: ParquetFile, group: int, number: int, side: int) -> PairPictures:
    pictures = {part: _decoded(cell) for part, cell in _rows(file, group)[number].items()}
    mask = pictures["mask"][..., 0] >= HOLE_FROM
    box = view_boxes(mask)[0]
    chosen, rejected = (view_image(pictures[part], box, side) for part in ("chosen", "rejected"))
    return _fitted(view_hole(mask, box, side), chosen, rejected)


def _decoded(cell: dict[str, Any]) -> Pixels:
    with Image.open(io.BytesIO(cell["bytes"])) as image:
        return np.asarray(image.convert("RGB"))
