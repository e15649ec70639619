"""`prefpaint-train reward`, `evaluate-reward` and `convert-reward`."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from resources import SAMPLE_PHOTO
from training.commands.events import event_lines
from training.commands.options import Out, Seed, progress, worker_processes
from training.processes import is_main_process
from training.prompts.photos import find_photos
from training.reward.objective import Objective
from training.reward.pairs import make_pairs
from training.reward.scorer import builtin_reward_path

if TYPE_CHECKING:
    from training.reward.trainer import StepDone

SAMPLE_PROMPTS = 40


def reward(
    pairs: Annotated[list[Path], typer.Argument(help="Folders of prompts, see below.")],
    validation: Annotated[
        list[Path], typer.Option(help="The same of other photos: watched, never learned from.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings (the fields of RewardTrainingConfig, encoder as a table); "
            "what is given on the line goes first.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="builtin|FILE", help="A reward model to go on from.", show_default=False
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to train.", min=1)] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Prompts a step, in all processes.", min=1)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(help="ranking: pairs; regression, classification: scores that people gave."),
    ] = None,
    freeze: Annotated[
        float | None,
        typer.Option(help="Share of the encoder's layers that do not learn.", min=0, max=1),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many measurements without a better one.", min=1),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same result.")] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            help="The same of yet other photos, of labels their test split: the result and START "
            "are measured on them.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Split the network among the processes (FSDP): for one that a GPU cannot hold.",
        ),
    ] = False,
    events: Annotated[
        bool,
        typer.Option(
            "--events",
            help="For programs: JSON lines on standard output instead of a bar; the run pauses "
            "when standard input ends.",
        ),
    ] = False,
) -> None:
    """Train a reward model.

    PAIRS are folders of `pairs` (orders known by construction), of `eye-pairs`, of an export of
    the app, or of labels in the paper's layout; the last two are split by photo or prompt. Writes
    reward.safetensors, log.jsonl, TensorBoard's events and curve.png to OUT, and goes on from
    there when it is run again. What was labelled by whom is kept in the file.

    For several GPUs: accelerate launch -m training reward ... Each holds the whole network, as with
    DDP, or with --shard a part of it, as with FSDP.
    """
    given = {
        "start": builtin_reward_path() if start == Path("builtin") else start,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "objective": objective,
        "freeze": freeze,
        "patience": patience,
        "seed": seed,
    }
    train = partial(_train, pairs, validation, held_out or [], out, config, given, shard)
    if events:
        with event_lines() as lines:
            lines.tell("done", **train(lines.on_step, lines.pause))
        return
    with progress("Training") as on_progress:
        figures = train(lambda done: on_progress(done.step / done.steps), None)
    if not is_main_process():
        return  # another process writes the files
    from training.reward.curve import draw_curve  # matplotlib, slow to import

    draw_curve(out)
    for name, measured in figures.items():
        low, high, count = measured["low"], measured["high"], measured["count"]
        Console().print(
            f"{name}: {measured['share']:.1%} of {count} held-out pairs in the right order "
            f"(95 %: {low:.1%} to {high:.1%})"
        )
    Console().print(f"The reward model is {out / 'reward.safetensors'}.")


def _train(
    pairs: list[Path],
    validation: list[Path],
    held_out: list[Path],
    out: Path,
    config: Path | None,
    given: dict[str, Any],
    shard: bool,
    on_step: "Callable[[StepDone], None]",
    pause: threading.Event | None,
) -> dict[str, Any]:
    """Train, measure on held-out prompts and save; gives the accuracies, where there are such."""
    from training.reward.batches import read_prompts
    from training.reward.config import read_config
    from training.reward.held_out import write_held_out
    from training.reward.model import load_reward
    from training.reward.trainer import train_reward  # torch, slow to import
    from training.run_log import alone_in

    settings = read_config(config, **given)
    with alone_in(out):
        model = train_reward(
            pairs, validation, out, settings, on_step, pause, held_out, shard=shard
        )
        figures: dict[str, Any] = {}
        if not is_main_process():
            return figures
        if held_out:
            encoder, learned = model.network.config, [*pairs, *validation]
            prompts = read_prompts(
                held_out, encoder.image_size, "test", out, learned, encoder.resample
            )
            begun = load_reward(settings.start).network if settings.start else None
            figures = write_held_out(out, begun, model.network, prompts)
            model.provenance["held out"] = figures
        model.save(out / "reward.safetensors")
    return figures


def evaluate_reward(
    model: Annotated[Path, typer.Argument(help="A reward model, or a folder of several.")],
    pairs: Annotated[list[Path], typer.Option(help="Folders that `pairs` wrote, held out.")],
    out: Out,
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="The folders given to eye-sheets.", show_default=False),
    ] = None,
    eye: Annotated[
        list[Path] | None, typer.Option(help="Rankings by eye.", show_default=False)
    ] = None,
    seed: Seed = 0,
) -> None:
    """Measure a reward model, or an ensemble, on held-out photos, next to two simple baselines.

    Writes report.md, report.json and pictures: pairs of known order, agreement with rankings by
    eye, chains of faults, noise, harmless changes, what moves the reward, and whether its bound
    says where it is wrong.
    """
    from training.reward.report import write_report  # torch, slow to import

    found = find_photos(photos) if photos else []
    with progress("Measuring") as on_progress:
        write_report(model, pairs, found, eye or [], out, seed, on_progress)
    Console().print(f"The report is {out / 'report.md'}.")


def convert_reward(
    checkpoint: Annotated[Path, typer.Argument(help="prefpaintReward.pt.")],
    v_inverse: Annotated[Path, typer.Option(help="The published V_inverse.pt.")],
    out: Annotated[Path, typer.Option("--out", help="The safetensors file to write.")],
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Folder that `pairs` wrote: trust compares with its pictures, as the bounds of "
            "the published training data are not known. By default prompts are cut from the "
            "program's sample photo.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Turn PrefPaint's published reward into a file that the program opens.

    Both files are read as weights alone. Use it with `prefpaint fill --reward FILE`.
    """
    from training.reward.pair_data import load_prompts
    from training.reward.published import PUBLISHED, convert_published  # torch, slow to import

    with TemporaryDirectory() as made:
        if reference is None:
            reference = Path(made)
            _sample_pairs(reference)
        prompts = load_prompts(reference, PUBLISHED.image_size, PUBLISHED.resample)
    convert_published(checkpoint, v_inverse, prompts).save(out)
    Console().print(f"The reward model is {out}.")


def _sample_pairs(out: Path) -> None:
    with worker_processes() as pool, progress("Making reference prompts") as on_progress:
        cancel = threading.Event()
        make_pairs(
            [SAMPLE_PHOTO], None, SAMPLE_PROMPTS, 0, "repair", out, pool, on_progress, cancel
        )
