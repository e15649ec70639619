"""`prefpaint-train reproduce`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Out, Seed, several_bars
from training.inpainting.settings import DeviceName
from training.pretraining.presets import PresetName
from training.prompts.photos import find_photos


def reproduce(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photographs.")],
    out: Out,
    preset: Annotated[
        PresetName,
        typer.Option(help="nano: 64 x 64, for two processor cores; mini: 256 x 256, for one GPU."),
    ] = "nano",
    processes: Annotated[
        int, typer.Option(help="Alignment runs at a time.", min=1, max=os.cpu_count() or 1)
    ] = 1,
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Measure the paper's claims on a small pipeline, from nothing but photographs.

    Trains the pipeline, a reward and an independent judge; aligns by every method, with and
    without guards, and over three seeds without gamma, with a static and with the paper's; fills
    prompts of photos that none of them saw; and writes OUT/round-1/report. Every stage lies in a
    folder of its own and is not made again: run it once more with the same words to go on.

    OUT/round-1/ranking holds sheets of the pipeline's fills of training prompts, made first of
    all: stop it once they are there to rank them first. Fill in form.txt there as answers.txt
    (`007: B > A C > D E`, best first), and run it again for round 2: it aligns by these rankings,
    makes sheets of what came of it, to be ranked in the same way, then teaches reward and judge
    the rankings and writes OUT/round-2/report.

    The eye folder of the last round holds blind sheets of base against aligned, on the test
    prompts. Fill in its form too (`007: A`, `007: B`, or `007: =` where it is close), and run it
    again for the report to count it.
    """
    from training.reproduction.reproduce import reproduce as run

    found = find_photos(photos)
    with several_bars() as bar:
        report = run(found, preset, seed, out, device, processes, bar)
    Console().print(f"The report is {report}.")
