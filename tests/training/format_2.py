"""A preference database as PrefPaint wrote it while answers to questions were kept as orders."""

import json
import sqlite3
from pathlib import Path

from training.preferences.images import keep_image
from training.preferences.records import Opinion, Presentation
from training.preferences.rows import pictures, presentation_rows

_SCHEMA = """
CREATE TABLE presentation (
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
    collection TEXT NOT NULL,
    item TEXT NOT NULL,
    recorded_at TEXT NOT NULL
);
CREATE TABLE candidate (
    presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
    seed INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    model TEXT NOT NULL,
    pixels_sha256 TEXT NOT NULL,
    reward REAL,
    trust REAL,
    features BLOB NOT NULL,
    PRIMARY KEY (presentation_id, seed)
);
CREATE TABLE signal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
    seed INTEGER,
    signal TEXT NOT NULL CHECK
        (signal IN ('up', 'down', 'accept', 'order', 'none', 'rating', 'skip')),
    person TEXT NOT NULL CHECK (person <> ''),
    ranking TEXT NOT NULL DEFAULT '[]',
    rating TEXT NOT NULL DEFAULT '[]',
    reasons TEXT NOT NULL DEFAULT '[]',
    kind TEXT NOT NULL GENERATED ALWAYS AS
        (CASE WHEN signal IN ('up', 'down') THEN 'thumb' ELSE signal END) STORED,
    recorded_at TEXT NOT NULL,
    CHECK ((seed IS NULL) = (signal IN ('order', 'none', 'skip'))),
    FOREIGN KEY (presentation_id, seed)
        REFERENCES candidate(presentation_id, seed) ON DELETE CASCADE
);
CREATE UNIQUE INDEX signal_once
    ON signal(presentation_id, ifnull(seed, 0), kind, person);
CREATE INDEX signal_time ON signal(recorded_at);
CREATE INDEX signal_person ON signal(person, presentation_id);
CREATE INDEX candidate_pixels ON candidate(pixels_sha256);
CREATE INDEX presentation_image ON presentation(image_sha256);
CREATE INDEX presentation_hole ON presentation(hole_sha256);
CREATE INDEX presentation_photo ON presentation(photo_sha256);
CREATE INDEX presentation_collection
    ON presentation(collection, item) WHERE collection <> '';
CREATE TABLE tally (
    person TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (person, what)
) WITHOUT ROWID;
INSERT INTO tally VALUES ('', 'presentation', 0), ('', 'photo', 0), ('', 'candidate', 0);
CREATE TRIGGER presentation_counted AFTER INSERT ON presentation BEGIN
    UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'presentation';
    UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'photo' AND NOT EXISTS (
        SELECT 1 FROM presentation WHERE photo_sha256 = NEW.photo_sha256 AND id <> NEW.id);
END;
CREATE TRIGGER presentation_leaving BEFORE DELETE ON presentation BEGIN
    DELETE FROM signal WHERE presentation_id = OLD.id;
END;
CREATE TRIGGER presentation_discounted AFTER DELETE ON presentation BEGIN
    UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'presentation';
    UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'photo' AND NOT EXISTS (
        SELECT 1 FROM presentation WHERE photo_sha256 = OLD.photo_sha256);
END;
CREATE TRIGGER candidate_counted AFTER INSERT ON candidate BEGIN
    UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'candidate';
END;
CREATE TRIGGER candidate_discounted AFTER DELETE ON candidate BEGIN
    UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'candidate';
END;
CREATE TRIGGER signal_counted AFTER INSERT ON signal BEGIN
    INSERT INTO tally VALUES (NEW.person, NEW.signal, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    INSERT INTO tally SELECT NEW.person, 'accept of first', 1 FROM candidate
        WHERE presentation_id = NEW.presentation_id AND seed = NEW.seed
            AND rank = 1 AND NEW.signal = 'accept'
        ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER signal_recounted AFTER UPDATE OF signal ON signal
    WHEN OLD.signal <> NEW.signal BEGIN
    UPDATE tally SET count = count - 1 WHERE person = OLD.person AND what = OLD.signal;
    INSERT INTO tally VALUES (NEW.person, NEW.signal, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER signal_discounted AFTER DELETE ON signal BEGIN
    UPDATE tally SET count = count - 1 WHERE person = OLD.person AND what = OLD.signal;
    UPDATE tally SET count = count - 1
        WHERE person = OLD.person AND what = 'accept of first' AND OLD.signal = 'accept'
            AND EXISTS (SELECT 1 FROM candidate WHERE seed = OLD.seed AND rank = 1
                AND presentation_id = OLD.presentation_id);
END;
PRAGMA journal_mode = WAL;
PRAGMA user_version = 2;
"""


def write_format_2(folder: Path, said: list[tuple[Presentation, Opinion, str]]) -> None:
    """Write records (strip, opinion, time) with the numbers 1, 2, ..., each strip in one piece."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "preferences.sqlite3", isolation_level=None)
    connection.executescript(_SCHEMA)
    keys: dict[Presentation, int] = {}
    for shown, one, time in said:
        if shown not in keys:
            keys[shown] = _strip(connection, folder / "images", shown, time)
        row = {
            "presentation_id": keys[shown],
            "seed": one.seed,
            "signal": one.signal,
            "person": one.person,
            "ranking": json.dumps(one.order),
            "rating": json.dumps(one.rating or ()),
            "reasons": json.dumps(one.reasons),
            "recorded_at": time,
        }
        _insert(connection, "signal", row)
    connection.close()


def _strip(connection: sqlite3.Connection, images: Path, shown: Presentation, time: str) -> int:
    for sha256, pixels in pictures(shown).items():
        keep_image(images, sha256, pixels)
    row, candidates = presentation_rows(shown)
    key = _insert(connection, "presentation", {**row, "recorded_at": time})
    for candidate in candidates:
        _insert(connection, "candidate", {"presentation_id": key, **candidate})
    return key


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> int:
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
    )
    return int(cursor.lastrowid or 0)
