"""What several commands share: options, a progress bar, worker processes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.inpainting.process_pool import ProcessPool
from training.prompts.masks import MaskSet

Out = Annotated[Path, typer.Option("--out", help="Folder to write to.", show_default=False)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Masks = Annotated[
    MaskSet,
    typer.Option(
        help="repair: blobs, strokes, rectangles, lines; wide: large blobs and strips to outpaint."
    ),
]


PACE_SECONDS = 1800
"""The time left is told by the pace of this long: one step may take minutes."""


@contextmanager
def worker_processes(count: int = os.cpu_count() or 1) -> Iterator[ProcessPool]:
    """A pool that ends with the block."""
    pool = ProcessPool(count)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def several_bars() -> Iterator[Callable[[str], Callable[[float], None]]]:
    """Bars on standard error with elapsed and remaining time: call it with the title of each stage,
    then what it gives with the share done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    paced = Progress(*columns, console=Console(stderr=True), speed_estimate_period=PACE_SECONDS)
    with paced as bars:

        def bar(title: str) -> Callable[[float], None]:
            task = bars.add_task(title, total=1.0)
            return lambda share: bars.update(task, completed=share)

        yield bar


@contextmanager
def progress(title: str) -> Iterator[Callable[[float], None]]:
    """One such bar."""
    with several_bars() as bar:
        yield bar(title)
