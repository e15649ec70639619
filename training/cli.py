"""`prefpaint-train`: reward learning from the terminal."""

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.inpainting.process_pool import ProcessPool
from training.prompts.masks import MaskSet
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
from training.reward.pairs import make_pairs, write_folder

app = typer.Typer(
    name="prefpaint-train",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Out = Annotated[Path, typer.Option("--out", help="Folder to write to.", show_default=False)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Masks = Annotated[
    MaskSet,
    typer.Option(
        help="repair: blobs, strokes, rectangles, lines; wide: large blobs and strips to outpaint."
    ),
]
EyeSplit = Annotated[Split, typer.Option(help="test to measure a reward by; train to learn from.")]


@app.callback()
def _commands() -> None:
    """Train PrefPaint's reward model and measure it."""


@app.command()
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
    pool = ProcessPool(workers)
    try:
        with progress("Making prompts") as on_progress:
            cancel = threading.Event()
            make_pairs(
                find_photos(photos),
                split,
                count,
                seed,
                masks,
                out,
                pool,
                on_progress,
                cancel,
            )
    finally:
        pool.close()
    Console().print(f"{count} prompts lie in {out}.")


@app.command()
def reward(
    pairs: Annotated[list[Path], typer.Argument(help="Folders that `pairs` or `eye-pairs` wrote.")],
    validation: Annotated[
        list[Path], typer.Option(help="The same of other photos: watched, never learned from.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    start: Annotated[
        Path | None, typer.Option(help="A reward model to go on from.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps to train.", min=1)] = 1300,
    batch_size: Annotated[int, typer.Option(help="Prompts a step.", min=1)] = 16,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    seed: Seed = 0,
) -> None:
    """Train a reward model from pairs whose order is known by construction.

    Writes reward.safetensors, log.jsonl and curve.png. Run again with the same words to go on
    where it was interrupted. Nothing here was labelled by a person, and the file says so.
    """
    from training.reward.curve import draw_curve  # torch and matplotlib, slow to import
    from training.reward.trainer import RewardTrainingConfig, train_reward

    config = RewardTrainingConfig(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        start=start,
        seed=seed,
    )
    with progress("Training") as on_progress:
        model = train_reward(pairs, validation, out, config, on_progress)
    model.save(out / "reward.safetensors")
    draw_curve(out)
    Console().print(f"The reward model is {out / 'reward.safetensors'}.")


@app.command()
def reward_card(
    model: Annotated[Path, typer.Argument(help="A reward model.")],
    pairs: Annotated[list[Path], typer.Option(help="Folders that `pairs` wrote, held out.")],
    photos: Annotated[list[Path], typer.Option(help="The folders given to eye-sheets.")],
    eye: Annotated[Path, typer.Option(help="The ranking by eye.")],
    out: Annotated[Path, typer.Option(help="Folder for the card's figures and pictures.")],
    seed: Seed = 0,
) -> None:
    """Measure a reward model on held-out photos, next to two simple baselines.

    Writes card.md, card.json and sheet.png, the fills of some prompts in the model's order.
    """
    from training.reward.card import write_card  # torch, slow to import

    with progress("Measuring") as on_progress:
        write_card(model, pairs, find_photos(photos), eye, out, seed, on_progress)
    Console().print(f"The card lies in {out}.")


@app.command()
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
    is close: `007: B > A C > D E`. `eye-ranking` turns it into the committed file.
    """
    planned = plan_eye_prompts(find_photos(photos), split, masks, count, seed)
    pool = ProcessPool(os.cpu_count() or 1)
    calls = [(planned, number, out) for number in range(math.ceil(count / ROWS))]
    try:
        with progress("Drawing sheets") as on_progress:
            for done, _ in enumerate(pool.run(write_sheet, calls, threading.Event()), start=1):
                on_progress(done / len(calls))
    finally:
        pool.close()
    Console().print(f"{len(calls)} sheets lie in {out}.")


@app.command()
def eye_ranking(
    photos: Annotated[list[Path], typer.Argument(help="The folders given to eye-sheets.")],
    answers: Annotated[Path, typer.Option(help="The ranking as text.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The JSON file to write.", show_default=False)],
    count: Annotated[int, typer.Option(help="As given to eye-sheets.", min=1)] = 120,
    split: EyeSplit = "test",
    masks: Masks = "repair",
    seed: Seed = 7,
) -> None:
    """Turn a ranking by eye into JSON that names photo, crop, mask seed and recipe of each fill."""
    planned = plan_eye_prompts(find_photos(photos), split, masks, count, seed)
    prompts = [prompt for _, prompt in planned]
    rankings = read_answers(answers.read_text(), prompts)
    write_rankings(rankings, out)
    Console().print(f"{len(rankings)} rankings written to {out}.")


@app.command()
def eye_pairs(
    photos: Annotated[list[Path], typer.Argument(help="The folders given to eye-sheets.")],
    eye: Annotated[Path, typer.Option(help="A ranking by eye of training photos.")],
    out: Out,
) -> None:
    """Make the ranked fills again, so that `reward` can learn from the ranking."""
    paths = {path.name: path for path in find_photos(photos)}
    rankings = read_rankings(eye)
    pool = ProcessPool(os.cpu_count() or 1)
    try:
        with progress("Making prompts") as on_progress:
            calls = [(photo_of(ranking, paths), ranking, out) for ranking in rankings]
            write_folder(out, write_ranked, calls, pool, on_progress, threading.Event())
    finally:
        pool.close()
    Console().print(f"{len(rankings)} prompts lie in {out}.")


@contextmanager
def progress(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error with elapsed and remaining time; call it with the share done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=1.0)
        yield lambda share: bars.update(task, completed=share)
