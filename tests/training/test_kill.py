"""An acknowledged preference survives the death of the process that recorded it."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.strips import make_strip
from training.preferences.database import FILE_NAME
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore

ROOT = Path(__file__).parents[2]  # so that it finds tests.training.strips
KILLS = 200

KILL_AT_RANDOM = """
import json, os, random, select, signal, sys, tempfile, time, traceback
from pathlib import Path
from tests.training.strips import make_strip
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore

def record_forever(folder, number, say):
    store = PreferenceStore(folder)
    while True:
        record_id = store.record(make_strip(number, 2), Opinion("accept", 0))
        say(f"kept {record_id} {number}")
        if number % 3 == 0:
            say(f"leaving {record_id} {number}")
            store.withdraw(record_id)
            say(f"gone {record_id} {number}")
        number += 1

def start(folder, number):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            record_forever(folder, number, lambda line: os.write(writer, line.encode() + b"\\n"))
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    os.close(writer)
    return child, reader

def read_all(reader):
    content = b""
    while piece := os.read(reader, 65536):
        content += piece
    os.close(reader)
    return content.decode().splitlines()

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
random.seed(0)
with tempfile.TemporaryDirectory() as warm_up, PreferenceStore(Path(warm_up)) as store:
    store.record(make_strip(), Opinion("up", 0))
said = []
running = [start(folder, 0), start(folder, 1000)]  # as two windows, of which one goes on
for kill in range(kills):
    child, reader = running.pop(random.randrange(2))
    if random.random() < 0.4:  # else it may die while it starts
        select.select([reader], [], [])
    time.sleep(random.uniform(0, 0.03))  # any moment: nothing is waited for
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "it ended by itself"
    said += read_all(reader)
    running.append(start(folder, (kill + 2) * 1000))
for child, reader in running:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said += read_all(reader)
print(json.dumps([line.split() for line in said]))
"""

RECORD_MANY = """
import sys
from pathlib import Path
from tests.training.strips import make_strip
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore
person, start = sys.argv[2], int(sys.argv[3])
with PreferenceStore(Path(sys.argv[1])) as store:
    sys.stdin.readline()
    for number in range(40):
        store.record(make_strip(start + number), Opinion("up", 0, person=person))
        store.record(make_strip(1_000_000 + number), Opinion("down", 1, person=person))
        if number % 10 == 0:
            assert store.sweep() == 0  # what the other is just writing is spared
"""

DIE_IN_COMMIT = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from tests.training.strips import make_strip
from training.preferences import writing
from training.preferences.database import FILE_NAME
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore

folder, what = Path(sys.argv[1]), sys.argv[2]
index, begin = folder / (FILE_NAME + "-shm"), writing.transaction

@contextmanager
def dying(connection):
    with begin(connection):
        yield
        before = index.read_bytes()
    with index.open("r+b") as file:  # the change is in the log, but no index tells the others
        file.write(before)
    os._exit(9)

store = PreferenceStore(folder)
writing.transaction = dying
if what == "record":
    store.record(make_strip(2), Opinion("up", 0))
else:
    store.withdraw(int(sys.argv[3]))
"""

OPEN_AND_WAIT = """
import sys
from pathlib import Path
from training.preferences.store import PreferenceStore
store = PreferenceStore(Path(sys.argv[1]))
print(flush=True)
sys.stdin.readline()
"""

DIE_BEFORE_COMMIT = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from training.preferences import sweep
from training.preferences.store import PreferenceStore
begin = sweep.transaction

@contextmanager
def dying(connection):
    with begin(connection):
        yield
        os._exit(9)

sweep.transaction = dying
PreferenceStore(Path(sys.argv[1]))
"""


def run(script: str, *arguments: object) -> int:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks the index of SQLite's log")
@pytest.mark.parametrize("what", ["record", "withdraw"])
@pytest.mark.parametrize("cleaner_dies", [False, True])
def test_a_change_whose_process_died_in_commit_is_whole_or_gone(
    tmp_path: Path, what: str, cleaner_dies: bool
) -> None:
    with PreferenceStore(tmp_path) as store:
        first = store.record(make_strip(1), Opinion("up", 0))
        # While a window is open, SQLite trusts the index; after it, it reads the log anew.
        window = subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert window.stdout is not None
        window.stdout.readline()
    assert run(DIE_IN_COMMIT, tmp_path, what, first) == 9
    lists = list((tmp_path / "images").glob("changing-*"))
    assert len(lists) == 1
    if cleaner_dies:
        assert run(DIE_BEFORE_COMMIT, tmp_path) == 9
    else:
        PreferenceStore(tmp_path).close()
    assert bool(list((tmp_path / "images").glob("changing-*"))) == cleaner_dies
    window.kill()
    window.communicate()
    with PreferenceStore(tmp_path) as store:
        photos = [store.read(key).presentation.photo_sha256 for key in store.presentation_ids()]
        assert store.sweep() == 0
    # A withdrawal that nobody heard of comes back when nothing was written meanwhile.
    withdrawn = what == "withdraw" and cleaner_dies
    assert photos == ([] if withdrawn else [make_strip(1).photo_sha256])
    assert not list((tmp_path / "images").glob("changing-*"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, so that 200 starts take seconds")
def test_every_acknowledged_record_survives_kills(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", KILL_AT_RANDOM, str(tmp_path), str(KILLS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [
        (word, int(record_id), int(number)) for word, record_id, number in json.loads(ran.stdout)
    ]
    kept = {record_id: number for word, record_id, number in lines if word == "kept"}
    leaving = {record_id for word, record_id, _ in lines if word == "leaving"}
    gone = {record_id for word, record_id, _ in lines if word == "gone"}
    assert len(kept) > KILLS / 4
    assert gone

    with PreferenceStore(tmp_path) as store:
        assert store.notice is None
        strips = {
            record.record_id: strip.presentation
            for strip in map(store.read, store.presentation_ids())
            for record in strip.opinions
        }
        assert store.sweep() == 0  # the start has removed what no record names
        counts = store.statistics()
    assert not gone & set(strips)
    for record_id in set(kept) - leaving:
        shown, expected = strips[record_id], make_strip(kept[record_id], 2)
        assert shown.photo_sha256 == expected.photo_sha256
        assert (shown.candidates[0].pixels == expected.candidates[0].pixels).all()
    assert counts.accepts == counts.presentations == len(strips)
    files = {path.name for path in (tmp_path / "images").rglob("*") if path.is_file()}
    assert {Path(name).suffix for name in files} == {".png"}


def test_two_windows_write_at_once(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RECORD_MANY, str(tmp_path), person, str(start)],
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for person, start in (("Ann", 0), ("Bob", 1000))
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.wait() for child in children] == [0, 0]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    with PreferenceStore(tmp_path) as store:
        counts = store.statistics()
        assert (counts.ups, counts.downs) == (80, 80)
        assert counts.presentations == 120  # forty of them were shown to both
        for key in store.presentation_ids():
            store.read(key)
        assert store.sweep() == 0
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_second_window_reads_what_the_first_has_written(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as first, PreferenceStore(tmp_path) as second:
        first.record(make_strip(1), Opinion("up", 0))
        assert second.statistics().ups == 1
        second.delete_all()
        assert first.statistics().ups == 0
        first.record(make_strip(1), Opinion("up", 0))
        assert len(second.presentation_ids()) == 1
