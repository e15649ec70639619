"""Changes to the preference database and its pictures, each whole or not at all.

Errors of SQLite and of the disk pass through.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.preferences.database import transaction
from training.preferences.images import encode_png, image_path, keep_image, keep_png
from training.preferences.records import Presentation, StoredOpinion, StoredPresentation
from training.preferences.rows import check_opinion, opinion_row, pictures, presentation_rows
from training.preferences.sweep import list_changing, picture_hashes, remove_unused


def keep(
    connection: sqlite3.Connection,
    images: Path,
    shown: Presentation,
    opinions: Sequence[StoredOpinion],
    *,
    later_only: bool = False,
) -> list[int]:
    """Write opinions of one strip; returns the ids of those that were written.

    later_only: leave what is there already, unless the new one of its kind is later.
    """
    wanted = pictures(shown)
    # Packed before the transaction, for other windows can keep nothing while it lasts.
    packed = {
        sha256: encode_png(pixels)
        for sha256, pixels in wanted.items()
        if not image_path(images, sha256).exists()
    }
    changing: Path | None = None
    try:
        # Files are written within the transaction too: no withdrawal or sweep comes in between.
        with transaction(connection):
            missing = [sha256 for sha256 in wanted if not image_path(images, sha256).exists()]
            if missing:
                changing = list_changing(images, missing)
            for sha256 in missing:
                keep_png(images, sha256, packed.get(sha256) or encode_png(wanted[sha256]))
            first = min(one.recorded_at for one in opinions)
            key = _insert_presentation(connection, presentation_rows(shown), first)
            written = [_insert_opinion(connection, key, one, later_only) for one in opinions]
    except BaseException:
        if changing is not None:
            with suppress(OSError, sqlite3.Error):  # the next start tries again
                remove_unused(connection, images, changing)
        raise
    if changing is not None:
        with suppress(OSError):
            changing.unlink()
    return [record_id for record_id in written if record_id is not None]


def keep_all(
    connection: sqlite3.Connection, images: Path, strips: Iterable[StoredPresentation]
) -> int:
    """Write what is new of many strips, later opinions over earlier ones; returns how many.

    All of them or, when anything goes wrong, none. The pictures are written before the transaction,
    for other windows can keep nothing while it lasts.
    """
    lists: list[Path] = []
    prepared = []
    try:
        for strip in strips:
            if not strip.opinions:
                continue
            for one in strip.opinions:
                check_opinion(strip.presentation, one.opinion)
            wanted = pictures(strip.presentation)
            missing = [sha256 for sha256 in wanted if not image_path(images, sha256).exists()]
            if missing:
                lists.append(list_changing(images, missing))
            for sha256 in missing:
                keep_image(images, sha256, wanted[sha256])
            prepared.append((presentation_rows(strip.presentation), list(wanted), strip.opinions))
        count = 0
        with transaction(connection):
            for rows, hashes, opinions in prepared:
                if not all(image_path(images, sha256).exists() for sha256 in hashes):
                    raise OSError("another window removed pictures meanwhile; try again")
                key = _insert_presentation(connection, rows, min(o.recorded_at for o in opinions))
                ids = [_insert_opinion(connection, key, one, True) for one in opinions]
                count += sum(record_id is not None for record_id in ids)
    except BaseException:
        for changing in lists:
            with suppress(OSError, sqlite3.Error):  # the next start tries again
                remove_unused(connection, images, changing)
        raise
    for changing in lists:
        with suppress(OSError):
            changing.unlink()
    return count


def forget(
    connection: sqlite3.Connection, images: Path, condition: str, value: object
) -> tuple[int, str | None]:
    """Delete the records that a condition on `signal JOIN presentation` with one parameter names.

    Strips without any record left go with their pictures. Returns how many records went, and when
    the first of their strips was recorded.
    """
    changing: Path | None = None
    with transaction(connection):
        rows = connection.execute(
            f"""SELECT signal.id, presentation.id, presentation.recorded_at
            FROM signal JOIN presentation ON presentation.id = presentation_id WHERE {condition}""",
            (value,),
        ).fetchall()
        connection.executemany("DELETE FROM signal WHERE id = ?", [row[:1] for row in rows])
        emptied = [key for key in {row[1] for row in rows} if not _has_records(connection, key)]
        if emptied:
            hashes = {one for key in emptied for one in picture_hashes(connection, key)}
            changing = list_changing(images, hashes)
        connection.executemany("DELETE FROM presentation WHERE id = ?", [(key,) for key in emptied])
    # After the rows: a crash in between leaves spare files that are listed, never a lost one.
    if changing is not None:
        remove_unused(connection, images, changing)
    return len(rows), min((row[2] for row in rows), default=None)


def _insert_presentation(
    connection: sqlite3.Connection,
    rows: tuple[dict[str, Any], list[dict[str, Any]]],
    recorded_at: str,
) -> int:
    """The key of the presentation, which is written unless it is there already."""
    row, candidates = rows
    known = connection.execute(
        "SELECT id FROM presentation WHERE digest = ?", (row["digest"],)
    ).fetchone()
    if known is not None:
        return int(known[0])
    key = _insert(connection, "presentation", {**row, "recorded_at": recorded_at})
    for candidate in candidates:
        _insert(connection, "candidate", {"presentation_id": key, **candidate})
    return key


def _insert_opinion(
    connection: sqlite3.Connection, key: int, stored: StoredOpinion, later_only: bool
) -> int | None:
    """The record's id; None when it was left out because of `later_only`."""
    row = {
        "presentation_id": key,
        **opinion_row(stored.opinion),
        "recorded_at": stored.recorded_at,
    }
    written = connection.execute(
        f"""INSERT INTO signal ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})
        ON CONFLICT (presentation_id, ifnull(seed, 0), kind, person) DO UPDATE SET
            signal = excluded.signal, ranking = excluded.ranking, rating = excluded.rating,
            reasons = excluded.reasons, recorded_at = excluded.recorded_at
            {"WHERE excluded.recorded_at > signal.recorded_at" if later_only else ""}
        RETURNING id""",
        tuple(row.values()),
    ).fetchall()
    return int(written[0][0]) if written else None


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    cursor = connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())
    )
    return int(cursor.lastrowid or 0)


def _has_records(connection: sqlite3.Connection, key: int) -> bool:
    query = "SELECT 1 FROM signal WHERE presentation_id = ?"
    return connection.execute(query, (key,)).fetchone() is not None
