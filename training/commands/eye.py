"""`prefpaint-train eye-sheets`, `eye-ranking` and `eye-pairs`: rank fills by looking at them."""

import math
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Masks, Out, Seed, progress, worker_processes
from training.prompts.photos import Split, find_photos
from training.reward.eye import (
    ROWS,
    photo_of,
    plan_eye_prompts,
    read_answers,
    read_rankings,
    write_ranked,
    write_rankings,
    write_sheet,
)
from training.reward.pairs import write_folder

EyeSplit = Annotated[Split, typer.Option(help="test to measure a reward by; train to learn from.")]


def eye_sheets(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photographs.")],
    out: Out,
    count: Annotated[int, typer.Option(help="How many prompts.", min=1)] = 120,
    split: EyeSplit = "test",
    masks: Masks = "repair",
    seed: Seed = 7,
) -> None:
    """Draw sheets of shuffled, unnamed fills, to rank by eye.

    Write the ranking as text, a line a prompt, best first, letters side by side where the order
    is close: `007: B > A C > D E`. `eye-ranking` turns it into the committed file. The pictures
    lie beside the sheets, where `eye-pairs` with the same --out finds them made.
    """
    from training.checkpoints import claim  # torch, slow to import

    planned = plan_eye_prompts(find_photos(photos), split, masks, count, seed)
    claim(out / "settings.json", {"split": split, "masks": masks, "seed": seed})
    calls = [(planned, number, out) for number in range(math.ceil(count / ROWS))]
    with worker_processes() as pool, progress("Drawing sheets") as on_progress:
        for done, _ in enumerate(pool.run(write_sheet, calls, threading.Event()), start=1):
            on_progress(done / len(calls))
    Console().print(f"{len(calls)} sheets lie in {out}.")


def eye_ranking(
    photos: Annotated[list[Path], typer.Argument(help="The folders given to eye-sheets.")],
    answers: Annotated[
        list[Path],
        typer.Option(help="The ranking as text; once for each blind look.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The JSON file to write.", show_default=False)],
    count: Annotated[int, typer.Option(help="As given to eye-sheets.", min=1)] = 120,
    split: EyeSplit = "test",
    masks: Masks = "repair",
    seed: Seed = 7,
) -> None:
    """Turn a ranking by eye into JSON that names photo, crop, mask seed and recipe of each fill."""
    planned = plan_eye_prompts(find_photos(photos), split, masks, count, seed)
    prompts = [prompt for _, prompt in planned]
    rankings = read_answers([file.read_text() for file in answers], prompts)
    write_rankings(rankings, out)
    Console().print(f"{len(rankings)} rankings written to {out}.")


def eye_pairs(
    photos: Annotated[list[Path], typer.Argument(help="The folders given to eye-sheets.")],
    eye: Annotated[Path, typer.Option(help="A ranking by eye of training photos.")],
    out: Out,
) -> None:
    """Make the ranked fills, or find them beside their sheets, for `reward` to learn from."""
    from training.checkpoints import claim  # torch, slow to import

    paths = {path.name: path for path in find_photos(photos)}
    rankings = read_rankings(eye)
    calls = [(photo_of(ranking, paths), ranking, out) for ranking in rankings]
    claim(out / "ranked.json", {"prompts": [asdict(ranking.prompt) for ranking in rankings]})
    with worker_processes() as pool, progress("Making prompts") as on_progress:
        write_folder(out, write_ranked, calls, pool, on_progress, threading.Event())
    Console().print(f"{len(rankings)} prompts lie in {out}.")
