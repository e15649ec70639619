"""Blind sheets of base against aligned, and what a pair of eyes answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.errors import PrefPaintError
from training.evaluation.samples import Filled
from training.files import write_png
from training.inpainting.request import Pixels
from training.prompts.incomplete import IncompletePhoto

CELL, GAP, LABEL, ROWS = 224, 8, 20, 6
ANSWERS = "answers.txt"
_ANSWER = re.compile(r"(\d+)\s*:\s*([AB=])")


@dataclass(frozen=True)
class EyeFigures:
    """Prompts in which the eye liked a fill better, or saw no clear difference."""

    aligned_preferred: int
    base_preferred: int
    close: int


def left_is_aligned(count: int, seed: int) -> list[bool]:
    """Which side of each row shows the aligned model's fill; no one who ranks looks here."""
    return [bool(value) for value in np.random.default_rng([seed, 60]).integers(2, size=count)]


def write_blind_sheets(
    filled: Mapping[str, Filled],
    base: str,
    aligned: str,
    prompts: Mapping[str, IncompletePhoto],
    seed: int,
    out: Path,
) -> None:
    """Rows of a number, the masked photo, and fills A and B of the same seed by the two models,
    unnamed and shuffled; sheet-00.png and on."""
    names = filled[base].prompts
    sides = left_is_aligned(len(names), seed)
    rows = []
    for number, (name, is_left) in enumerate(zip(names, sides, strict=True)):
        pair = [filled[aligned].fill(number, 1), filled[base].fill(number, 1)]
        rows.append(_row(number, prompts[name].masked, pair if is_left else pair[::-1]))
    out.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(rows), 2 * ROWS):
        part = rows[start : start + 2 * ROWS]
        if len(part) % 2:
            part.append(np.full_like(part[0], 24))
        pairs = [np.hstack(part[place : place + 2]) for place in range(0, len(part), 2)]
        write_png(out / f"sheet-{start // (2 * ROWS):02d}.png", np.vstack(pairs))


def read_eye(file: Path, count: int, seed: int) -> EyeFigures:
    """Answers, a line a row: `007: A`, `007: B`, or `007: =` where neither is clearly better.

    Raises PrefPaintError for a line that is none of these, or a row that has none or two.
    """
    given: dict[int, str] = {}
    for line in filter(None, (raw.strip() for raw in file.read_text().splitlines())):
        match = _ANSWER.fullmatch(line)
        if match is None or int(match[1]) >= count or int(match[1]) in given:
            raise PrefPaintError(f"{file}: '{line}' is no answer to a row, or its second.")
        given[int(match[1])] = match[2]
    if len(given) < count:
        raise PrefPaintError(f"{file} answers {len(given)} of {count} rows. Answer all.")
    sides = left_is_aligned(count, seed)
    likes = ["=" if given[n] == "=" else (given[n] == "A") == sides[n] for n in range(count)]
    return EyeFigures(likes.count(True), likes.count(False), likes.count("="))


def _row(number: int, masked: Pixels, pair: list[Pixels]) -> Pixels:
    width = 3 * (CELL + GAP) + GAP
    row = Image.new("RGB", (width, CELL + LABEL + GAP), (24, 25, 28))
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(size=14)
    for column, (label, picture) in enumerate(
        zip((f"{number:03d}", "A", "B"), [masked, *pair], strict=True)
    ):
        left = GAP + column * (CELL + GAP)
        row.paste(
            Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.BICUBIC), (left, LABEL)
        )
        draw.text((left, 2), label, font=font, fill=(230, 230, 230))
    return np.asarray(row)
