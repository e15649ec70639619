"""The preference database: its tables, and how it is opened, checked and set aside when broken."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from training.errors import PrefPaintError

FILE_NAME = "preferences.sqlite3"
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10.0
"""How long a write waits for another window that is writing."""

_SCHEMA = (
    # digest: hash of all that was shown, so that a second thumb on one strip finds the first's.
    """CREATE TABLE presentation (
        id INTEGER PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        photo_sha256 TEXT NOT NULL,
        box_top INTEGER NOT NULL,
        box_left INTEGER NOT NULL,
        box_height INTEGER NOT NULL,
        box_width INTEGER NOT NULL,
        image_sha256 TEXT NOT NULL,
        hole_sha256 TEXT NOT NULL,
        prompt TEXT NOT NULL,
        reward_model TEXT NOT NULL,
        recorded_at TEXT NOT NULL
    )""",
    """CREATE TABLE candidate (
        presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
        seed INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        model TEXT NOT NULL,
        pixels_sha256 TEXT NOT NULL,
        reward REAL NOT NULL,
        trust REAL NOT NULL,
        features BLOB NOT NULL,
        PRIMARY KEY (presentation_id, seed)
    )""",
    # kind: a candidate has at most one thumb and one acceptance; a new thumb replaces the old one.
    # AUTOINCREMENT: the id of a withdrawn record never comes back for another one.
    """CREATE TABLE signal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        presentation_id INTEGER NOT NULL,
        seed INTEGER NOT NULL,
        signal TEXT NOT NULL CHECK (signal IN ('up', 'down', 'accept')),
        kind TEXT NOT NULL GENERATED ALWAYS AS
            (CASE signal WHEN 'accept' THEN 'accept' ELSE 'thumb' END) STORED,
        recorded_at TEXT NOT NULL,
        UNIQUE (presentation_id, seed, kind),
        FOREIGN KEY (presentation_id, seed)
            REFERENCES candidate(presentation_id, seed) ON DELETE CASCADE
    )""",
    "CREATE INDEX candidate_pixels ON candidate(pixels_sha256)",
    "CREATE INDEX presentation_image ON presentation(image_sha256)",
    "CREATE INDEX presentation_hole ON presentation(hole_sha256)",
)


def open_database(folder: Path) -> tuple[sqlite3.Connection, str | None]:
    """Open or begin the database in an existing folder; also one sentence if one was set aside.

    A broken file is renamed, never deleted. Raises PrefPaintError when the file comes from a newer
    PrefPaint, is held by another program, or the folder cannot be written.
    """
    path = folder / FILE_NAME
    notice = None
    try:
        connection = _connect(path)
        if connection is None:
            aside = _set_aside(path)
            notice = (
                f"The preference database was damaged; it is kept as {aside} "
                "and a new one has begun."
            )
            connection = _connect(path)
        if connection is None:
            raise sqlite3.DatabaseError("a new database is damaged at once")
    except (sqlite3.Error, OSError) as error:
        raise PrefPaintError(
            f"The preference database {path} cannot be opened ({error}). "
            "Make its folder writable or free some space."
        ) from error
    return connection, notice


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything in the block is written, or nothing; other writers wait meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back by itself after some errors, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _connect(path: Path) -> sqlite3.Connection | None:
    """A connection that is ready for use, or None when the file is no sound database."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise PrefPaintError(
                f"{path} was written by a newer PrefPaint (format {version}, this one knows "
                f"{SCHEMA_VERSION}). Update PrefPaint."
            )
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            connection.close()
            return None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _create_tables(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        # Extended codes carry the primary one in their low byte.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_NOTADB,
            sqlite3.SQLITE_CORRUPT,
        ):
            return None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _create_tables(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _set_aside(path: Path) -> Path:
    """Rename a broken database, with what SQLite keeps beside it; returns its new place."""
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
