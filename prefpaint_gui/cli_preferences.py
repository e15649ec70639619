"""`prefpaint preferences`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from prefpaint_gui.cli_exchange import export_command, import_command, preference_store
from prefpaint_gui.cli_output import JsonOption, YesOption, agreed, print_rows
from training.errors import PrefPaintError
from training.reward.finetune import delete_runs, has_runs

preferences = typer.Typer(
    help="Look at what the window has kept of your opinions; delete, export or import some.",
    no_args_is_help=True,
)


@preferences.command()
def stats(as_json: JsonOption = False) -> None:
    """Count the preferences that are kept on this machine, and say where they lie."""
    with preference_store() as store:
        photos = [store.photo_file(sha256) for sha256 in store.whole_photos()]
        counts = {
            **asdict(store.statistics()),
            "whole_photos": len(photos),
            "bytes_of_whole_photos": sum(file.stat().st_size for file in photos),
            "folder": str(store.folder),
        }
    if as_json:
        print(json.dumps(counts, indent=2))
        return
    for name, value in counts.items():
        print(f"{name.replace('_', ' '):<22}{'-' if value is None else value}")


@preferences.command("list", epilog="Example: prefpaint preferences list --json")
def list_command(as_json: JsonOption = False) -> None:
    """Show every record: its number, when and by whom it was given, and of which photo."""
    with preference_store() as store:
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
    whole_photos: Annotated[
        bool,
        typer.Option("--whole-photos", help="The whole photos alone; what was said of them stays."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept.")] = False,
    yes: YesOption = False,
) -> None:
    """Delete one record, one photo's or all for good, with their pictures.

    Pictures stay while another record needs them. Backups from before an update that may know what
    is deleted go too, and so does a training that is paused: it holds copies.
    """
    if (record is not None) + (photo is not None) + whole_photos + everything != 1:
        raise PrefPaintError(
            "Say what to delete: --record ID, --photo SHA256, --whole-photos or --all."
        )
    if whole_photos:
        _delete_whole_photos(yes)
        return
    with preference_store() as store:
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
        copies = ", and the training that holds copies," if has_runs(store.folder) else ""
        if not agreed(f"Delete {what}{copies} in {store.folder} for good?", yes):
            print("Nothing was deleted.")
            return
        delete_runs(store.folder)
        if record is not None:
            store.withdraw(record)
        elif photo is not None:
            store.delete_photo(photo)
        else:
            store.delete_all()
        store.sweep()
    print(f"{what} deleted")


def _delete_whole_photos(yes: bool) -> None:
    with preference_store() as store:
        if not agreed(f"Delete the whole photos in {store.folder} for good?", yes):
            print("Nothing was deleted.")
            return
        count = store.drop_photos()
    print(f"{count} whole {'photo' if count == 1 else 'photos'} deleted")


preferences.command(
    "export",
    epilog="Example: prefpaint preferences export my-pairs --format pairs --signal accept "
    "--licence 'CC BY 4.0'",
)(export_command)
preferences.command("import", epilog="Example: prefpaint preferences import laptop.zip")(
    import_command
)
