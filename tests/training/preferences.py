"""A store with what a person said of strips."""

from pathlib import Path

from tests.training.strips import make_strip
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore


def keep_accepts(folder: Path, count: int) -> None:
    """Strips of three candidates, of a photo each, of which the second is accepted."""
    with PreferenceStore(folder) as store:
        for number in range(count):
            store.record(make_strip(number), Opinion("accept", seed=1))
