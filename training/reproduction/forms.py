"""Sheets of unnamed pictures to look at, and the forms that are filled in for them."""

import codecs
import re
from collections.abc import Iterable, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.errors import PrefPaintError
from training.files import write_png
from training.inpainting.request import Pixels

ANSWERS, FORM = "answers.txt", "form.txt"
CELL, GAP, LABEL = 224, 8, 20
_LINE = re.compile(r"(\d+)\s*:\s*(.*)")


def labelled_row(labels: Sequence[str], pictures: Sequence[Pixels]) -> Pixels:
    """Pictures side by side at one size, with a word over each."""
    width = len(pictures) * (CELL + GAP) + GAP
    row = Image.new("RGB", (width, CELL + LABEL + GAP), (24, 25, 28))
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(size=14)
    for column, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left = GAP + column * (CELL + GAP)
        enlarged = Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.BICUBIC)
        row.paste(enlarged, (left, LABEL))
        draw.text((left, 2), label, font=font, fill=(230, 230, 230))
    return np.asarray(row)


def write_sheets(rows: Iterable[Pixels], across: int, down: int, out: Path) -> None:
    """sheet-00.png and on: so many rows across and down each, from left to right."""
    waiting = iter(rows)
    for number in count():
        part = list(islice(waiting, across * down))
        if not part:
            return
        part += [np.full_like(part[0], 24)] * (-len(part) % across)
        lines = [np.hstack(part[place : place + across]) for place in range(0, len(part), across)]
        write_png(out / f"sheet-{number:02d}.png", np.vstack(lines))


def write_form(shown: str, rows: int, out: Path) -> None:
    """form.txt, to be filled in as answers.txt. shown: a digest of what is on the sheets."""
    lines = [_first(shown), "by: ", *(f"{number:03d}: " for number in range(rows))]
    (out / FORM).write_text("\n".join(lines) + "\n")


def is_written(shown: str, out: Path) -> bool:
    """Whether the form is there already: someone may be filling it in."""
    form = out / FORM
    first = _first(shown).encode()
    return form.exists() and form.read_bytes().removeprefix(codecs.BOM_UTF8).startswith(first)


def read_form(file: Path, shown: str, rows: int, wanted: str) -> tuple[str, list[str]]:
    """Whose eye it was, and the answer to each row, which matches the expression `wanted`; "" where
    there is none.

    Raises PrefPaintError for a file that is no text, answers to other sheets, a line that is no
    answer, and a second answer to a row.
    """
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PrefPaintError(
            f"{file} cannot be read as text ({error}). Save it as UTF-8."
        ) from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines[:1] != [_first(shown)]:
        raise PrefPaintError(f"{file} answers other sheets. Fill in {FORM} beside it again.")
    by = lines[1].removeprefix("by:").strip() if lines[1:] else ""
    if not by or by == lines[1]:
        raise PrefPaintError(f"{file} does not say whose eye it was. Write it after 'by:'.")
    given: dict[int, str] = {}
    for line in lines[2:]:
        match = _LINE.fullmatch(line)
        number = int(match[1]) if match else rows
        if match is None or number >= rows or number in given or not re.fullmatch(wanted, match[2]):
            raise PrefPaintError(f"{file}: '{line}' is no answer to a row, or its second.")
        given[number] = match[2]
    return by, [given.get(number, "") for number in range(rows)]


def _first(shown: str) -> str:
    return f"sheets: {shown}"
