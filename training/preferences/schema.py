"""The tables of the preference database, and the way into them from older formats."""

from training.preferences.records import DEFAULT_PERSON

SCHEMA_VERSION = 3

SCHEMA = (
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
        collection TEXT NOT NULL,
        item TEXT NOT NULL,
        recorded_at TEXT NOT NULL
    )""",
    """CREATE TABLE candidate (
        presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
        seed INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        model TEXT NOT NULL,
        pixels_sha256 TEXT NOT NULL,
        reward REAL,
        trust REAL,
        features BLOB NOT NULL,
        PRIMARY KEY (presentation_id, seed)
    )""",
    # seed: NULL for what is said of the whole strip. ranking, rating, reasons: JSON lists.
    # kind: what a new opinion replaces, see records.Opinion.
    # AUTOINCREMENT: the id of a withdrawn record never comes back for another one.
    """CREATE TABLE signal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        presentation_id INTEGER NOT NULL REFERENCES presentation(id) ON DELETE CASCADE,
        seed INTEGER,
        signal TEXT NOT NULL CHECK
            (signal IN ('up', 'down', 'accept', 'order', 'best', 'none', 'rating', 'skip')),
        kind TEXT NOT NULL,
        person TEXT NOT NULL CHECK (person <> ''),
        ranking TEXT NOT NULL DEFAULT '[]',
        rating TEXT NOT NULL DEFAULT '[]',
        reasons TEXT NOT NULL DEFAULT '[]',
        recorded_at TEXT NOT NULL,
        CHECK ((seed IS NULL) = (signal IN ('order', 'best', 'none', 'skip'))),
        FOREIGN KEY (presentation_id, seed)
            REFERENCES candidate(presentation_id, seed) ON DELETE CASCADE
    )""",
    # NULLs are never equal in an index; no kind occurs both with and without a seed.
    """CREATE UNIQUE INDEX signal_once
        ON signal(presentation_id, ifnull(seed, 0), kind, person)""",
    "CREATE INDEX signal_time ON signal(recorded_at)",
    "CREATE INDEX signal_person ON signal(person, presentation_id)",
    "CREATE INDEX candidate_pixels ON candidate(pixels_sha256)",
    "CREATE INDEX presentation_image ON presentation(image_sha256)",
    "CREATE INDEX presentation_hole ON presentation(hole_sha256)",
    "CREATE INDEX presentation_photo ON presentation(photo_sha256)",
    """CREATE INDEX presentation_collection
        ON presentation(collection, item) WHERE collection <> ''""",
    # Counts that triggers keep, so that statistics need not read a million rows.
    # person: '' for counts that are of no person.
    """CREATE TABLE tally (
        person TEXT NOT NULL,
        what TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (person, what)
    ) WITHOUT ROWID""",
    "INSERT INTO tally VALUES ('', 'presentation', 0), ('', 'photo', 0), ('', 'candidate', 0)",
    """CREATE TRIGGER presentation_counted AFTER INSERT ON presentation BEGIN
        UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'presentation';
        UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'photo' AND NOT EXISTS (
            SELECT 1 FROM presentation WHERE photo_sha256 = NEW.photo_sha256 AND id <> NEW.id);
    END""",
    # Before the strip's candidates go: signal_discounted looks at them.
    """CREATE TRIGGER presentation_leaving BEFORE DELETE ON presentation BEGIN
        DELETE FROM signal WHERE presentation_id = OLD.id;
    END""",
    """CREATE TRIGGER presentation_discounted AFTER DELETE ON presentation BEGIN
        UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'presentation';
        UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'photo' AND NOT EXISTS (
            SELECT 1 FROM presentation WHERE photo_sha256 = OLD.photo_sha256);
    END""",
    """CREATE TRIGGER candidate_counted AFTER INSERT ON candidate BEGIN
        UPDATE tally SET count = count + 1 WHERE person = '' AND what = 'candidate';
    END""",
    """CREATE TRIGGER candidate_discounted AFTER DELETE ON candidate BEGIN
        UPDATE tally SET count = count - 1 WHERE person = '' AND what = 'candidate';
    END""",
    """CREATE TRIGGER signal_counted AFTER INSERT ON signal BEGIN
        INSERT INTO tally VALUES (NEW.person, NEW.signal, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        INSERT INTO tally SELECT NEW.person, 'accept of first', 1 FROM candidate
            WHERE presentation_id = NEW.presentation_id AND seed = NEW.seed
                AND rank = 1 AND NEW.signal = 'accept'
            ON CONFLICT DO UPDATE SET count = count + 1;
    END""",
    """CREATE TRIGGER signal_recounted AFTER UPDATE OF signal ON signal
        WHEN OLD.signal <> NEW.signal BEGIN
        UPDATE tally SET count = count - 1 WHERE person = OLD.person AND what = OLD.signal;
        INSERT INTO tally VALUES (NEW.person, NEW.signal, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
    END""",
    """CREATE TRIGGER signal_discounted AFTER DELETE ON signal BEGIN
        UPDATE tally SET count = count - 1 WHERE person = OLD.person AND what = OLD.signal;
        UPDATE tally SET count = count - 1
            WHERE person = OLD.person AND what = 'accept of first' AND OLD.signal = 'accept'
                AND EXISTS (SELECT 1 FROM candidate WHERE seed = OLD.seed AND rank = 1
                    AND presentation_id = OLD.presentation_id);
    END""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_INDEXES = (
    *("signal_once", "signal_time", "signal_person", "candidate_pixels", "presentation_image"),
    *("presentation_hole", "presentation_photo", "presentation_collection"),
)
_TRIGGERS = (
    *("presentation_counted", "presentation_leaving", "presentation_discounted"),
    *("candidate_counted", "candidate_discounted"),
    *("signal_counted", "signal_recounted", "signal_discounted"),
)
_TABLES = ("signal", "candidate", "presentation")

_FROM_2 = (
    *(f"DROP INDEX IF EXISTS {name}" for name in _INDEXES),
    *(f"DROP TRIGGER IF EXISTS {name}" for name in _TRIGGERS),
    "DROP TABLE IF EXISTS tally",
    *(f"ALTER TABLE {name} RENAME TO old_{name}" for name in _TABLES),
    *SCHEMA,
    """INSERT INTO presentation
        (id, digest, photo_sha256, box_top, box_left, box_height, box_width, image_sha256,
        hole_sha256, prompt, reward_model, collection, item, recorded_at)
    SELECT id, digest, photo_sha256, box_top, box_left, box_height, box_width, image_sha256,
        hole_sha256, prompt, reward_model, collection, item, recorded_at FROM old_presentation""",
    """INSERT INTO candidate
        (presentation_id, seed, rank, model, pixels_sha256, reward, trust, features)
    SELECT presentation_id, seed, rank, model, pixels_sha256, reward, trust, features
    FROM old_candidate""",
    """INSERT INTO signal (id, presentation_id, seed, signal, kind, person, ranking, rating,
        reasons, recorded_at)
    SELECT id, presentation_id, seed, signal, kind, person, ranking, rating, reasons, recorded_at
    FROM old_signal""",
    # An order of one's own names every card of the strip; one of two among more was an answer to
    # the question which of the two is better.
    """UPDATE signal SET signal = 'best', kind = 'best of '
        || min(json_extract(ranking, '$[0]'), json_extract(ranking, '$[1]')) || ', '
        || max(json_extract(ranking, '$[0]'), json_extract(ranking, '$[1]'))
    WHERE signal = 'order' AND json_array_length(ranking) = 2 AND 2 < (
        SELECT count(*) FROM candidate WHERE presentation_id = signal.presentation_id)""",
    # Ids that were given and withdrawn before stay given; an empty table has no row to update.
    "DELETE FROM sqlite_sequence WHERE name = 'signal'",
    """INSERT INTO sqlite_sequence (name, seq)
    SELECT 'signal', seq FROM sqlite_sequence WHERE name = 'old_signal'""",
    *(f"DROP TABLE old_{name}" for name in _TABLES),
)

_FROM_1 = (
    *(
        f"ALTER TABLE presentation ADD COLUMN {name} TEXT NOT NULL DEFAULT ''"
        for name in ("collection", "item")
    ),
    f"ALTER TABLE signal ADD COLUMN person TEXT NOT NULL DEFAULT '{DEFAULT_PERSON}'",
    *(
        f"ALTER TABLE signal ADD COLUMN {name} TEXT NOT NULL DEFAULT '[]'"
        for name in ("ranking", "rating", "reasons")
    ),
    *_FROM_2,
)

MIGRATIONS = {1: _FROM_1, 2: _FROM_2}
"""For each older format, what moves its records into today's tables. Foreign keys are off."""
