"""Pictures that no row names are removed, also after a kill in the middle of a change.

A change to the database first lists the pictures that it may leave unused in a small file, and
removes that file when it is over. One that still lies there tells what a killed process left. All
of it happens while the database is locked for writing, so that nobody else is writing pictures.

A process killed in COMMIT may leave a change in SQLite's log that the others do not see, until the
last of them has gone and the next one recovers the log (https://sqlite.org/walformat.html). Hence a
list goes only after a commit that overwrites such a change. A strip that comes back without its
pictures before that goes too: nobody was told that it was kept.
"""

import shutil
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path

from training.preferences.database import transaction
from training.preferences.images import HASH, image_path
from training.preferences.schema import SCHEMA_VERSION

_LISTS = "changing-*.txt"
_UNFINISHED = ".prefpaint-*.tmp"


def list_changing(images: Path, hashes: Iterable[str]) -> Path:
    """Say on disk which pictures a transaction that has begun may leave unused."""
    images.mkdir(exist_ok=True)
    path = images / _LISTS.replace("*", uuid.uuid4().hex)
    path.write_text("\n".join(hashes))
    return path


def remove_unused(
    connection: sqlite3.Connection, images: Path, changing: Path, *, photos_too: bool = False
) -> int:
    """Remove those pictures of such a list that no row names, then the list; returns how many.

    photos_too: also those that rows name as the whole photo alone.
    """
    is_needed = _is_shown if photos_too else _is_used
    removed = 0
    with transaction(connection):
        if not changing.exists():  # another window has done it
            return 0
        for sha256 in _delete_incomplete(connection, images, changing.read_text().split()):
            path = image_path(images, sha256)
            if path.exists() and not is_needed(connection, sha256):
                path.unlink()
                removed += 1
            _remove_unfinished(path.parent)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")  # so that COMMIT writes
    changing.unlink(missing_ok=True)
    return removed


def remove_left_by_kills(connection: sqlite3.Connection, images: Path) -> None:
    """Finish what processes that died were changing."""
    for changing in list(images.glob(_LISTS)):
        remove_unused(connection, images, changing)


def sweep(connection: sqlite3.Connection, images: Path) -> int:
    """Look through all of the folder; returns how many files were removed.

    Other windows can write in between.
    """
    removed = 0
    for folder in sorted(path for path in images.glob("??") if path.is_dir()):
        with transaction(connection):
            removed += _remove_unfinished(folder)
            names = [path.stem for path in folder.glob("*.png")]
            unused = [name for name in names if not _is_used(connection, name)]
            changing = list_changing(images, unused) if unused else None
        if changing is not None:
            removed += remove_unused(connection, images, changing)
    remove_left_by_kills(connection, images)
    return removed


def drop_photos(connection: sqlite3.Connection, images: Path) -> int:
    """Remove the whole photos that are kept, but not one that is a region too; returns how many."""
    with transaction(connection):
        changing = list_changing(images, whole_photos(connection, images))
    return remove_unused(connection, images, changing, photos_too=True)


def whole_photos(connection: sqlite3.Connection, images: Path) -> list[str]:
    """Hashes of the photos that are kept whole."""
    rows = connection.execute("SELECT DISTINCT photo_sha256 FROM presentation")
    hashes = [sha256 for (sha256,) in rows if HASH.fullmatch(sha256)]
    return [sha256 for sha256 in hashes if image_path(images, sha256).exists()]


def remove_all(images: Path) -> None:
    """Remove every picture; to be called within a transaction that leaves no rows."""
    if images.exists():
        shutil.rmtree(images)


def picture_hashes(connection: sqlite3.Connection, presentation_id: int) -> list[str]:
    """What names the pictures of a strip: region, hole, fills and the whole photo."""
    rows = connection.execute(
        """SELECT image_sha256 FROM presentation WHERE id = :key
        UNION SELECT hole_sha256 FROM presentation WHERE id = :key
        UNION SELECT photo_sha256 FROM presentation WHERE id = :key
        UNION SELECT pixels_sha256 FROM candidate WHERE presentation_id = :key""",
        {"key": presentation_id},
    )
    return [sha256 for (sha256,) in rows if HASH.fullmatch(sha256)]


def _delete_incomplete(
    connection: sqlite3.Connection, images: Path, hashes: list[str]
) -> list[str]:
    """Delete strips that show pictures of the list that are gone; the list with their others."""
    concerned = list(hashes)
    for sha256 in hashes:
        if image_path(images, sha256).exists():
            continue
        keys = connection.execute(
            """SELECT id FROM presentation WHERE image_sha256 = :hash OR hole_sha256 = :hash
            UNION SELECT presentation_id FROM candidate WHERE pixels_sha256 = :hash""",
            {"hash": sha256},
        ).fetchall()
        for (key,) in keys:
            concerned += picture_hashes(connection, key)
        connection.executemany("DELETE FROM presentation WHERE id = ?", keys)
    return concerned


def _remove_unfinished(folder: Path) -> int:
    """Remove what `replaced_when_complete` was writing in a process that died."""
    unfinished = list(folder.glob(_UNFINISHED))
    for path in unfinished:
        path.unlink(missing_ok=True)
    return len(unfinished)


def _is_used(connection: sqlite3.Connection, sha256: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM presentation WHERE photo_sha256 = ?)", (sha256,)
    ).fetchone()
    return bool(row[0]) or _is_shown(connection, sha256)


def _is_shown(connection: sqlite3.Connection, sha256: str) -> bool:
    """Whether it is a region, a hole or a fill."""
    row = connection.execute(
        """SELECT EXISTS (SELECT 1 FROM presentation WHERE image_sha256 = :hash)
        OR EXISTS (SELECT 1 FROM presentation WHERE hole_sha256 = :hash)
        OR EXISTS (SELECT 1 FROM candidate WHERE pixels_sha256 = :hash)""",
        {"hash": sha256},
    ).fetchone()
    return bool(row[0])
