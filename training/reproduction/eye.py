"""Blind sheets of base against aligned, and what a pair of eyes answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.errors import PrefPaintError
from training.evaluation.samples import Filled
from training.prompts.incomplete import IncompletePhoto
from training.reproduction.forms import (
    is_written,
    labelled_row,
    read_form,
    write_form,
    write_sheets,
)

DOWN = 6
"""Rows of a sheet, two across."""


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
    shown = _digest(filled, base, aligned)
    if is_written(shown, out):
        return
    names = filled[base].prompts
    sides = left_is_aligned(len(names), seed)
    rows = []
    for number, (name, is_left) in enumerate(zip(names, sides, strict=True)):
        pair = [filled[aligned].fill(number, 1), filled[base].fill(number, 1)]
        pictures = [prompts[name].masked, *(pair if is_left else pair[::-1])]
        rows.append(labelled_row((f"{number:03d}", "A", "B"), pictures))
    out.mkdir(parents=True, exist_ok=True)
    write_sheets(rows, 2, DOWN, out)
    write_form(shown, len(rows), out)


def read_eye(
    file: Path, filled: Mapping[str, Filled], base: str, aligned: str, seed: int
) -> EyeFigures:
    """The filled-in form, a line a row: `007: A`, `007: B`, or `007: =` where neither is clearly
    better. Raises PrefPaintError as read_form does, and where a row is not answered."""
    count = len(filled[base].prompts)
    by, given = read_form(file, _digest(filled, base, aligned), count, "[AB=]?")
    if not all(given):
        answered = count - given.count("")
        raise PrefPaintError(f"{file} answers {answered} of {count} rows. Answer all.")
    sides = left_is_aligned(count, seed)
    likes = [
        "=" if answer == "=" else (answer == "A") == is_left
        for answer, is_left in zip(given, sides, strict=True)
    ]
    return EyeFigures(by, likes.count(True), likes.count(False), likes.count("="))


def _digest(filled: Mapping[str, Filled], base: str, aligned: str) -> str:
    """Of the fills that the sheets show."""
    shown = hashlib.sha256()
    for name in (base, aligned):
        for number in range(len(filled[base].prompts)):
            shown.update(filled[name].fill(number, 1).tobytes())
    return shown.hexdigest()[:12]
