"""`prefpaint preferences`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import JsonOption
from prefpaint_gui.paths import data_folder
from training.preferences.export import export
from training.preferences.store import PreferenceStore

preferences = typer.Typer(
    help="Look at the thumbs and accepted fills that the window has kept, or export them.",
    no_args_is_help=True,
)


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


@contextmanager
def _store() -> Iterator[PreferenceStore]:
    with PreferenceStore(data_folder()) as store:
        if store.notice:
            print(f"prefpaint: {store.notice}", file=sys.stderr)
        yield store
