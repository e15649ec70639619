"""The tables of the preference database, and the way into them from older formats."""

from training.preferences.records import DEFAULT_PERSON

SCHEMA_VERSION = 2

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
    # kind: what a new opinion replaces; a thumb up replaces a thumb down.
    # AUTOINCREMENT: the id of a withdrawn record never comes back for another one.
    """CREATE TABLE signal (
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

_FROM_1 = (
    "DROP INDEX candidate_pixels",
    "DROP INDEX presentation_image",
    "DROP INDEX presentation_hole",
    "ALTER TABLE presentation RENAME TO old_presentation",
    "ALTER TABLE candidate RENAME TO old_candidate",
    "ALTER TABLE signal RENAME TO old_signal",
    *SCHEMA,
    """INSERT INTO presentation
        (id, digest, photo_sha256, box_top, box_left, box_height, box_width, image_sha256,
        hole_sha256, prompt, reward_model, collection, item, recorded_at)
    SELECT id, digest, photo_sha256, box_top, box_left, box_height, box_width, image_sha256,
        hole_sha256, prompt, reward_model, '', '', recorded_at FROM old_presentation""",
    """INSERT INTO candidate
        (presentation_id, seed, rank, model, pixels_sha256, reward, trust, features)
    SELECT presentation_id, seed, rank, model, pixels_sha256, reward, trust, features
    FROM old_candidate""",
    f"""INSERT INTO signal (id, presentation_id, seed, signal, person, recorded_at)
    SELECT id, presentation_id, seed, signal, '{DEFAULT_PERSON}', recorded_at FROM old_signal""",
    # Ids that were given and withdrawn before stay given; an empty table has no row to update.
    "DELETE FROM sqlite_sequence WHERE name = 'signal'",
    """INSERT INTO sqlite_sequence (name, seq)
    SELECT 'signal', seq FROM sqlite_sequence WHERE name = 'old_signal'""",
    "DROP TABLE old_signal",
    "DROP TABLE old_candidate",
    "DROP TABLE old_presentation",
)

MIGRATIONS = {1: _FROM_1}
"""For each older format, what moves its records into today's tables. Foreign keys are off."""
