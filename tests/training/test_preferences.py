"""What a person said of a fill is kept at once, and survives damage around it."""

import sqlite3
import subprocess
import sys
import textwrap
import threading
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.training.strips import make_strip
from training.errors import PrefPaintError
from training.preferences import database
from training.preferences.database import FILE_NAME
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore


def pictures(folder: Path) -> list[Path]:
    return sorted((folder / "images").rglob("*.png"))


def test_a_record_comes_back_as_it_was_shown(tmp_path: Path) -> None:
    strip = make_strip()
    with PreferenceStore(tmp_path) as store:
        record_id = store.record(strip, Opinion("up", 1))
    with PreferenceStore(tmp_path) as store:
        (key,) = store.presentation_ids()
        stored = store.read(key)
    assert [(one.record_id, one.opinion) for one in stored.opinions] == [
        (record_id, Opinion("up", 1))
    ]
    time = datetime.fromisoformat(stored.opinions[0].recorded_at)
    assert time.utcoffset() == timedelta(0)
    back = stored.presentation
    assert (back.photo_sha256, back.box, back.prompt, back.reward_model) == (
        strip.photo_sha256,
        strip.box,
        strip.prompt,
        strip.reward_model,
    )
    np.testing.assert_array_equal(back.image, strip.image)
    np.testing.assert_array_equal(back.hole, strip.hole)
    assert back.hole.dtype == bool
    for ours, theirs in zip(back.candidates, strip.candidates, strict=True):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        np.testing.assert_array_equal(ours.features, theirs.features)
        assert (ours.rank, ours.seed, ours.model, ours.reward, ours.trust) == (
            theirs.rank,
            theirs.seed,
            theirs.model,
            theirs.reward,
            theirs.trust,
        )


