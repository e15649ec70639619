"""What the commands share: JSON or a table for people, a question, and a progress bar."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from training.errors import PrefPaintError
from training.inpainting.request import Event, Preview

JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel="Output", help="Print JSON on standard output, nothing else."
    ),
]

YesOption = Annotated[
    bool, typer.Option("--yes", help="Go ahead without asking; needed where nobody can answer.")
]


@dataclass(frozen=True)
class Windows:
    """What opens a window, and returns the exit status once that is closed.

    photo: on a photo, or with True on the sample. rating: on a folder, for a rater or None to ask.
    """

    photo: Callable[[Path | None, bool], int]
    rating: Callable[[Path, str | None], int]


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[Event], None]]:
    """A bar with the time left on standard error, if a person looks at it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=1.0)

        def show(event: Event) -> None:
            if not isinstance(event, Preview):
                bar.update(task, completed=event.share, description=event.stage or what)

        yield show


def print_rows(rows: Sequence[dict[str, object]], as_json: bool) -> None:
    """As JSON, or as a table for people; names of files are never cut short."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def agreed(question: str, yes: bool) -> bool:
    """What the person answers, on a terminal."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise PrefPaintError("Nobody can be asked here. Say --yes to go ahead.")
    return typer.confirm(question)
