"""An acknowledged preference survives the death of the process that recorded it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.strips import make_strip
from training.preferences.store import PreferenceStore

RECORD_FOREVER = """
import sys
from pathlib import Path
from tests.training.strips import make_strip
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore
store = PreferenceStore(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    print(number, store.record(make_strip(number), Opinion("accept", 0)), flush=True)
    number += 1
"""


@pytest.mark.parametrize("acknowledgements", [1, 2, 7])
def test_every_acknowledged_record_survives_kills(tmp_path: Path, acknowledgements: int) -> None:
    acknowledged: dict[int, int] = {}
    for start in (0, 1000, 2000):
        child = subprocess.Popen(
            [sys.executable, "-c", RECORD_FOREVER, str(tmp_path), str(start)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],  # so that it finds tests.training.strips
        )
        assert child.stdout is not None
        for _ in range(acknowledgements):
            number, record_id = child.stdout.readline().split()
            acknowledged[int(record_id)] = int(number)
        child.kill()  # SIGKILL: nothing is flushed or closed
        remaining, _ = child.communicate()
        for line in remaining.splitlines(keepends=True):
            if line.endswith("\n"):
                number, record_id = line.split()
                acknowledged[int(record_id)] = int(number)

    with PreferenceStore(tmp_path) as store:
        assert store.notice is None
        kept = {
            signal.record_id: strip
            for strip in map(store.read, store.presentation_ids())
            for signal in strip.opinions
        }
    assert len(acknowledged) >= 3 * acknowledgements
    for record_id, number in acknowledged.items():
        shown, expected = kept[record_id].presentation, make_strip(number)
        assert shown.photo_sha256 == expected.photo_sha256
        assert (shown.candidates[0].pixels == expected.candidates[0].pixels).all()
