"""A preference database of an older PrefPaint keeps every record when it is opened."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.training.format_1 import write_format_1
from tests.training.format_2 import write_format_2
from tests.training.strips import make_strip
from training.errors import PrefPaintError
from training.preferences import database
from training.preferences.database import BACKUPS, FILE_NAME
from training.preferences.records import Opinion
from training.preferences.schema import MIGRATIONS
from training.preferences.store import PreferenceStore

TIMES = [f"2025-01-0{day}T12:00:00.000+00:00" for day in range(1, 5)]
SAID = [
    (make_strip(1), 0, "accept", TIMES[0]),
    (make_strip(1), 2, "down", TIMES[1]),
    (make_strip(2), 1, "accept", TIMES[2]),
    (make_strip(2), 1, "up", TIMES[3]),
]


def test_every_record_of_format_1_is_there(tmp_path: Path) -> None:
    write_format_1(tmp_path, SAID, withdrawn=3)
    with PreferenceStore(tmp_path) as store:
        assert store.notice is None
        strips = [store.read(key) for key in store.presentation_ids()]
        records = [one for strip in strips for one in strip.opinions]
        assert [(one.record_id, one.opinion, one.recorded_at) for one in records] == [
            (number, Opinion(signal, seed), time)  # type: ignore[arg-type]
            for number, (_, seed, signal, time) in enumerate(SAID, 1)
        ]
        for strip, expected in zip(strips, (make_strip(1), make_strip(2)), strict=True):
            for ours, theirs in zip(
                strip.presentation.candidates, expected.candidates, strict=True
            ):
                np.testing.assert_array_equal(ours.pixels, theirs.pixels)
                np.testing.assert_array_equal(ours.features, theirs.features)
                assert (ours.rank, ours.reward, ours.trust) == (
                    theirs.rank,
                    theirs.reward,
                    theirs.trust,
                )
        counts = store.statistics()
        assert (counts.presentations, counts.photos, counts.candidates) == (2, 2, 6)
        assert (counts.accepts, counts.ups, counts.downs) == (2, 1, 1)
        assert (counts.accepts_of_first, counts.first, counts.last) == (1, TIMES[0], TIMES[3])
        assert store.persons() == ["me"]
        assert len(store.judged_strips("me", "builtin")) == 2
        # A strip from before is known again, and a number that was given never comes back.
        assert store.record(make_strip(1), Opinion("up", 2)) == 2
        assert store.record(make_strip(1), Opinion("none")) > len(SAID) + 3
        assert store.statistics().presentations == 2


def test_every_record_of_format_2_is_there_and_answers_to_questions_are_no_orders(
    tmp_path: Path,
) -> None:
    four, two = make_strip(1, count=4), make_strip(2, count=2)
    said = [
        (four, Opinion("order", order=(3, 1)), TIMES[0]),
        (four, Opinion("up", 0, reasons=("sharp",)), TIMES[1]),
        (four, Opinion("order", order=(3, 1, 0, 2), person="Ann"), TIMES[1]),
        (four, Opinion("rating", 2, rating=(1, 2, 3), person="Ann"), TIMES[2]),
        (two, Opinion("order", order=(1, 0)), TIMES[2]),
        (two, Opinion("accept", 0), TIMES[3]),
    ]
    write_format_2(tmp_path, said)
    asked = (four, Opinion("best", order=(3, 1)), TIMES[0])
    with PreferenceStore(tmp_path) as store:
        strips = [store.read(key) for key in store.presentation_ids()]
        records = [one for strip in strips for one in strip.opinions]
        assert [(one.record_id, one.opinion, one.recorded_at) for one in records] == [
            (number, opinion, time)
            for number, (_, opinion, time) in enumerate([asked, *said[1:]], 1)
        ]
        counts = store.statistics()
        assert (counts.presentations, counts.photos, counts.candidates) == (2, 2, 6)
        assert (counts.bests, counts.orders, counts.ups, counts.accepts) == (1, 2, 1, 1)
        assert store.record(four, Opinion("best", order=(1, 3))) == 1
        assert store.record(two, Opinion("order", order=(0, 1))) == 5
        assert store.record(four, Opinion("none")) > len(said)


def test_a_backup_is_kept_and_made_once(tmp_path: Path) -> None:
    write_format_1(tmp_path, SAID)
    for _ in range(2):
        PreferenceStore(tmp_path).close()
    (backup,) = tmp_path.glob(BACKUPS)
    assert "backup-of-format-1" in backup.name
    with sqlite3.connect(backup) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT count(*) FROM signal").fetchone() == (len(SAID),)
    copy.close()


def test_a_migration_that_breaks_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_format_1(tmp_path, SAID)
    with monkeypatch.context() as broken:
        broken.setattr(database, "MIGRATIONS", {1: (*MIGRATIONS[1][:-3], "not SQL")})
        with pytest.raises(PrefPaintError, match="cannot be opened"):
            PreferenceStore(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
    with PreferenceStore(tmp_path) as store:
        assert store.statistics().accepts == 2


def test_a_backup_goes_when_what_it_knows_is_deleted(tmp_path: Path) -> None:
    write_format_1(tmp_path, SAID)
    with PreferenceStore(tmp_path) as store:
        store.withdraw(store.record(make_strip(3), Opinion("up", 0)))
        assert list(tmp_path.glob(BACKUPS))  # it does not know that one
        store.withdraw(1)
        assert not list(tmp_path.glob(BACKUPS))


def test_a_backup_that_was_broken_off_is_removed(tmp_path: Path) -> None:
    write_format_1(tmp_path, SAID)
    (tmp_path / f".{BACKUPS.replace('*', '1-x')}.tmp").write_bytes(b"half")
    PreferenceStore(tmp_path).close()
    assert not list(tmp_path.glob(".*"))
