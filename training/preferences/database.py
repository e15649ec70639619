"""The preference database: its tables, and how it is opened, checked and set aside when broken."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from training.errors import PrefPaintError
from training.preferences.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION

FILE_NAME = "preferences.sqlite3"
BACKUPS = "preferences-backup-of-format-*.sqlite3"
"""What copies from before a migration are called."""
BROKEN = f"{FILE_NAME}.broken-*"
"""What databases that were set aside are called, with what SQLite keeps beside them."""
SUSPECT = f"{FILE_NAME}.suspect"
"""A file of this name asks the next start to check all of the database."""
CHECKED_WHOLE_BYTES = 64 * 2**20
"""A larger database is not read through at each start: a gigabyte takes seconds, even minutes on a
slow disk. SQLite notices a broken page when it comes to it; then the next start checks everything.
"""
BUSY_TIMEOUT_S = 10.0
"""How long a write waits for another window that is writing."""


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
    _execute_when_free(connection, "BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back by itself after some errors, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _execute_when_free(connection: sqlite3.Connection, statement: str) -> None:
    """Run what needs the lock for writing. OperationalError when others hold it for too long.

    SQLite waits longer from try to try, so that a process that writes without a pause, such as an
    import, would starve a window, and for the change to WAL, which two windows may want at once of
    a new file, it does not wait at all. Short waits again and again find the gaps.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection.execute("PRAGMA busy_timeout = 10")
    try:
        while True:
            try:
                connection.execute(statement)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(1e3 * BUSY_TIMEOUT_S)}")


def empty_tables(connection: sqlite3.Connection) -> None:
    """Within a transaction, make all tables anew, which is faster than a million deletions.

    The old rows are in the file until VACUUM.
    """
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'signal'").fetchone()
    for table in ("signal", "candidate", "presentation", "tally"):
        connection.execute(f"DROP TABLE {table}")
    for statement in SCHEMA:
        connection.execute(statement)
    if row is not None:  # numbers that were given stay given
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('signal', ?)", row)


def is_damage(error: Exception) -> bool:
    """Whether this is SQLite's word for a file that is no sound database."""
    # Extended codes carry the primary one in their low byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _connect(path: Path) -> sqlite3.Connection | None:
    """A connection that is ready for use, or None when the file is no sound database."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise PrefPaintError(
                f"{path} was written by a newer PrefPaint (format {version}, this one knows "
                f"{SCHEMA_VERSION}). Update PrefPaint."
            )
        suspect = path.with_name(SUSPECT)
        if path.stat().st_size <= CHECKED_WHOLE_BYTES or suspect.exists():
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                connection.close()
                return None
            suspect.unlink(missing_ok=True)
        _execute_when_free(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        _bring_up_to_date(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_damage(error):
            return None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or move the records of an older format into today's after a backup."""
    if _version(connection) == SCHEMA_VERSION:
        return
    with transaction(connection):
        version = _version(connection)  # again: another window may have been faster
        if version == SCHEMA_VERSION:
            return
        if version:
            _back_up(path, version)
        for statement in MIGRATIONS[version] if version else SCHEMA:
            connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _back_up(path: Path, version: int) -> None:
    """Copy the database as last committed to a new file beside it."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    backup = path.with_name(BACKUPS.replace("*", f"{version}-{stamp}"))
    for left_by_a_kill in path.parent.glob(".preferences-backup-*.tmp*"):
        left_by_a_kill.unlink()
    unfinished = backup.with_name(f".{backup.name}.tmp")
    try:
        # A connection of its own, because one that writes cannot be copied from.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
        unfinished.rename(backup)
    finally:
        unfinished.unlink(missing_ok=True)


def _set_aside(path: Path) -> Path:
    """Rename a broken database, with what SQLite keeps beside it; returns its new place."""
    aside = path.with_name(BROKEN.replace("*", f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"))
    path.with_name(SUSPECT).unlink(missing_ok=True)
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
