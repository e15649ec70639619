"""What is deleted is in no file any more, and what nobody names is swept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.strips import make_strip
from training.preferences.database import FILE_NAME
from training.preferences.images import image_path, keep_image, pixel_hash
from training.preferences.records import Opinion, Presentation
from training.preferences.rows import pictures
from training.preferences.store import PreferenceStore
from training.preferences.sweep import list_changing

COUNT = 24


def strip(number: int) -> Presentation:
    """Strips with the same remainder by three are of one photo."""
    return replace(make_strip(number), photo_sha256=f"{number % 3:064x}", prompt=secret(number))


def secret(number: int) -> str:
    return f"what was asked {number:04d}"


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def traces(folder: Path, number: int) -> list[str]:
    """What is left of a strip on disk."""
    everything = files(folder)
    content = b"".join(everything.values())
    shown = strip(number)
    found = [
        f"features of {one.seed}"
        for one in shown.candidates
        if one.features.tobytes()[:24] in content or one.features.tobytes()[-24:] in content
    ]
    if secret(number).encode() in content:
        found.append("prompt")
    names = {path.stem for path in everything}
    hole = pixel_hash(make_strip().hole.astype("uint8") * 255)  # all strips share it
    return found + [sha256 for sha256 in pictures(shown) if sha256 in names and sha256 != hole]


def delete_one(store: PreferenceStore) -> list[int]:
    by_prompt = {store.read(key).presentation.prompt: key for key in store.presentation_ids()}
    (record,) = store.read(by_prompt[secret(7)]).opinions
    store.withdraw(record.record_id)
    return [7]


def delete_photo(store: PreferenceStore) -> list[int]:
    assert store.delete_photo(f"{1:064x}") == COUNT // 3
    return list(range(1, COUNT, 3))


def delete_all(store: PreferenceStore) -> list[int]:
    assert store.delete_all() == COUNT
    return list(range(COUNT))


@pytest.mark.parametrize("delete", [delete_one, delete_photo, delete_all])
def test_no_trace_is_left(tmp_path: Path, delete: Callable[[PreferenceStore], list[int]]) -> None:
    with PreferenceStore(tmp_path) as store:
        for number in range(COUNT):
            store.record(strip(number), Opinion("rating", 1, rating=(1, 2, 3)))
        assert len(traces(tmp_path, 1)) == 8  # else the search finds nothing
        deleted = delete(store)
        for closed in (False, True):
            for number in range(COUNT):
                assert len(traces(tmp_path, number)) == (0 if number in deleted else 8)
            assert store.statistics().presentations == COUNT - len(deleted) if not closed else True
            store.close()


def test_deleting_all_takes_what_was_set_aside_and_makes_room(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 1000)
    with PreferenceStore(tmp_path) as store:
        last = [store.record(strip(number), Opinion("up", 0)) for number in range(COUNT)][-1]
        grown = (tmp_path / FILE_NAME).stat().st_size
        store.delete_all()
        assert {path.name.removeprefix(FILE_NAME) for path in tmp_path.iterdir()} == {
            "",
            "-wal",
            "-shm",
        }
        assert (tmp_path / FILE_NAME).stat().st_size < max(grown, 200_000)
        assert store.statistics().photos == 0
        assert store.record(strip(0), Opinion("up", 0)) > last


def test_deleting_a_photo_that_is_unknown_deletes_nothing(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        store.record(strip(1), Opinion("up", 0))
        assert store.delete_photo("f" * 64) == 0
        assert store.statistics().ups == 1


def test_a_sweep_removes_what_no_record_names(tmp_path: Path) -> None:
    images = tmp_path / "images"
    with PreferenceStore(tmp_path) as store:
        store.record(strip(1), Opinion("up", 0))
        kept = files(images)
        stray = make_strip(9).image
        keep_image(images, pixel_hash(stray), stray)
        unfinished = next(iter(kept)).with_name(".prefpaint-0123456789ab.tmp")
        unfinished.write_bytes(b"half")
        assert store.sweep() == 2
        assert files(images) == kept
        assert store.sweep() == 0


def test_a_sweep_spares_the_pictures_of_a_broken_database(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path) as store:
        store.record(strip(1), Opinion("up", 0))
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 1000)
    with PreferenceStore(tmp_path) as store:
        before = files(tmp_path / "images")
        assert store.sweep() == 0
        assert files(tmp_path / "images") == before


def test_the_next_start_removes_what_a_killed_process_was_writing(tmp_path: Path) -> None:
    images = tmp_path / "images"
    with PreferenceStore(tmp_path) as store:
        store.record(strip(1), Opinion("up", 0))
    kept = files(images)
    wanted = pictures(strip(2))  # shares the hole with the first, as a list may wrongly say
    list_changing(images, wanted)
    *written, unfinished = wanted
    for sha256 in written:
        keep_image(images, sha256, wanted[sha256])
    path = image_path(images, unfinished)
    path.parent.mkdir(exist_ok=True)
    (path.parent / ".prefpaint-0123456789ab.tmp").write_bytes(b"half")
    (images / "changing-half.txt").write_text(next(iter(wanted))[:20])
    PreferenceStore(tmp_path).close()
    assert files(images) == kept
