"""Preferences as they are collected: a record at once for every thumb and every accept."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from training.errors import PrefPaintError
from training.inpainting.request import Box
from training.preferences.database import open_database, transaction, utc_now
from training.preferences.images import (
    Picture,
    image_path,
    keep_image,
    load_image,
    pixel_hash,
)
from training.preferences.records import Presentation, ShownCandidate, Signal


@dataclass(frozen=True)
class Statistics:
    """Counts over everything kept. Times are UTC, ISO 8601, None when there is no record.

    presentations: strips of candidates on which the person said something.
    accepts_of_first: accepted fills that the reward model had put first.
    """

    presentations: int
    photos: int
    candidates: int
    ups: int
    downs: int
    accepts: int
    accepts_of_first: int
    first: str | None
    last: str | None


@dataclass(frozen=True)
class StoredSignal:
    """What the person said of the candidate with this seed, and when (UTC, ISO 8601)."""

    record_id: int
    seed: int
    signal: Signal
    recorded_at: str


@dataclass(frozen=True, eq=False)
class StoredPresentation:
    """A strip of candidates read back. digest: hash of everything shown, the strip's name."""

    digest: str
    presentation: Presentation
    signals: tuple[StoredSignal, ...]


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

    def record(self, presentation: Presentation, seed: int, signal: Signal) -> int:
        """Keep what the person said of one candidate, with everything that was on screen.

        Returns the record's id once it is on disk. A thumb replaces the earlier thumb on the same
        candidate. Raises PrefPaintError, with nothing kept, when the disk is full or not writable.
        """
        if seed not in {candidate.seed for candidate in presentation.candidates}:
            raise ValueError(f"seed {seed} was not shown")
        pictures = _pictures(presentation)
        with self._errors("be kept"), transaction(self._connection):
            # Within the transaction, so that no withdrawal removes them before the row is in.
            for sha256, pixels in pictures.items():
                keep_image(self._images, sha256, pixels)
            key = self._insert_presentation(presentation)
            row = self._connection.execute(
                """INSERT INTO signal (presentation_id, seed, signal, recorded_at)
                VALUES (?, ?, ?, ?) ON CONFLICT (presentation_id, seed, kind)
                DO UPDATE SET signal = excluded.signal, recorded_at = excluded.recorded_at
                RETURNING id""",
                (key, seed, signal, utc_now()),
            ).fetchone()
        return int(row[0])

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
            row = self._connection.execute(
                """SELECT (SELECT count(*) FROM presentation),
                    (SELECT count(DISTINCT photo_sha256) FROM presentation),
                    (SELECT count(*) FROM candidate),
                    count(*) FILTER (WHERE signal = 'up'),
                    count(*) FILTER (WHERE signal = 'down'),
                    count(*) FILTER (WHERE signal = 'accept'),
                    count(*) FILTER (WHERE signal = 'accept' AND rank = 1),
                    min(recorded_at), max(recorded_at)
                FROM signal JOIN candidate USING (presentation_id, seed)"""
            ).fetchone()
        return Statistics(*row)

    def presentation_ids(self) -> list[int]:
        """Keys for `read`, oldest first."""
        with self._errors("be read"):
            rows = self._connection.execute("SELECT id FROM presentation ORDER BY id").fetchall()
        return [int(key) for (key,) in rows]

    def read(self, presentation_id: int) -> StoredPresentation:
        """Everything about one strip. Raises PrefPaintError when a picture of it is gone."""
        with self._errors("be read"):
            row = self._connection.execute(
                """SELECT digest, photo_sha256, box_top, box_left, box_height, box_width,
                    image_sha256, hole_sha256, prompt, reward_model
                FROM presentation WHERE id = ?""",
                (presentation_id,),
            ).fetchone()
            candidates = self._connection.execute(
                """SELECT rank, seed, model, pixels_sha256, reward, trust, features
                FROM candidate WHERE presentation_id = ? ORDER BY rank, seed""",
                (presentation_id,),
            ).fetchall()
            signals = self._connection.execute(
                """SELECT id, seed, signal, recorded_at FROM signal
                WHERE presentation_id = ? ORDER BY id""",
                (presentation_id,),
            ).fetchall()
            presentation = Presentation(
                photo_sha256=row[1],
                box=Box(*row[2:6]),
                image=load_image(self._images, row[6]),
                hole=load_image(self._images, row[7]) > 0,
                prompt=row[8],
                reward_model=row[9],
                candidates=tuple(self._shown(values) for values in candidates),
            )
        return StoredPresentation(
            row[0], presentation, tuple(StoredSignal(*values) for values in signals)
        )

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

    def _insert_presentation(self, shown: Presentation) -> int:
        """The key of the presentation, which is written unless it is there already."""
        row = _presentation_row(shown)
        known = self._connection.execute(
            "SELECT id FROM presentation WHERE digest = ?", (row["digest"],)
        ).fetchone()
        if known is not None:
            return int(known[0])
        key = self._insert("presentation", row)
        for candidate in shown.candidates:
            self._insert(
                "candidate",
                {
                    "presentation_id": key,
                    "seed": int(candidate.seed),
                    "rank": int(candidate.rank),
                    "model": candidate.model,
                    "pixels_sha256": pixel_hash(candidate.pixels),
                    "reward": float(candidate.reward),
                    "trust": float(candidate.trust),
                    "features": candidate.features.astype(np.float32).tobytes(),
                },
            )
        return key

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


def _hole_picture(presentation: Presentation) -> Picture:
    return np.where(presentation.hole, 255, 0).astype(np.uint8)


def _pictures(presentation: Presentation) -> dict[str, Picture]:
    """Every picture of a presentation by its hash."""
    fills = [candidate.pixels for candidate in presentation.candidates]
    pictures = [presentation.image, _hole_picture(presentation), *fills]
    return {pixel_hash(pixels): pixels for pixels in pictures}


def _presentation_row(shown: Presentation) -> dict[str, Any]:
    """A row of the presentation table. Its digest leaves out the time: it names what was shown."""
    row: dict[str, Any] = {
        "photo_sha256": shown.photo_sha256,
        "box_top": shown.box.top,
        "box_left": shown.box.left,
        "box_height": shown.box.height,
        "box_width": shown.box.width,
        "image_sha256": pixel_hash(shown.image),
        "hole_sha256": pixel_hash(_hole_picture(shown)),
        "prompt": shown.prompt,
        "reward_model": shown.reward_model,
    }
    candidates = [
        (int(one.rank), int(one.seed), one.model, pixel_hash(one.pixels), float(one.reward))
        for one in shown.candidates
    ]
    digest = hashlib.sha256(json.dumps([row, candidates], sort_keys=True).encode()).hexdigest()
    return {"digest": digest, **row, "recorded_at": utc_now()}
