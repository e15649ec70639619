"""`prefpaint preferences export` and `import`."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import show_progress
from prefpaint_gui.paths import data_folder
from training.errors import PrefPaintError
from training.inpainting.request import Progress
from training.preferences.export import FORMATS, Format, export
from training.preferences.formats.card import LICENCES, NOT_STATED, SAID, counted, said_words
from training.preferences.records import Filter, Signal
from training.preferences.store import PreferenceStore

FILTERS = "Filters (repeat one to allow several)"


def export_command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", show_default=False, help="Folder to write: new or empty."),
    ],
    form: Annotated[
        Format,
        typer.Option(
            "--format", help="; ".join(f"{name}: {what}" for name, what in FORMATS.items())
        ),
    ] = "paper",
    licence: Annotated[
        str, typer.Option(help=f"For the data card, one of: {', '.join(LICENCES)}.")
    ] = NOT_STATED,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            rich_help_panel=FILTERS,
            help="Said at this time or later: a date, or date and time, ISO 8601, in UTC unless "
            "it names another zone.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            rich_help_panel=FILTERS,
            help="Said at this time or earlier; of a date, until the end of the day.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            show_default=False,
            rich_help_panel=FILTERS,
            help="Strips with a fill by this model.",
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            show_default=False,
            rich_help_panel=FILTERS,
            help=f"What was said, one of: {', '.join(SAID)}.",
        ),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(show_default=False, rich_help_panel=FILTERS, help="Who said it."),
    ] = None,
    whole_photos: Annotated[
        bool,
        typer.Option(
            "--whole-photos",
            help="With the whole photos, where they are kept. They show what lay under the masks.",
        ),
    ] = False,
    photo: Annotated[
        str | None,
        typer.Option(
            metavar="PHOTO",
            show_default=False,
            rich_help_panel=FILTERS,
            help="Strips of this photo: a file as it is now, or a SHA256 as `list` names it.",
        ),
    ] = None,
) -> None:
    """Write what is kept to DIR, for training, for publishing, or as an archive.

    Names, places and EXIF of files cannot leave: they are not kept. Whole photos leave with
    --whole-photos alone, and are kept only where the window was asked to (Preferences > Keep whole
    photos); else there is the region around each hole.

    paper, pairs and datasets also leave out what lay under the masks, and call people rater-1,
    rater-2, ... and photos photo-1, photo-2, ...; jsonl keeps both, as `import` needs them: keep it
    for yourself. DIR/README.md is the data card.
    """
    which = Filter(
        since=_moment(since),
        until=_moment(until),
        models=tuple(model or ()),
        signals=tuple(_signal(name) for name in signal or ()),
        persons=tuple(person or ()),
        photo_sha256=None if photo is None else _hash_of(photo),
    )
    with preference_store() as store, show_progress("Exporting") as show:
        summary = export(
            store,
            folder,
            form,
            which,
            licence,
            lambda share: show(Progress(share)),
            whole_photos=whole_photos,
        )
    tally = summary.tally
    print(
        f"{counted(tally.strips, 'strip', 'strips')} of "
        f"{counted(tally.candidates, 'fill', 'fills')} ({said_words(tally.signals)}) "
        f"are in {folder}"
    )
    if whole_photos:
        print(f"{counted(summary.photos, 'photo is', 'photos are')} with them whole.")
    if form == "pairs":
        print(f"They give {counted(summary.rows, 'pair', 'pairs')}.")
    if tally.skipped:
        print(
            f"prefpaint: {counted(tally.skipped, 'strip was', 'strips were')} left out because "
            "pictures are missing or altered, or figures no numbers.",
            file=sys.stderr,
        )


def import_command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help="What `export --format jsonl` wrote: the folder, or a .zip or .tar of it.",
        ),
    ],
) -> None:
    """Add the preferences of an archive to those on this machine; what is here already stays.

    All of it is added or, when anything in it is missing or was altered, nothing. The other formats
    cannot be imported: they lack what would be needed.
    """
    from training.preferences.importing import import_preferences  # slow to import

    with preference_store() as store, show_progress("Importing") as show:
        done = import_preferences(store, path, lambda share: show(Progress(share)))
    print(
        f"{counted(done.new, 'opinion', 'opinions')} of {done.opinions:,} in {path} "
        f"{'is' if done.new == 1 else 'are'} new, on {counted(done.strips, 'strip', 'strips')}."
    )


def _signal(name: str) -> Signal:
    for signal in SAID:
        if signal == name:
            return signal
    raise PrefPaintError(f"{name} is no signal. Known are: {', '.join(SAID)}.")


def _moment(text: str | None) -> str | None:
    """As times are kept: a date, or the time in UTC to the millisecond."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise PrefPaintError(
            f"{text} is no time. Write it like 2026-03-01 or 2026-03-01T18:30."
        ) from error
    if len(text) <= len("2026-03-01"):
        return time.date().isoformat()
    return (
        time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).isoformat(timespec="milliseconds")
    )


def _hash_of(photo: str) -> str:
    if re.fullmatch("[0-9a-f]{64}", photo):
        return photo
    from prefpaint_gui.photo_io import pixel_hash, read_photo

    return pixel_hash(read_photo(Path(photo)).pixels)


@contextmanager
def preference_store() -> Iterator[PreferenceStore]:
    """The store of this machine; says on standard error when a broken one was set aside."""
    with PreferenceStore(data_folder()) as store:
        if store.notice:
            print(f"prefpaint: {store.notice}", file=sys.stderr)
        yield store
