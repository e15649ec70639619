"""Pictures that no row names are removed, also after a kill in the middle of a change.

A change to the database first lists the pictures that it may leave unused in a small file, and
removes that file when it is over. One that still lies there tells what a killed process left. All
of it happens while the database is locked for writing, so that nobody else is writing pictures.
"""

import shutil
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path

from training.preferences.database import transaction
from training.preferences.images import HASH, image_path

_LISTS = "changing-*.txt"
_UNFINISHED = ".prefpaint-*.tmp"


def list_changing(images: Path, hashes: Iterable[str]) -> Path:
    """Say on disk which pictures a transaction that has begun may leave unused."""
    images.mkdir(exist_ok=True)
    path = images / _LISTS.replace("*", uuid.uuid4().hex)
    path.write_text("\n".join(hashes))
    return path


def remove_unused(connection: sqlite3.Connection, images: Path, changing: Path) -> None:
    """Remove those pictures of such a list that no row names, then the list."""
    with transaction(connection):
        if not changing.exists():  # another window has done it
            return
        for sha256 in changing.read_text().split():
            path = image_path(images, sha256)
            if not _is_used(connection, sha256):
                path.unlink(missing_ok=True)
            _remove_unfinished(path.parent)
        changing.unlink()


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
            for path in folder.glob("*.png"):
                if not _is_used(connection, path.stem):
                    path.unlink(missing_ok=True)
                    removed += 1
    remove_left_by_kills(connection, images)
    return removed


def drop_photos(connection: sqlite3.Connection, images: Path) -> int:
    """Remove the whole photos that are kept, but not one that is a region too; returns how many."""
    removed = 0
    with transaction(connection):
        for sha256 in whole_photos(connection, images):
            if not _is_shown(connection, sha256):
                image_path(images, sha256).unlink(missing_ok=True)
                removed += 1
    return removed


def whole_photos(connection: sqlite3.Connection, images: Path) -> list[str]:
    """Hashes of the photos that are kept whole."""
    rows = connection.execute("SELECT DISTINCT photo_sha256 FROM presentation")
    hashes = [sha256 for (sha256,) in rows if HASH.fullmatch(sha256)]
    return [sha256 for sha256 in hashes if image_path(images, sha256).exists()]


def remove_all(images: Path) -> None:
    """Remove every picture; to be called within a transaction that leaves no rows."""
    if images.exists():
        shutil.rmtree(images)


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
