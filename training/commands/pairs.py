"""`prefpaint-train pairs`."""

import os
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Masks, Out, Seed, progress, worker_processes
from training.prompts.photos import Split, find_photos
from training.reward.pairs import make_pairs


def pairs(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photographs.")],
    out: Out,
    count: Annotated[int, typer.Option(help="How many prompts to make.", min=1)] = 3600,
    split: Annotated[
        Split | None, typer.Option(help="Only this split's photos; all of them by default.")
    ] = None,
    masks: Masks = "repair",
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = os.cpu_count() or 1,
) -> None:
    """Cut prompts from photographs and fill each in several ways.

    Writes the paper's layout (inpaint/, masks/, masks_color/) and manifest.jsonl, which names
    photo, crop, mask and recipe of every picture; picture 0 is the untouched original. Run again
    with the same words to go on where it was interrupted.
    """
    from training.checkpoints import claim  # torch, slow to import

    found = find_photos(photos)
    claim(out / "settings.json", {"split": split, "masks": masks, "seed": seed})
    with worker_processes(workers) as pool, progress("Making prompts") as on_progress:
        cancel = threading.Event()
        make_pairs(found, split, count, seed, masks, out, pool, on_progress, cancel)
    Console().print(f"{count} prompts lie in {out}.")
