"""The command line. No Qt; torch only in processes of its own."""

import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from prefpaint_gui.cli_fill import fill, score
from prefpaint_gui.cli_models import models
from prefpaint_gui.cli_output import Windows
from prefpaint_gui.cli_preferences import preferences
from prefpaint_gui.cli_rate import rate
from training.errors import PrefPaintError

app = typer.Typer(
    name="prefpaint",
    help="Repair photos: several fills for every hole, the best one first.\n\n"
    "Without a command, `prefpaint [PHOTO]` opens the window.",
    epilog="Try it: prefpaint --sample, or without a display: prefpaint fill --sample",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
COMMANDS = ("open", "fill", "score", "models", "preferences", "rate")


def run(arguments: Sequence[str], windows: Windows) -> int:
    """Run one command line; returns the exit status: 0, 2 after an error, 130 after Ctrl+C."""
    arguments = list(arguments)
    if not arguments or arguments[0] not in (*COMMANDS, "--help", "--version"):
        arguments.insert(0, "open")
    # Pillow warns of odd details in files; what matters to the person is raised as an error.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        status = app(arguments, "prefpaint", standalone_mode=False, obj=windows)
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
    windows: Windows = context.obj
    return windows.photo(photo, sample)


app.command(
    epilog="Example: prefpaint fill beach.jpg --mask tourists.png --out beach-fills --candidates 8"
)(fill)
app.command(
    epilog="Example: prefpaint score beach.jpg --mask tourists.png by-gimp.png by-krita.png"
)(score)
app.command(epilog="Example: prefpaint rate prompts --rater anna")(rate)
app.add_typer(models, name="models")
app.add_typer(preferences, name="preferences")
