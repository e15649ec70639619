"""Preferences as they are collected: a record at once for everything that a person says."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import numpy as np

from training.errors import PrefPaintError
from training.inpainting.request import Box
from training.preferences.database import open_database, transaction, utc_now
from training.preferences.images import image_path, keep_image, load_image
from training.preferences.records import (
    EVERYTHING,
    Filter,
    JudgedStrip,
    Opinion,
    Presentation,
    ShownCandidate,
    StoredOpinion,
    StoredPresentation,
    ToldStrip,
)
from training.preferences.rows import (
    OPINION_COLUMNS,
    check_opinion,
    conditions,
    opinion_row,
    pictures,
    presentation_rows,
    stored_opinion,
)


@dataclass(frozen=True)
class Statistics:
    """Counts over everything kept. Times are UTC, ISO 8601, None when there is no record.

    presentations: strips of candidates on which a person said something.
    accepts_of_first: accepted fills that stood first on the strip.
    """

    presentations: int
    photos: int
    candidates: int
    ups: int
    downs: int
    accepts: int
    orders: int
    nones: int
    ratings: int
    skips: int
    accepts_of_first: int
    first: str | None
    last: str | None


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
        shown = pictures(presentation)
        with self._errors("be kept"), transaction(self._connection):
            # Within the transaction, so that no withdrawal removes them before the row is in.
            for sha256, pixels in shown.items():
                keep_image(self._images, sha256, pixels)
            first = min(stored.recorded_at for stored in opinions)
            key = self._insert_presentation(presentation, first)
            return [
                record_id
                for stored in opinions
                for record_id in self._insert_opinion(key, stored, later_only)
            ]

    def withdraw(self, record_id: int) -> None:
        """Forget a record; with the last one of a strip, its candidates and pictures go too."""
        with self._errors("be withdrawn"):
            with transaction(self._connection):
                row = self._connection.execute(
                    "DELETE FROM signal WHERE id = ? RETURNING presentation_id", (record_id,)
                ).fetchone()
                if row is None or self._has_signals(row[0]):
                    return
                hashes = self._picture_hashes(row[0])
                self._connection.execute("DELETE FROM presentation WHERE id = ?", row)
            # A transaction of its own: a crash in between leaves a spare file, never a lost one.
            with transaction(self._connection):
                for sha256 in hashes:
                    if not self._is_used(sha256):
                        image_path(self._images, sha256).unlink(missing_ok=True)

    def statistics(self) -> Statistics:
        """Count what is kept."""
        with self._errors("be counted"):
            counts = dict(
                self._connection.execute("SELECT what, sum(count) FROM tally GROUP BY what")
            )
            first, last = self._connection.execute(
                """SELECT (SELECT min(recorded_at) FROM signal),
                    (SELECT max(recorded_at) FROM signal)"""
            ).fetchone()
        return Statistics(
            presentations=counts["presentation"],
            photos=counts["photo"],
            candidates=counts["candidate"],
            ups=counts.get("up", 0),
            downs=counts.get("down", 0),
            accepts=counts.get("accept", 0),
            orders=counts.get("order", 0),
            nones=counts.get("none", 0),
            ratings=counts.get("rating", 0),
            skips=counts.get("skip", 0),
            accepts_of_first=counts.get("accept of first", 0),
            first=first,
            last=last,
        )

    def persons(self) -> list[str]:
        """Everybody who gave an opinion that is kept, by name."""
        rows = self._rows(
            "SELECT DISTINCT person FROM tally WHERE person <> '' AND count > 0 ORDER BY person"
        )
        return [str(person) for (person,) in rows]

    def presentation_ids(self, which: Filter = EVERYTHING) -> list[int]:
        """Keys for `read`, oldest first: strips with an opinion that the filter lets through."""
        condition, values = conditions(which)
        rows = self._rows(
            f"""SELECT DISTINCT presentation.id
            FROM signal JOIN presentation ON presentation.id = presentation_id
            WHERE {condition} ORDER BY presentation.id""",
            *values,
        )
        return [int(key) for (key,) in rows]

    def read(self, presentation_id: int, which: Filter = EVERYTHING) -> StoredPresentation:
        """Everything about one strip, with the opinions that the filter lets through.

        Raises PrefPaintError when the strip or a picture of it is gone.
        """
        condition, values = conditions(which)
        with self._errors("be read"):
            row = self._connection.execute(
                """SELECT digest, photo_sha256, box_top, box_left, box_height, box_width,
                    image_sha256, hole_sha256, prompt, reward_model, collection, item
                FROM presentation WHERE id = ?""",
                (presentation_id,),
            ).fetchone()
            if row is None:
                raise PrefPaintError(f"A strip in {self.folder} was deleted meanwhile. Try again.")
            candidates = self._connection.execute(
                """SELECT rank, seed, model, pixels_sha256, reward, trust, features
                FROM candidate WHERE presentation_id = ? ORDER BY rank, seed""",
                (presentation_id,),
            ).fetchall()
            opinions = self._connection.execute(
                f"""SELECT {OPINION_COLUMNS}
                FROM signal JOIN presentation ON presentation.id = presentation_id
                WHERE presentation.id = ? AND {condition} ORDER BY signal.id""",
                (presentation_id, *values),
            ).fetchall()
            presentation = Presentation(
                photo_sha256=row[1],
                box=Box(*row[2:6]),
                image=load_image(self._images, row[6]),
                hole=load_image(self._images, row[7]) > 0,
                prompt=row[8],
                reward_model=row[9],
                candidates=tuple(self._shown(values) for values in candidates),
                collection=row[10],
                item=row[11],
            )
        return StoredPresentation(row[0], presentation, tuple(map(stored_opinion, opinions)))

    def judged_strips(self, person: str, reward_model: str) -> list[JudgedStrip]:
        """What this person said of strips that this reward model saw, without their pictures.

        Oldest strip first. Candidates without features are left out, and strips of only such.
        """
        opinions: dict[int, list[Opinion]] = {}
        for key, *columns in self._rows(
            f"""SELECT presentation_id, {OPINION_COLUMNS}
            FROM signal JOIN presentation ON presentation.id = presentation_id
            WHERE person = ? AND reward_model = ?
            ORDER BY signal.recorded_at, signal.id""",
            person,
            reward_model,
        ):
            opinions.setdefault(key, []).append(stored_opinion(tuple(columns)).opinion)
        candidates = self._rows(
            """SELECT presentation.id, digest, seed, reward, features
            FROM presentation JOIN candidate ON presentation.id = presentation_id
            WHERE presentation.id IN (SELECT presentation_id FROM signal WHERE person = ?)
                AND reward_model = ? AND reward IS NOT NULL AND length(features) > 0
            ORDER BY presentation.id, rank, seed""",
            person,
            reward_model,
        )
        return [
            _judged_strip(list(rows), opinions[key])
            for key, rows in groupby(candidates, itemgetter(0))
            if key in opinions
        ]

    def told_strips(self) -> list[ToldStrip]:
        """What everybody said of every strip, without pictures and features, oldest strip first."""
        seeds: dict[int, list[int]] = {}
        for key, seed in self._rows("SELECT presentation_id, seed FROM candidate ORDER BY 1, rank"):
            seeds.setdefault(key, []).append(seed)
        rows = self._rows(
            f"""SELECT presentation.id, photo_sha256, {OPINION_COLUMNS}
            FROM presentation JOIN signal ON presentation.id = presentation_id
            ORDER BY presentation.id, signal.id"""
        )
        strips = []
        for key, group in groupby(rows, itemgetter(0)):
            said = list(group)
            opinions = tuple(stored_opinion(row[2:]).opinion for row in said)
            strips.append(ToldStrip(said[0][1], tuple(seeds.get(key, ())), opinions))
        return strips

    def collection_opinions(
        self, collection: str, person: str | None = None
    ) -> dict[str, tuple[StoredOpinion, ...]]:
        """What was said on the rating screen: item to opinions, in the order of their ids."""
        rows = self._rows(
            f"""SELECT item, {OPINION_COLUMNS}
            FROM presentation JOIN signal ON presentation.id = presentation_id
            WHERE collection = ? AND collection <> '' AND (? IS NULL OR person = ?)
            ORDER BY signal.id""",
            collection,
            person,
            person,
        )
        said: dict[str, list[StoredOpinion]] = {}
        for item, *columns in rows:
            said.setdefault(item, []).append(stored_opinion(tuple(columns)))
        return {item: tuple(opinions) for item, opinions in said.items()}

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._errors("be read"):
            return self._connection.execute(query, values).fetchall()

    def _shown(self, row: tuple[Any, ...]) -> ShownCandidate:
        rank, seed, model, sha256, reward, trust, features = row
        return ShownCandidate(
            rank=rank,
            seed=seed,
            model=model,
            pixels=load_image(self._images, sha256),
            reward=reward,
            trust=trust,
            features=np.frombuffer(features, np.float32),
        )

    def _insert_presentation(self, shown: Presentation, recorded_at: str) -> int:
        """The key of the presentation, which is written unless it is there already."""
        row, candidates = presentation_rows(shown)
        known = self._connection.execute(
            "SELECT id FROM presentation WHERE digest = ?", (row["digest"],)
        ).fetchone()
        if known is not None:
            return int(known[0])
        key = self._insert("presentation", {**row, "recorded_at": recorded_at})
        for candidate in candidates:
            self._insert("candidate", {"presentation_id": key, **candidate})
        return key

    def _insert_opinion(self, key: int, stored: StoredOpinion, later_only: bool) -> list[int]:
        """The record's id; none when `later_only` and what is there is as late."""
        row = {
            "presentation_id": key,
            **opinion_row(stored.opinion),
            "recorded_at": stored.recorded_at,
        }
        condition = "WHERE excluded.recorded_at > signal.recorded_at" if later_only else ""
        rows = self._connection.execute(
            f"""INSERT INTO signal ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})
            ON CONFLICT (presentation_id, ifnull(seed, 0), kind, person) DO UPDATE SET
                signal = excluded.signal, ranking = excluded.ranking, rating = excluded.rating,
                reasons = excluded.reasons, recorded_at = excluded.recorded_at
            {condition} RETURNING id""",
            tuple(row.values()),
        ).fetchall()
        return [int(record_id) for (record_id,) in rows]

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        cursor = self._connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())
        )
        return int(cursor.lastrowid or 0)

    def _has_signals(self, key: int) -> bool:
        query = "SELECT 1 FROM signal WHERE presentation_id = ?"
        return self._connection.execute(query, (key,)).fetchone() is not None

    def _picture_hashes(self, key: int) -> list[str]:
        rows = self._connection.execute(
            """SELECT image_sha256 FROM presentation WHERE id = :key
            UNION SELECT hole_sha256 FROM presentation WHERE id = :key
            UNION SELECT pixels_sha256 FROM candidate WHERE presentation_id = :key""",
            {"key": key},
        )
        return [sha256 for (sha256,) in rows]

    def _is_used(self, sha256: str) -> bool:
        row = self._connection.execute(
            """SELECT EXISTS (SELECT 1 FROM presentation WHERE image_sha256 = :hash)
            OR EXISTS (SELECT 1 FROM presentation WHERE hole_sha256 = :hash)
            OR EXISTS (SELECT 1 FROM candidate WHERE pixels_sha256 = :hash)""",
            {"hash": sha256},
        ).fetchone()
        return bool(row[0])

    @contextmanager
    def _errors(self, what_could_not: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise PrefPaintError(
                f"Preferences in {self.folder} could not {what_could_not} ({error}). "
                "Free some space and check that the folder is writable."
            ) from error


def _judged_strip(rows: list[tuple[Any, ...]], opinions: list[Opinion]) -> JudgedStrip:
    """rows: key, digest, seed, reward and features of each candidate."""
    return JudgedStrip(
        digest=rows[0][1],
        seeds=tuple(row[2] for row in rows),
        rewards=np.array([row[3] for row in rows], np.float64),
        features=np.stack([np.frombuffer(row[4], np.float32) for row in rows]),
        opinions=tuple(opinions),
    )
