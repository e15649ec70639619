"""`prefpaint preferences`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import JsonOption, YesOption, agreed, print_rows
from prefpaint_gui.paths import data_folder
from training.errors import PrefPaintError
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


@preferences.command("list", epilog="Example: prefpaint preferences list --json")
def list_command(as_json: JsonOption = False) -> None:
    """Show every record: its number, when and by whom it was given, and of which photo."""
    with _store() as store:
        rows: list[dict[str, object]] = [
            {
                "record": record.record_id,
                "time": record.recorded_at,
                "person": record.opinion.person,
                "signal": record.opinion.signal,
                "seed": record.opinion.seed,
                "photo_sha256": photo_sha256,
            }
            for photo_sha256, record in store.records()
        ]
    if rows or as_json:
        print_rows(rows, as_json)
    else:
        print("There are no preferences yet.")


@preferences.command(epilog="Example: prefpaint preferences delete --record 12")
def delete(
    record: Annotated[
        int | None,
        typer.Option(metavar="ID", show_default=False, help="One record, as `list` numbers it."),
    ] = None,
    photo: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256", show_default=False, help="All of one photo, as `list` names it."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept.")] = False,
    yes: YesOption = False,
) -> None:
    """Delete one record, one photo's or all for good, with their pictures.

    Pictures stay while another record needs them. Backups from before an update that may know what
    is deleted go too.
    """
    if (record is not None) + (photo is not None) + everything != 1:
        raise PrefPaintError("Say what to delete: --record ID, --photo SHA256 or --all.")
    with _store() as store:
        known = [
            one.record_id
            for photo_sha256, one in store.records()
            if everything or one.record_id == record or photo_sha256 == photo
        ]
        if not known and not everything:
            raise PrefPaintError(
                "There is no such record. `prefpaint preferences list` shows them all."
            )
        what = "1 record" if len(known) == 1 else f"{len(known)} records"
        if not agreed(f"Delete {what} in {store.folder} for good?", yes):
            print("Nothing was deleted.")
            return
        if record is not None:
            store.withdraw(record)
        elif photo is not None:
            store.delete_photo(photo)
        else:
            store.delete_all()
        store.sweep()
    print(f"{what} deleted")


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
