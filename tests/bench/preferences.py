"""A store of a million records: adding one, counting, opening, against bare SQLite in turn."""

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np

from tests.training.strips import make_strip
from training.inpainting.request import Box
from training.preferences.database import FILE_NAME
from training.preferences.images import keep_image
from training.preferences.records import Opinion, Presentation, ShownCandidate
from training.preferences.rows import pictures
from training.preferences.store import PreferenceStore

STRIPS = 250_000
CANDIDATES = 4
"""On each strip; each of them has one record."""
ROUNDS = 50


def main() -> None:
    """Print medians, with the 95th percentile in brackets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        PreferenceStore(folder).close()
        started = time.perf_counter()
        _build(folder / FILE_NAME)
        os.sync()  # else the disk is still busy with that
        size = (folder / FILE_NAME).stat().st_size
        built = time.perf_counter() - started
        print(f"built {STRIPS * CANDIDATES:,} records, {size / 1e9:.2f} GB, in {built:.0f} s")
        opened = _times(lambda: PreferenceStore(folder).close(), rounds=5)
        print(f"opening                              {_said(opened)}")
        with PreferenceStore(folder) as store:
            _print_counting(store)
            _print_adding(store, folder)
            _print_forgetting(store)


def _print_counting(store: PreferenceStore) -> None:
    ours = _times(store.statistics, rounds=ROUNDS)
    with sqlite3.connect(store.folder / FILE_NAME) as bare:
        query = "SELECT count(*) FROM signal"
        theirs = _times(lambda: bare.execute(query).fetchone(), rounds=5)
    bare.close()
    ratio = statistics.median(ours) / statistics.median(theirs)
    learned = _times(lambda: store.judged_strips("me", "builtin"), rounds=1)
    print(f"reading all features of all strips   {_said(learned)}")
    photos = _times(store.whole_photos, rounds=1)
    print(f"which photos are kept whole          {_said(photos)}")
    print(f"statistics                           {_said(ours)}")
    print(f"bare count(*) of the records         {_said(theirs)}")
    print(f"ratio                                {ratio:8.4f}")


def _print_adding(store: PreferenceStore, folder: Path) -> None:
    """Small pictures that are on disk already leave only the database's part of `record`."""
    strips = [make_strip(10**9 + number, CANDIDATES) for number in range(ROUNDS)]
    for strip in strips:
        for digest, pixels in pictures(strip).items():
            keep_image(folder / "images", digest, pixels)
    new, known, theirs = [], [], []
    with sqlite3.connect(folder / "bare.sqlite3", isolation_level=None) as bare:
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE bare (content BLOB)")
        query = "INSERT INTO bare VALUES (zeroblob(4096))"
        for strip in strips:  # in turn, because the disk is now faster, now slower
            new += _times(partial(store.record, strip, Opinion("accept", 0)), rounds=1)
            theirs += _times(partial(bare.execute, query), rounds=1)
            known += _times(partial(store.record, strip, Opinion("up", 1)), rounds=1)
    bare.close()
    ratio = statistics.median(new) / statistics.median(theirs)
    print(f"adding a record with a new strip     {_said(new)}")
    print(f"adding a record to a known strip     {_said(known)}")
    print(f"bare commit of 4 KB, in an empty file{_said(theirs)}")
    print(f"ratio of the first to it             {ratio:8.2f}")
    large = iter([_large_strip(number) for number in range(5)])
    whole = _times(lambda: store.record(next(large), Opinion("accept", 0)), rounds=5)
    print(f"with {CANDIDATES + 2} new PNGs of 512 x 512        {_said(whole)}")


def _print_forgetting(store: PreferenceStore) -> None:
    ids = iter(range(1, ROUNDS + 1))
    one = _times(lambda: store.withdraw(next(ids)), rounds=ROUNDS)
    print(f"withdrawing a record                 {_said(one)}")
    everything = _times(store.delete_all, rounds=1)
    print(f"deleting all                         {_said(everything)}")


def _times(call: Callable[[], object], *, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - started))
    return times


def _said(times: list[float]) -> str:
    late = sorted(times)[min(len(times) - 1, round(0.95 * len(times)))]
    return f"{statistics.median(times):8.2f} ms ({late:.2f})"


def _large_strip(number: int) -> Presentation:
    """Pictures that are smooth with some noise, as photographs are."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:512, 0:512]
    smooth = np.stack([x / 3, y / 3, (x + y) / 6], axis=2) + rng.normal(0, 3, (512, 512, 3))
    image = np.clip(smooth, 0, 255).astype(np.uint8)
    hole = np.zeros((512, 512), bool)
    hole[150:350, 150:350] = True
    shown = []
    for seed in range(CANDIDATES):
        fill = image.copy()
        fill[hole] = rng.integers(0, 256, 3)
        features = rng.normal(size=256).astype(np.float32)
        shown.append(ShownCandidate(seed + 1, seed, "bench", fill, 0.0, 0.5, features))
    return Presentation(
        f"{number:064x}", Box(0, 0, 512, 512), image, hole, "", "builtin", tuple(shown)
    )


def _build(path: Path) -> None:
    """Fill the tables without pictures, faster than `record` would.

    The indexes grow as they would: made afterwards, their pages would be full, and each new row
    would split some.
    """
    rng = np.random.default_rng(0)
    features = [rng.normal(size=256).astype(np.float32).tobytes() for _ in range(1000)]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    connection.execute("BEGIN")
    connection.executemany(
        """INSERT INTO presentation VALUES (?, ?, ?, 0, 0, 512, 512, ?, ?, '', 'builtin', '', '',
        '2025-01-01')""",
        (
            (
                key,
                _name("strip", key),
                _name("photo", key // 10),
                _name("image", key),
                _name("hole"),
            )
            for key in range(1, STRIPS + 1)
        ),
    )
    connection.executemany(
        "INSERT INTO candidate VALUES (?, ?, ?, 'bench', ?, ?, 0.5, ?)",
        (
            (key, seed, seed + 1, _name("fill", key, seed), -seed, features[key % 1000])
            for key, seed in _places()
        ),
    )
    connection.executemany(
        """INSERT INTO signal (presentation_id, seed, signal, kind, person, recorded_at)
        VALUES (?, ?, ?, ?, 'me', '2025-01-01T' || printf('%09d', ?))""",
        (
            (key, seed, ("accept", "down", "up", "up")[seed], "thumb" if seed else "accept", key)
            for key, seed in _places()
        ),
    )
    connection.execute("COMMIT")
    connection.close()


def _places() -> Iterator[tuple[int, int]]:
    return ((key, seed) for key in range(1, STRIPS + 1) for seed in range(CANDIDATES))


def _name(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()
