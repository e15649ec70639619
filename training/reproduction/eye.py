"""Blind sheets of base against aligned, and what a pair of eyes answered."""

import hashlib
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
ANSWERS, FORM = "answers.txt", "form.txt"
_ANSWER = re.compile(r"(\d+)\s*:\s*([AB=])")


@dataclass(frozen=True)
class EyeFigures:
    """Prompts in which the eye liked a fill better, or saw no clear difference. by: whose eye."""

    by: str
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
    unnamed and shuffled; sheet-00.png and on, and a form for the answers."""
    names = filled[base].prompts
    sides = left_is_aligned(len(names), seed)
    rows = []
    for number, (name, is_left) in enumerate(zip(names, sides, strict=True)):
        pair = [filled[aligned].fill(number, 1), filled[base].fill(number, 1)]
        rows.append(_row(number, prompts[name].masked, pair if is_left else pair[::-1]))
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"sheets: {_digest(filled, base, aligned)}", "by: "]
    lines += [f"{number:03d}: " for number in range(len(rows))]
    (out / FORM).write_text("\n".join(lines) + "\n")
    for start in range(0, len(rows), 2 * ROWS):
        part = rows[start : start + 2 * ROWS]
        if len(part) % 2:
            part.append(np.full_like(part[0], 24))
        pairs = [np.hstack(part[place : place + 2]) for place in range(0, len(part), 2)]
        write_png(out / f"sheet-{start // (2 * ROWS):02d}.png", np.vstack(pairs))


def read_eye(
    file: Path, filled: Mapping[str, Filled], base: str, aligned: str, seed: int
) -> EyeFigures:
    """The filled-in form: whose eye it was, and a line a row: `007: A`, `007: B`, or `007: =`
    where neither is clearly better.

    Raises PrefPaintError for a line that is none of these, a row that has none or two, and answers
    to other sheets.
    """
    count = len(filled[base].prompts)
    lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    if lines[:1] != [f"sheets: {_digest(filled, base, aligned)}"]:
        raise PrefPaintError(f"{file} answers other sheets. Fill in {FORM} beside it again.")
    by = lines[1].removeprefix("by:").strip() if lines[1:] else ""
    if not by:
        raise PrefPaintError(f"{file} does not say whose eye it was. Write it after 'by:'.")
    given: dict[int, str] = {}
    for line in lines[2:]:
        match = _ANSWER.fullmatch(line)
        if match is None or int(match[1]) >= count or int(match[1]) in given:
            raise PrefPaintError(f"{file}: '{line}' is no answer to a row, or its second.")
        given[int(match[1])] = match[2]
    if len(given) < count:
        raise PrefPaintError(f"{file} answers {len(given)} of {count} rows. Answer all.")
    sides = left_is_aligned(count, seed)
    likes = ["=" if given[n] == "=" else (given[n] == "A") == sides[n] for n in range(count)]
    return EyeFigures(by, likes.count(True), likes.count(False), likes.count("="))


def _digest(filled: Mapping[str, Filled], base: str, aligned: str) -> str:
    """Of the fills that the sheets show."""
    shown = hashlib.sha256()
    for name in (base, aligned):
        for number in range(len(filled[base].prompts)):
            shown.update(filled[name].fill(number, 1).tobytes())
    return shown.hexdigest()[:12]


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
