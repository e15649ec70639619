"""The command line. No Qt; torch only in the scorer's own process."""

import json
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from typer.exceptions import TyperException

from prefpaint_gui.headless import CONTACT_SHEET, RANKING, fill_photo, score_fills
from prefpaint_gui.paths import data_folder
from prefpaint_gui.photo_io import sample_mask_path, sample_photo_path
from training.errors import PrefPaintError
from training.inpainting.patchmatch import PatchMatchInpainter
from training.inpainting.request import Event, Preview
from training.preferences.export import export
from training.preferences.store import PreferenceStore
from training.reward.scorer import ProcessScorer, builtin_reward_path

OpenWindow = Callable[[Path | None, bool], int]
"""Opens a photo, or with True the sample photo, in the window; returns the exit status."""

app = typer.Typer(
    name="prefpaint",
    help="Repair photos: several fills for every hole, the best one first.\n\n"
    "Without a command, `prefpaint \\[PHOTO]` opens the window.",
    epilog="Try it: prefpaint --sample, or without a display: prefpaint fill --sample",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
preferences = typer.Typer(
    help="Look at the thumbs and accepted fills that the window has kept, or export them.",
    no_args_is_help=True,
)
app.add_typer(preferences, name="preferences")

COMMANDS = ("open", "fill", "score", "preferences")
_LOOKS, _RANKING, _OUTPUT = "What is filled", "How it is ranked", "Output"


class Model(StrEnum):
    """Inpainters to choose from."""

    PATCHMATCH = "patchmatch"


INPAINTERS = {Model.PATCHMATCH: PatchMatchInpainter}

MaskOption = Annotated[
    Path | None,
    typer.Option(
        metavar="MASK",
        show_default=False,
        rich_help_panel=_LOOKS,
        help="Picture of the photo's size: white is hole (128 of 255 or brighter). "
        "Where it has transparency, opaque is hole instead.",
    ),
]
RewardOption = Annotated[
    str,
    typer.Option(
        metavar="builtin|FILE",
        rich_help_panel=_RANKING,
        help="The reward model: the built-in one, or a .safetensors file from prefpaint-train.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel=_OUTPUT, help="Print JSON on standard output, nothing else."
    ),
]


def run(arguments: Sequence[str], open_window: OpenWindow) -> int:
    """Run one command line; returns the exit status: 0, 2 after an error, 130 after Ctrl+C."""
    arguments = list(arguments)
    if not arguments or arguments[0] not in (*COMMANDS, "--help", "--version"):
        arguments.insert(0, "open")
    # Pillow warns of odd details in files; what matters to the person is raised as an error.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        status = app(arguments, "prefpaint", standalone_mode=False, obj=open_window)
    except (PrefPaintError, TyperException) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        if message:  # it is empty where help was printed instead
            print(f"prefpaint: {message}", file=sys.stderr)
        return 2
    return int(status or 0)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"prefpaint {version('prefpaint')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    del show_version


@app.command("open")
def open_command(
    context: typer.Context,
    photo: Annotated[
        Path | None, typer.Argument(metavar="[PHOTO]", show_default=False, help="Photo to open.")
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Open the sample photo.")] = False,
) -> int:
    """Open the window; `prefpaint PHOTO` is short for this."""
    if photo is not None and sample:
        raise PrefPaintError("--sample opens its own photo. Leave one of them out.")
    open_window: OpenWindow = context.obj
    return open_window(photo, sample)


@app.command(
    epilog="Example: prefpaint fill beach.jpg --mask tourists.png --out beach-fills --candidates 8",
)
def fill(
    photo: Annotated[
        Path | None, typer.Argument(metavar="PHOTO", show_default=False, help="Photo to repair.")
    ] = None,
    mask: MaskOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            rich_help_panel=_OUTPUT,
            help="Folder for the results. Those of an earlier fill are replaced; no other file "
            "ever is. With --sample it may be left out: sample-fills.",
        ),
    ] = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", rich_help_panel=_LOOKS, help="Fill the sample photo with its mask."
        ),
    ] = False,
    candidates: Annotated[
        int,
        typer.Option(
            min=1, max=99, metavar="K", rich_help_panel=_LOOKS, help="How many fills to make."
        ),
    ] = 4,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=999_999_999,
            metavar="N",
            rich_help_panel=_LOOKS,
            help="Seed of the first fill; the next ones take N+1, N+2, ... "
            "The same seed gives the same fill.",
        ),
    ] = 0,
    model: Annotated[
        Model, typer.Option(rich_help_panel=_LOOKS, help="What makes the fills.")
    ] = Model.PATCHMATCH,
    padding: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="PX",
            rich_help_panel=_LOOKS,
            show_default="half the hole's longer side, at least 64",
            help="Pixels around the hole that the fill is made from.",
        ),
    ] = None,
    feather: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="PX",
            rich_help_panel=_LOOKS,
            help="Pixels outside the mask over which the fill fades into the photo.",
        ),
    ] = 0,
    reward: RewardOption = "builtin",
    as_json: JsonOption = False,
) -> None:
    """Fill a hole several times and write the fills, the best one first.

    DIR receives 01.png (the best), 02.png, ... at the photo's size, ranking.json (rank, file, seed,
    reward, trust, model, seconds of processor time) and contact-sheet.png.
    Pixels outside the mask and its feather stay the photo's own, bit for bit.
    """
    photo, mask, out = _inputs(photo, mask, out, sample)
    with (
        closing(INPAINTERS[model]()) as inpainter,
        closing(ProcessScorer(_reward_path(reward))) as scorer,
    ):
        inpainter.start()  # while the reward model is read, which also finds a damaged one early
        cancel = threading.Event()  # never set: Ctrl+C ends the processes by itself
        scorer.preload(cancel)
        with _progress("Filling") as on_event:
            rows = fill_photo(
                photo,
                mask,
                out,
                inpainter,
                scorer,
                seeds=tuple(range(seed, seed + candidates)),
                padding=padding,
                feather=feather,
                on_event=on_event,
                cancel=cancel,
            )
    _print_rows([asdict(row) for row in rows], as_json)
    if not as_json:
        count = "1 fill" if len(rows) == 1 else f"{len(rows)} fills"
        print(f"{count}, {RANKING} and {CONTACT_SHEET} are in {out}")


