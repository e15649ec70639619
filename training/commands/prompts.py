"""`prefpaint-train prompts`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Out, Seed, progress
from training.errors import PrefPaintError
from training.prompts.incomplete import SHEET, make_prompts
from training.prompts.patterns import Pattern
from training.prompts.photos import Split, find_photos, split_of


def prompts(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photographs.")],
    out: Out,
    pattern: Annotated[
        Pattern,
        typer.Option(
            help="outpaint-square keeps a square of 15-25 % of the area, outpaint-rect a strip of "
            "35-40 % of the width (the paper's ranges); objects are cut out by GrabCut."
        ),
    ] = "outpaint-square",
    count: Annotated[int, typer.Option(help="How many prompts to make.", min=1)] = 256,
    size: Annotated[int, typer.Option(help="Side in pixels.", min=16)] = 512,
    split: Annotated[
        Split | None, typer.Option(help="Only this split's photos; all of them by default.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Cut incomplete photos from PHOTOS, to align a model on or to compare models by.

    Writes the paper's layout (masks/, masks_color/ with the hole in white, prompts.txt), the
    originals, and a contact sheet.
    """
    found = find_photos(photos)
    chosen = [path for path in found if split is None or split_of(path) == split]
    if not chosen:
        raise PrefPaintError(f"No photo of these is in the {split} split. Give more photographs.")
    with progress("Making prompts") as on_progress:
        make_prompts(chosen, pattern, count, size, seed, out, on_progress)
    Console().print(f"{count} prompts lie in {out}; {out / SHEET} shows the first of them.")
