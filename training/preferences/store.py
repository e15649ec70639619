"""Preferences as they are collected: a record at once for everything that a person says."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from training.errors import PrefPaintError
from training.preferences import reading
from training.preferences.database import (
    BACKUPS,
    BROKEN,
    SUSPECT,
    empty_tables,
    is_damage,
    open_database,
    transaction,
    utc_now,
)
from training.preferences.images import Picture, image_path, load_image
from training.preferences.reading import Statistics
from training.preferences.records import (
    EVERYTHING,
    Filter,
    JudgedStrip,
    Opinion,
    Presentation,
    StoredOpinion,
    StoredPresentation,
    ToldStrip,
)
from training.preferences.rows import check_opinion
from training.preferences.sweep import (
    drop_photos,
    remove_all,
    remove_left_by_kills,
    sweep,
    whole_photos,
)
from training.preferences.tally import Tally, tally_of
from training.preferences.writing import forget, keep, keep_all


class PreferenceStore:
    """SQLite in a folder, with the pictures beside it under the hash of their pixels.

    May be used from any one thread at a time. An acknowledged record outlives the process.
    notice: one sentence for the person when a broken database was set aside, else None.
    """

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`, or begin one. Raises PrefPaintError when it cannot."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PrefPaintError(
                f"The folder {folder} for preferences cannot be made ({error.strerror}). "
                "Make the folder above it writable."
            ) from error
        self.folder = folder
        self._images = folder / "images"
        self._connection, self.notice = open_database(folder)
        with suppress(OSError, sqlite3.Error):  # the next start tries again
            remove_left_by_kills(self._connection, self._images)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        self._connection.close()

    def record(
        self, presentation: Presentation, opinion: Opinion, recorded_at: str | None = None
    ) -> int:
        """Keep what a person said, with everything that was on screen.

        Returns the record's id once it is on disk. It replaces the same person's earlier opinion of
        the same kind: the thumb, acceptance or rating of that candidate; the order, refusal or skip
        of that strip. recorded_at: UTC, ISO 8601, now if None. Raises PrefPaintError, with nothing
        kept, when the disk is full or not writable; ValueError for no opinion of this strip.
        """
        stored = StoredOpinion(0, opinion, recorded_at or utc_now())
        (record_id,) = self._keep(presentation, [stored])
        return record_id

    def add(self, stored: StoredPresentation) -> int:
        """Keep opinions from elsewhere; of two of one kind the later stays.

        Returns how many were new, without those that are here already. Raises as `record` does.
        """
        return len(self._keep(stored.presentation, stored.opinions, later_only=True))

    def add_all(self, strips: Iterable[StoredPresentation]) -> int:
        """As `add`, for all of the strips or, when anything goes wrong, for none of them.

        What `strips` raises passes through.
        """
        with self._errors("be kept"):
            return keep_all(self._connection, self._images, strips)

    def withdraw(self, record_id: int) -> None:
        """Forget a record; with the last one of a strip, its candidates and pictures go too."""
        self._forget("signal.id = ?", record_id)

    def delete_photo(self, photo_sha256: str) -> int:
        """Forget all that was said of fills of one photo; returns how many records that was."""
        return self._forget("photo_sha256 = ?", photo_sha256)

    def delete_all(self) -> int:
        """Forget everything, also what older or broken databases keep; returns the records."""
        with self._errors("be deleted"):
            # Not overwritten row by row: VACUUM leaves nothing of them in the file.
            self._connection.execute("PRAGMA secure_delete = OFF")
            try:
                with transaction(self._connection):
                    # Pictures first: if this breaks off, it is plain that it must be done again.
                    remove_all(self._images)
                    (count,) = self._connection.execute("SELECT count(*) FROM signal").fetchone()
                    empty_tables(self._connection)
                for pattern in (BACKUPS, BROKEN):
                    for path in self.folder.glob(pattern):
                        path.unlink()
                self._connection.execute("VACUUM")
            finally:
                self._connection.execute("PRAGMA secure_delete = ON")
            self._empty_log()
        return int(count)

    def sweep(self) -> int:
        """Remove files among the pictures that no record names; returns how many.

        While a broken database lies beside, its pictures are kept and nothing is removed.
        """
        if any(self.folder.glob(BROKEN)):
            return 0
        with self._errors("be swept"):
            return sweep(self._connection, self._images)

    def statistics(self) -> Statistics:
        """Count what is kept."""
        with self._errors("be counted"):
            return reading.statistics(self._connection)

    def data_version(self) -> int:
        """A number that changes when another window or command writes, not by one's own writing."""
        with self._errors("be read"):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def tally(self, which: Filter = EVERYTHING) -> Tally:
        """Count what the filter lets through, by signal, model and person."""
        with self._errors("be counted"):
            return tally_of(self._connection, which)

    def persons(self) -> list[str]:
        """Everybody who gave an opinion that is kept, by name."""
        with self._errors("be read"):
            return reading.persons(self._connection)

    def records(self) -> list[tuple[str, StoredOpinion]]:
        """Every record with the hash of its photo, oldest first."""
        with self._errors("be read"):
            return reading.records(self._connection)

    def presentation_ids(self, which: Filter = EVERYTHING) -> list[int]:
        """Keys for `read`, oldest first: strips with an opinion that the filter lets through."""
        with self._errors("be read"):
            return reading.presentation_ids(self._connection, which)

    def same_cards(self) -> list[list[int]]:
        """Keys of strips that show the same candidates, in whatever order; oldest first."""
        with self._errors("be read"):
            return reading.same_cards(self._connection)

    def read(self, presentation_id: int, which: Filter = EVERYTHING) -> StoredPresentation:
        """Everything about one strip, with the opinions that the filter lets through.

        Raises PrefPaintError when the strip or a picture of it is gone.
        """
        with self._errors("be read"):
            strip = reading.presentation(self._connection, self._images, presentation_id, which)
        if strip is None:
            raise PrefPaintError(f"A strip in {self.folder} was deleted meanwhile. Try again.")
        return strip

    def whole_photos(self) -> list[str]:
        """Hashes of the photos that are kept whole."""
        with self._errors("be read"):
            return whole_photos(self._connection, self._images)

    def photo(self, photo_sha256: str) -> Picture:
        """A photo that is kept whole. Raises PrefPaintError when it is gone or altered."""
        with self._errors("be read"):
            return load_image(self._images, photo_sha256)

    def photo_file(self, photo_sha256: str) -> Path:
        """The PNG of a photo that is kept whole."""
        return image_path(self._images, photo_sha256)

    def drop_photos(self) -> int:
        """Remove the whole photos and keep what was said of them; returns how many went."""
        with self._errors("be deleted"):
            return drop_photos(self._connection, self._images)

    def judged_strips(
        self, person: str, reward_model: str, since: str | None = None
    ) -> list[JudgedStrip]:
        """What this person said of strips that this reward model saw, without their pictures.

        since: opinions from then on, UTC, ISO 8601; None for all. Oldest strip first. Candidates
        without features are left out, and strips of only such.
        """
        with self._errors("be read"):
            return list(reading.judged_strips(self._connection, person, reward_model, since or ""))

    def told_strips(self) -> list[ToldStrip]:
        """What everybody said of every strip, without pictures and features, oldest strip first."""
        with self._errors("be read"):
            return reading.told_strips(self._connection)

    def collection_opinions(
        self, collection: str, person: str | None = None
    ) -> dict[str, tuple[StoredOpinion, ...]]:
        """What was said on the rating screen: item to opinions, in the order of their ids."""
        with self._errors("be read"):
            return reading.collection_opinions(self._connection, collection, person)

    def _keep(
        self,
        presentation: Presentation,
        opinions: Sequence[StoredOpinion],
        *,
        later_only: bool = False,
    ) -> list[int]:
        """Ids of the records that were written."""
        for stored in opinions:
            check_opinion(presentation, stored.opinion)
        if not opinions:
            return []
        with self._errors("be kept"):
            return keep(
                self._connection, self._images, presentation, opinions, later_only=later_only
            )

    def _forget(self, condition: str, value: object) -> int:
        """Delete records with all their traces on disk; returns how many."""
        with self._errors("be deleted"):
            count, oldest = forget(self._connection, self._images, condition, value)
            if oldest is not None:
                # A backup that may know these records would keep what was to be forgotten.
                for backup in self.folder.glob(BACKUPS):
                    made = datetime.fromtimestamp(backup.stat().st_mtime, UTC)
                    if made.isoformat() >= oldest:
                        backup.unlink()
                self._empty_log()
        return count

    def _empty_log(self) -> None:
        """Write the log into the database file and empty it: it still holds deleted rows.

        While another window reads, that is left to the next one.
        """
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _errors(self, what_could_not: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if is_damage(error):
                with suppress(OSError):
                    (self.folder / SUSPECT).touch()
                raise PrefPaintError(
                    f"The preference database in {self.folder} is damaged: preferences could not "
                    f"{what_could_not}. Start PrefPaint again; it sets the database aside."
                ) from error
            raise PrefPaintError(
                f"Preferences in {self.folder} could not {what_could_not} ({error}). "
                "Free some space and check that the folder is writable."
            ) from error
