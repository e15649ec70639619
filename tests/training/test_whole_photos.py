"""Whole photos are kept where that is wanted, go with their last record, and leave when asked."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.strips import make_strip, with_photo
from training.preferences.export import FORMATS, Format, export
from training.preferences.images import image_path, pixel_hash
from training.preferences.importing import import_preferences
from training.preferences.records import Opinion, Presentation
from training.preferences.store import PreferenceStore

ONE, ANOTHER = with_photo(make_strip(1), 1), with_photo(make_strip(2), 2)
ALIKE = with_photo(make_strip(3), 1)
"""Another region of ONE's photo."""
LONE = make_strip(4)
"""Of a photo that is not kept."""


@pytest.fixture
def store(tmp_path: Path) -> PreferenceStore:
    opened = PreferenceStore(tmp_path / "store")
    for strip in (ONE, ANOTHER, ALIKE, LONE):
        opened.record(strip, Opinion("accept", 1))
    return opened


def photo_of(strip: Presentation) -> np.ndarray:
    assert strip.photo is not None
    return strip.photo


def test_a_photo_is_kept_once_and_read_when_it_is_wanted(store: PreferenceStore) -> None:
    assert sorted(store.whole_photos()) == sorted([ONE.photo_sha256, ANOTHER.photo_sha256])
    for strip in (ONE, ANOTHER):  # with an alpha channel and without
        np.testing.assert_array_equal(store.photo(strip.photo_sha256), photo_of(strip))
        assert Image.open(store.photo_file(strip.photo_sha256)).info == {}
    assert all(store.read(key).presentation.photo is None for key in store.presentation_ids())
    assert store.sweep() == 0
    assert len(store.whole_photos()) == 2


def test_a_photo_goes_with_its_last_record(store: PreferenceStore) -> None:
    by_photo = [record for photo, record in store.records() if photo == ONE.photo_sha256]
    store.withdraw(by_photo[0].record_id)
    assert ONE.photo_sha256 in store.whole_photos()
    store.withdraw(by_photo[1].record_id)
    assert not store.photo_file(ONE.photo_sha256).exists()
    store.delete_photo(ANOTHER.photo_sha256)
    assert not store.photo_file(ANOTHER.photo_sha256).exists()
    assert store.whole_photos() == []
    store.record(ONE, Opinion("up", 0))
    store.delete_all()
    assert not store.photo_file(ONE.photo_sha256).exists()


def test_the_photos_alone_can_be_dropped(store: PreferenceStore) -> None:
    before = store.statistics()
    assert store.drop_photos() == 2
    assert store.whole_photos() == []
    assert store.statistics() == before
    assert [store.read(key).presentation.prompt for key in store.presentation_ids()] == [""] * 4


def test_a_region_that_is_the_photo_stays_when_photos_are_dropped(store: PreferenceStore) -> None:
    store.record(replace(LONE, photo_sha256=pixel_hash(LONE.image)), Opinion("up", 0))
    assert len(store.whole_photos()) == 3
    assert store.drop_photos() == 2
    assert len([store.read(key) for key in store.presentation_ids()]) == 5


@pytest.mark.parametrize("form", ["paper", "pairs", "datasets"])
def test_photos_leave_once_each_with_the_places_of_the_regions(
    store: PreferenceStore, form: Format, tmp_path: Path
) -> None:
    assert export(store, tmp_path / "out", form, whole_photos=True).photos == 2
    photos = tmp_path / "out" / "photos"
    found = {path.name: np.array(Image.open(path)) for path in photos.glob("*.png")}
    assert found.keys() == {"photo-1.png", "photo-2.png"}
    np.testing.assert_array_equal(found["photo-1.png"], photo_of(ONE))
    np.testing.assert_array_equal(found["photo-2.png"], photo_of(ANOTHER))
    regions = json.loads((photos / "regions.json").read_text())
    assert sorted(region["photo"] for region in regions.values()) == [
        *("photo-1", "photo-1", "photo-2", "photo-3"),
    ]
    assert {"top": 1, "left": 2, "height": 20, "width": 30}.items() <= next(
        iter(regions.values())
    ).items()
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "but for 2 photos that are here whole" in card
    everything = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert ONE.photo_sha256.encode() not in everything


def test_a_data_set_with_photos_beside_it_opens(store: PreferenceStore, tmp_path: Path) -> None:
    from datasets import disable_progress_bars, load_dataset, load_from_disk

    disable_progress_bars()
    load = partial(load_dataset, cache_dir=str(tmp_path / "cache"), split="train")
    export(store, tmp_path / "out", "datasets", whole_photos=True)
    assert len(load_from_disk(tmp_path / "out")) == 4
    rows = export(store, tmp_path / "pairs", "pairs", whole_photos=True).rows
    assert len(load(str(tmp_path / "pairs"))) == rows


@pytest.mark.parametrize("form", FORMATS)
def test_without_being_asked_no_photo_leaves(
    store: PreferenceStore, form: Format, tmp_path: Path
) -> None:
    assert export(store, tmp_path / "out", form).photos == 0
    assert not (tmp_path / "out" / "photos").exists()
    assert not (tmp_path / "out" / "images" / f"{ONE.photo_sha256}.png").exists()
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "here whole" not in card


def test_a_photo_that_was_altered_stays(store: PreferenceStore, tmp_path: Path) -> None:
    file = image_path(store.folder / "images", ONE.photo_sha256)
    Image.fromarray(255 - photo_of(ONE)).save(file)
    assert export(store, tmp_path / "out", "jsonl", whole_photos=True).photos == 1
    with PreferenceStore(tmp_path / "other") as other:
        import_preferences(other, tmp_path / "out")
        assert other.whole_photos() == [ANOTHER.photo_sha256]
        np.testing.assert_array_equal(other.photo(ANOTHER.photo_sha256), photo_of(ANOTHER))