@app.command(
    epilog="Example: prefpaint score beach.jpg --mask tourists.png by-gimp.png by-krita.png",
)
def score(
    photo: Annotated[
        Path, typer.Argument(metavar="PHOTO", show_default=False, help="The photo with the hole.")
    ],
    fills: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILL...", show_default=False, help="Filled photos of the same size."
        ),
    ],
    mask: MaskOption = None,
    reward: RewardOption = "builtin",
    as_json: JsonOption = False,
) -> None:
    """Rank fills that any program made, the best one first.

    Only what a fill has within the mask is judged, in the photo's own surroundings. Each gets a
    rank, a reward (higher is better; 0 is the average fill of the reward model's training, 1 one
    standard deviation above it) and a trust (0-1).
    """
    if mask is None:
        raise PrefPaintError("Name the mask: --mask MASK.")
    with closing(ProcessScorer(_reward_path(reward))) as scorer:
        rows = score_fills(photo, mask, fills, scorer, threading.Event())
    _print_rows([asdict(row) for row in rows], as_json)


@preferences.command()
def stats(as_json: JsonOption = False) -> None:
    """Count the preferences that are kept on this machine, and say where they lie."""
    with _store() as store:
        counts = {**asdict(store.statistics()), "folder": str(store.folder)}
    if as_json:
        print(json.dumps(counts, indent=2))
        return
    for name, value in counts.items():
        print(f"{name.replace('_', ' '):<18}{'-' if value is None else value}")


@preferences.command("export")
def export_command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", show_default=False, help="Folder to write: new or empty."),
    ],
) -> None:
    """Write everything that is kept to DIR, in the layout of PrefPaint's published data.

    DIR holds the regions around the holes, never whole photos or the names of files. Its README.md
    says what is what.
    """
    with _store() as store:
        summary = export(store, folder)
    said = f"{summary.ups} up, {summary.downs} down, {summary.accepts} accepted"
    print(f"{summary.presentations} strips of {summary.candidates} fills ({said}) are in {folder}")
    if summary.skipped:
        print(
            f"prefpaint: {summary.skipped} strips were left out because their pictures are missing "
            "or altered.",
            file=sys.stderr,
        )


def _inputs(
    photo: Path | None, mask: Path | None, out: Path | None, sample: bool
) -> tuple[Path, Path, Path]:
    if sample:
        if photo is not None or mask is not None:
            raise PrefPaintError("--sample brings its own photo and mask. Leave yours out.")
        return sample_photo_path(), sample_mask_path(), out or Path("sample-fills")
    if photo is None or mask is None or out is None:
        raise PrefPaintError(
            "Name the photo, its mask and a folder: prefpaint fill PHOTO --mask MASK --out DIR"
        )
    return photo, mask, out


def _reward_path(reward: str) -> Path:
    return builtin_reward_path() if reward == "builtin" else Path(reward)


@contextmanager
def _store() -> Iterator[PreferenceStore]:
    with PreferenceStore(data_folder()) as store:
        if store.notice:
            print(f"prefpaint: {store.notice}", file=sys.stderr)
        yield store


@contextmanager
def _progress(what: str) -> Iterator[Callable[[Event], None]]:
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


def _print_rows(rows: Sequence[dict[str, object]], as_json: bool) -> None:
    """As JSON, or as a table for people; names of files are never cut short."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    cells = [
        list(rows[0]),
        *([f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