def test_two_thumbs_on_one_strip_store_the_strip_once(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        first = store.record(make_strip(), Opinion("up", 0))
        second = store.record(make_strip(), Opinion("down", 2))
        statistics = store.statistics()
    assert first != second
    assert (statistics.presentations, statistics.candidates) == (1, 3)
    assert len(pictures(tmp_path)) == 5  # image, hole and three fills


def test_a_second_thumb_replaces_the_first_but_not_an_accept(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        store.record(make_strip(), Opinion("accept", 0))
        up = store.record(make_strip(), Opinion("up", 0))
        assert store.record(make_strip(), Opinion("down", 0)) == up
        statistics = store.statistics()
    assert (statistics.ups, statistics.downs, statistics.accepts) == (0, 1, 1)


def test_statistics_count_what_was_said(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        assert store.statistics().first is None
        store.record(make_strip(1), Opinion("accept", 0))
        store.record(make_strip(2), Opinion("accept", 1))
        store.record(make_strip(2), Opinion("down", 0))
        statistics = store.statistics()
    assert (statistics.presentations, statistics.photos, statistics.candidates) == (2, 2, 6)
    assert (statistics.accepts, statistics.accepts_of_first, statistics.downs) == (2, 1, 1)
    assert statistics.first is not None
    assert statistics.last is not None
    assert statistics.first <= statistics.last


def test_withdrawing_forgets_the_strip_with_its_last_record(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        kept = store.record(make_strip(1), Opinion("up", 0))
        first = store.record(make_strip(2), Opinion("up", 0))
        second = store.record(make_strip(2), Opinion("down", 1))
        store.withdraw(first)
        assert store.statistics().presentations == 2
        store.withdraw(second)
        store.withdraw(second)
        assert store.statistics().presentations == 1
        (key,) = store.presentation_ids()
        assert [one.record_id for one in store.read(key).opinions] == [kept]
    # The hole is the same in both strips, so it stays with the first.
    assert len(pictures(tmp_path)) == 5


def test_another_thread_may_record(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        thread = threading.Thread(target=store.record, args=(make_strip(), Opinion("up", 0)))
        thread.start()
        thread.join()
        assert store.statistics().ups == 1


def test_a_seed_that_was_not_shown_is_refused(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store, pytest.raises(ValueError, match="was not shown"):
        store.record(make_strip(count=2), Opinion("up", 2))


@pytest.mark.parametrize("damage", ["garbage", "truncated", "overwritten page"])
def test_a_broken_database_is_set_aside_and_work_goes_on(tmp_path: Path, damage: str) -> None:
    with PreferenceStore(tmp_path) as store:
        for number in range(4):
            store.record(make_strip(number), Opinion("up", 0))
    path = tmp_path / FILE_NAME
    content = path.read_bytes()
    broken = {
        "garbage": b"not a database at all" * 100,
        "truncated": content[: len(content) // 2],
        "overwritten page": content[:4096] + b"\x5a" * 4096 + content[8192:],
    }[damage]
    path.write_bytes(broken)

    with PreferenceStore(tmp_path) as store:
        assert store.notice is not None
        assert store.statistics().presentations == 0
        store.record(make_strip(9), Opinion("up", 0))
    (aside,) = tmp_path.glob(f"{FILE_NAME}.broken-*")
    assert aside.read_bytes() == broken
    assert str(aside) in store.notice
    assert len(pictures(tmp_path)) == 4 * 4 + 1 + 4  # the pictures of lost rows stay as well
    with PreferenceStore(tmp_path) as store:
        assert store.notice is None
        assert store.statistics().ups == 1


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    PreferenceStore(tmp_path).close()
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(PrefPaintError, match="newer PrefPaint"):
        PreferenceStore(tmp_path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PrefPaintError, match=r"file.inner"):
        PreferenceStore(tmp_path / "file" / "inner")


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
@pytest.mark.parametrize("room", [100, 1000, 5000])  # for no list, no picture, no row
def test_a_full_disk_is_one_sentence_and_no_half_record(tmp_path: Path, room: int) -> None:
    PreferenceStore(tmp_path).close()
    code = """
        import resource, signal, sys
        from pathlib import Path
        from training.errors import PrefPaintError
        from training.preferences.records import Opinion
        from training.preferences.store import PreferenceStore
        from tests.training.strips import make_strip
        store = PreferenceStore(Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        try:
            store.record(make_strip(), Opinion("up", 0))
        except PrefPaintError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        store.record(make_strip(5), Opinion("up", 0))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(room)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],  # so that it finds tests.training.strips
    )
    assert str(tmp_path) in ran.stdout
    assert "Free some space" in ran.stdout
    with PreferenceStore(tmp_path) as store:
        assert store.statistics().presentations == 1
        (key,) = store.presentation_ids()
        np.testing.assert_array_equal(store.read(key).presentation.image, make_strip(5).image)
    assert len(pictures(tmp_path)) == 5
    assert not [*tmp_path.rglob("*.tmp"), *tmp_path.rglob("*.txt")]


def test_damage_in_a_large_database_is_found_by_the_start_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKED_WHOLE_BYTES", 0)
    with PreferenceStore(tmp_path) as store:
        for number in range(4):
            store.record(make_strip(number), Opinion("up", 0))
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'signal'"
        ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\x5a" * 4096
    path.write_bytes(content)
    with PreferenceStore(tmp_path) as store:
        assert store.notice is None
        with pytest.raises(PrefPaintError, match="damaged"):
            store.records()
    with PreferenceStore(tmp_path) as store:
        assert store.notice is not None
        assert store.records() == []
    with PreferenceStore(tmp_path) as store:
        assert store.notice is None


def test_what_is_learned_from_may_begin_at_a_time(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        store.record(make_strip(1), Opinion("up", 0), "2026-01-01T00:00:00.000+00:00")
        store.record(make_strip(1), Opinion("down", 1), "2026-02-01T00:00:00.000+00:00")
        store.record(make_strip(2), Opinion("up", 0), "2026-01-15T00:00:00.000+00:00")
        name = make_strip().reward_model
        assert len(store.judged_strips("me", name)) == 2
        (strip,) = store.judged_strips("me", name, "2026-02-01T00:00:00.000+00:00")
        assert strip.opinions == (Opinion("down", 1),)
        assert store.judged_strips("me", name, "2026-03-01") == []
