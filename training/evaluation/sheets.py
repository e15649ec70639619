"""Contact sheets: what the models made of the same prompts with the same seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.evaluation.samples import Filled
from training.files import write_png
from training.inpainting.request import Pixels
from training.prompts.incomplete import IncompletePhoto

ROWS, SHEETS = 8, 5
CELL, GAP, HEAD = 160, 8, 44
BEST_OF = 3
BACK, TEXT, QUIET = (255, 255, 255), (32, 36, 42), (110, 117, 127)


def write_sheets(
    filled: Mapping[str, Filled], prompts: Sequence[IncompletePhoto], out: Path
) -> list[Path]:
    """Write sheet-1.png and so on: a row for each of the first prompts.

    The masked photo, of each model its first sample, of each the best of three by the reward, and
    the original where it is known.
    """
    paths = []
    for number, start in enumerate(range(0, min(len(prompts), ROWS * SHEETS), ROWS), start=1):
        path = out / f"sheet-{number}.png"
        chosen = range(start, min(start + ROWS, len(prompts)))
        write_png(path, _sheet(filled, prompts, chosen))
        paths.append(path)
    return paths


def _sheet(
    filled: Mapping[str, Filled], prompts: Sequence[IncompletePhoto], rows: Sequence[int]
) -> Pixels:
    samples = min(one.reward.fills.shape[1] - 1 for one in filled.values())
    is_choice = samples >= BEST_OF
    heads = [("masked", ""), *((name, "same seed") for name in filled)]
    if is_choice:
        heads += [(name, f"best of {BEST_OF}") for name in filled]
    cells = []
    for row in rows:
        shown = [prompts[row].masked, *(one.fill(row, 1) for one in filled.values())]
        if is_choice:
            shown += [one.fill(row, _best(one, row)) for one in filled.values()]
        original = prompts[row].original
        if original is not None:
            shown.append(original)
        cells.append(shown)
    columns = max(map(len, cells))
    if columns > len(heads):
        heads.append(("original", ""))
    step = CELL + GAP
    sheet = Image.new("RGB", (GAP + columns * step, HEAD + len(cells) * step), BACK)
    draw = ImageDraw.Draw(sheet)
    for column, (name, note) in enumerate(heads):
        middle = GAP + column * step + CELL // 2
        draw.text((middle, 15), _short(name, draw), TEXT, ImageFont.load_default(14), anchor="mm")
        draw.text((middle, 32), note, QUIET, ImageFont.load_default(12), anchor="mm")
    for index, shown in enumerate(cells):
        for column, pixels in enumerate(shown):
            picture = Image.fromarray(pixels)
            scale = CELL / max(picture.size)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            left = GAP + column * step + (CELL - size[0]) // 2
            top = HEAD + index * step + (CELL - size[1]) // 2
            sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), (left, top))
            edge = (left - 1, top - 1, left + size[0], top + size[1])
            draw.rectangle(edge, outline=(222, 225, 230))
    return np.asarray(sheet)


def _best(one: Filled, row: int) -> int:
    """Of the first samples, the one with the highest reward; fill 0 is no sample."""
    return 1 + int(one.reward.fills[row, 1 : 1 + BEST_OF].argmax())


def _short(name: str, draw: ImageDraw.ImageDraw) -> str:
    """A name that fits over its column."""
    font, shown = ImageFont.load_default(14), name
    while len(shown) > 2 and draw.textlength(shown, font) > CELL:
        shown = shown[:-2] + "…"
    return shown
