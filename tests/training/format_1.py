"""A preference database as PrefPaint wrote it before there were orders, ratings and persons."""

import hashlib
import json
import sqlite3
from pathlib import Path

import numpy as np

from training.preferences.images import keep_image, pixel_hash
from training.preferences.records import Presentation

_SCHEMA = """
CREATE TABLE presentation (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, photo_sha256 TEXT NOT NULL,
    box_top INTEGER NOT NULL, box_left INTEGER NOT NULL,
    box_height INTEGER NOT NULL, box_width INTEGER NOT NULL,
    image_sha256 TEXT NOT NULL, hole_sha256 TEXT NOT NULL,
    prompt TEXT NOT NULL, reward_model TEXT NOT NULL, recorded_at TEXT NOT NULL
);
CREATE TABLE candidate (
    presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
    seed INTEGER NOT NULL, rank INTEGER NOT NULL, model TEXT NOT NULL,
    pixels_sha256 TEXT NOT NULL, reward REAL NOT NULL, trust REAL NOT NULL,
    features BLOB NOT NULL, PRIMARY KEY (presentation_id, seed)
);
CREATE TABLE signal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    presentation_id INTEGER NOT NULL, seed INTEGER NOT NULL,
    signal TEXT NOT NULL CHECK (signal IN ('up', 'down', 'accept')),
    kind TEXT NOT NULL GENERATED ALWAYS AS
        (CASE signal WHEN 'accept' THEN 'accept' ELSE 'thumb' END) STORED,
    recorded_at TEXT NOT NULL,
    UNIQUE (presentation_id, seed, kind),
    FOREIGN KEY (presentation_id, seed)
        REFERENCES candidate(presentation_id, seed) ON DELETE CASCADE
);
CREATE INDEX candidate_pixels ON candidate(pixels_sha256);
CREATE INDEX presentation_image ON presentation(image_sha256);
CREATE INDEX presentation_hole ON presentation(hole_sha256);
PRAGMA journal_mode = WAL;
PRAGMA user_version = 1;
"""


def write_format_1(
    folder: Path, said: list[tuple[Presentation, int, str, str]], withdrawn: int = 0
) -> None:
    """Write records (strip, seed, signal, time) with the numbers 1, 2, ...

    withdrawn: how many higher numbers were given and taken back.
    """
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "preferences.sqlite3", isolation_level=None)
    connection.executescript(_SCHEMA)
    for shown, seed, signal, time in said:
        key = _strip(connection, folder / "images", shown, time)
        connection.execute(
            "INSERT INTO signal (presentation_id, seed, signal, recorded_at) VALUES (?, ?, ?, ?)",
            (key, seed, signal, time),
        )
    connection.execute("UPDATE sqlite_sequence SET seq = seq + ?", (withdrawn,))
    connection.close()


def _strip(connection: sqlite3.Connection, images: Path, shown: Presentation, time: str) -> int:
    hole = np.where(shown.hole, 255, 0).astype(np.uint8)
    for pixels in (shown.image, hole, *(one.pixels for one in shown.candidates)):
        keep_image(images, pixel_hash(pixels), pixels)
    row = {
        "photo_sha256": shown.photo_sha256,
        "box_top": shown.box.top,
        "box_left": shown.box.left,
        "box_height": shown.box.height,
        "box_width": shown.box.width,
        "image_sha256": pixel_hash(shown.image),
        "hole_sha256": pixel_hash(hole),
        "prompt": shown.prompt,
        "reward_model": shown.reward_model,
    }
    named = [
        (one.rank, one.seed, one.model, pixel_hash(one.pixels), one.reward)
        for one in shown.candidates
    ]
    digest = hashlib.sha256(json.dumps([row, named], sort_keys=True).encode()).hexdigest()
    known = connection.execute("SELECT id FROM presentation WHERE digest = ?", (digest,)).fetchone()
    if known is not None:
        return int(known[0])
    cursor = connection.execute(
        f"INSERT INTO presentation VALUES (NULL, ?{', ?' * len(row)}, ?)",
        (digest, *row.values(), time),
    )
    connection.executemany(
        f"INSERT INTO candidate VALUES ({cursor.lastrowid}, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.seed,
                one.rank,
                one.model,
                pixel_hash(one.pixels),
                one.reward,
                one.trust,
                one.features.tobytes(),
            )
            for one in shown.candidates
        ],
    )
    return int(cursor.lastrowid or 0)
