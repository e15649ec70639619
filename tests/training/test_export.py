"""An export holds what was asked for, in the words of its format, and nothing that tells who."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.training.strips import make_strip
from training.errors import Cancelled, PrefPaintError
from training.preferences.export import FORMATS, Format, export
from training.preferences.formats.views import prompt_id
from training.preferences.records import Filter, Opinion
from training.preferences.store import PreferenceStore
from training.prompts.photos import SPLITS
from training.reward.batches import read_prompts
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.labelled import read_labelled
from training.reward.trainer import train_reward

SMALL = EncoderConfig(image_size=64, widths=(8, 16, 16, 16), embedding_size=16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PreferenceStore]:
    """Three strips: thumbs and an accept, an order by two people, and ratings by two."""
    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(1), Opinion("accept", 1), "2026-01-01T00:00:00.000+00:00")
        store.record(make_strip(1), Opinion("up", 1, person="Zoe"), "2026-01-02T00:00:00.000+00:00")
        store.record(make_strip(1), Opinion("down", 2, reasons=("seam",)))
        store.record(make_strip(2), Opinion("order", order=(2, 0, 1)))
        store.record(make_strip(2), Opinion("order", order=(0, 1), person="Zoe"))
        store.record(make_strip(3), Opinion("rating", 0, rating=(1, 1, 2)))
        store.record(make_strip(3), Opinion("rating", 0, rating=(3, 3, 4), person="Zoe"))
        store.record(make_strip(3), Opinion("rating", 2, rating=(7, 7, 7)))
        store.record(make_strip(3), Opinion("none"))
        yield store


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# --- every format ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_tells_where_it_was_or_who_said_it(
    store: PreferenceStore, form: Format, tmp_path: Path
) -> None:
    summary = export(store, tmp_path / "out", form, licence="CC BY 4.0")
    assert (summary.tally.strips, summary.tally.opinions, summary.tally.skipped) == (3, 9, 0)
    everything = content(tmp_path / "out")
    assert str(tmp_path).encode() not in everything
    assert b"eXIf" not in everything
    is_archive = form == "jsonl"
    assert (b"Zoe" in everything) == is_archive
    assert (make_strip(1).photo_sha256.encode() in everything) == is_archive
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card
    assert "9 opinions of 2 people" in card
    assert "patchmatch (9)" in card
    assert ("Keep this archive for yourself" in card) == is_archive


@pytest.mark.parametrize("form", ["paper", "pairs", "datasets"])
def test_what_lay_under_the_mask_stays(
    store: PreferenceStore, form: Format, tmp_path: Path
) -> None:
    export(store, tmp_path / "out", form)
    everything = content(tmp_path / "out")
    strip = make_strip(1)
    assert strip.image[strip.hole].tobytes() not in everything
    if form == "paper":
        shown = np.array(Image.open(next((tmp_path / "out" / "masks_color").iterdir())))
        assert (shown[make_strip(1).hole] == 255).all()


@pytest.mark.parametrize(
    ("which", "strips", "opinions"),
    [
        (Filter(persons=("Zoe",)), 3, 3),
        (Filter(signals=("order", "none")), 2, 3),
        (Filter(until="2026-01-01"), 1, 1),
        (Filter(photo_sha256=make_strip(3).photo_sha256), 1, 4),
        (Filter(models=("patchmatch",), signals=("accept",)), 1, 1),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_filter_limits_what_leaves(
    store: PreferenceStore, form: Format, which: Filter, strips: int, opinions: int, tmp_path: Path
) -> None:
    tally = export(store, tmp_path / "out", form, which).tally
    assert (tally.strips, tally.opinions) == (strips, opinions)
    counted = store.tally(which)
    assert replace(counted, skipped=0) == tally


def test_a_filter_that_lets_nothing_through_says_so(store: PreferenceStore, tmp_path: Path) -> None:
    with pytest.raises(PrefPaintError, match="no such preferences"):
        export(store, tmp_path / "out", "paper", Filter(models=("unknown",)))
    with pytest.raises(PrefPaintError, match="no known licence"):
        export(store, tmp_path / "out", "paper", licence="mine")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_refused(store: PreferenceStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(PrefPaintError, match="holds something"):
        export(store, out, "paper")
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").unlink()
    assert export(store, out, "paper").tally.strips == 3


@pytest.mark.parametrize("form", FORMATS)
def test_cancelling_leaves_no_folder(store: PreferenceStore, form: Format, tmp_path: Path) -> None:
    cancel, shares = threading.Event(), []

    def on_progress(share: float) -> None:
        shares.append(share)
        cancel.set()

    with pytest.raises(Cancelled):
        export(store, tmp_path / "out", form, on_progress=on_progress, cancel=cancel)
    assert shares == [pytest.approx(1 / 3)]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_strip_whose_picture_is_gone_is_left_out_and_counted(tmp_path: Path) -> None:
    def kept() -> set[Path]:
        return set((tmp_path / "store" / "images").rglob("*.png"))

    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(1), Opinion("up", 0))
        before = kept()
        store.record(make_strip(2), Opinion("up", 0))
        (kept() - before).pop().write_bytes(b"damaged")
        tally = export(store, tmp_path / "out", "paper").tally
        assert (tally.strips, tally.skipped) == (1, 1)
        assert "1 strip was left out" in (tmp_path / "out" / "README.md").read_text()
        for path in kept():
            path.write_bytes(b"damaged")
        with pytest.raises(PrefPaintError, match="of 2 strips in"):
            export(store, tmp_path / "none", "paper")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_figures_that_are_no_numbers_stay(form: Format, tmp_path: Path) -> None:
    odd = make_strip(2)
    features = np.full(256, np.nan, np.float32)
    candidates = (replace(odd.candidates[0], features=features), *odd.candidates[1:])
    endless = replace(odd.candidates[0], reward=float("inf"))
    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(1), Opinion("up", 0))
        store.record(replace(odd, candidates=candidates), Opinion("up", 0))
        store.record(replace(odd, candidates=(endless,)), Opinion("up", 0))
        tally = export(store, tmp_path / "out", form).tally
    assert (tally.strips, tally.skipped) == (1, 2)


# --- paper ----------------------------------------------------------------------------------------


def test_paper_has_the_published_layout(store: PreferenceStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(store, out, "paper")
    records = lines(out / "records.jsonl")
    assert [row["signal"] for row in records][:5] == ["accept", "up", "down", "order", "order"]
    assert [row["rater"] for row in records][:2] == ["rater-1", "rater-2"]
    assert records[2]["reasons"] == ["seam"]
    features = load_file(out / "features.safetensors")
    strip = make_strip(1)
    for record, seed in zip(records, (1, 1, 2), strict=False):
        candidate = strip.candidates[seed]
        np.testing.assert_array_equal(np.array(Image.open(out / record["file"])), candidate.pixels)
        np.testing.assert_array_equal(features[Path(record["file"]).stem], candidate.features)
        assert (record["seed"], record["rank"]) == (seed, seed + 1)
    order = [Path(file).stem for file in records[3]["order"]]
    prompt = records[3]["prompt_id"]
    assert order == [f"{prompt}_2", f"{prompt}_0", f"{prompt}_1"]
    rows = lines(out / "candidates.jsonl")
    assert [row["photo"] for row in rows[::3]] == ["photo-1", "photo-2", "photo-3"]


def test_paper_has_scores_of_what_was_rated_alone(store: PreferenceStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(store, out, "paper").rows == 2
    prompt = lines(out / "records.jsonl")[-1]["prompt_id"]
    labels = json.loads((out / "labels.json").read_text())
    # Two raters: 0.15 * 1 + 0.15 * 1 + 0.7 * 2 = 1.7 and 3.7.
    assert labels == {f"{prompt}_0": [2.7, 2], f"{prompt}_2": [7.0, 1]}
    assert json.loads((out / "labels_grouped.json").read_text()) == {prompt: labels}
    export(store, tmp_path / "thumbs", "paper", Filter(signals=("up", "accept")))
    assert not list((tmp_path / "thumbs").glob("*.json"))


def test_raters_who_saw_other_orders_have_one_mean(tmp_path: Path) -> None:
    """The rating screen shuffles a prompt's fills for each rater."""
    strip = make_strip(1)
    shuffled = tuple(
        replace(strip.candidates[seed], rank=rank) for rank, seed in enumerate((2, 0, 1), 1)
    )
    with PreferenceStore(tmp_path / "store") as store:
        store.record(strip, Opinion("rating", 0, rating=(2, 2, 2)))
        store.record(strip, Opinion("rating", 1, rating=(7, 7, 7)))
        theirs = replace(strip, candidates=shuffled)
        store.record(theirs, Opinion("rating", 0, rating=(4, 4, 4), person="Zoe"))
        export(store, tmp_path / "out", "paper")
    labels = json.loads((tmp_path / "out" / "labels_grouped.json").read_text())
    (prompt,) = labels.values()
    assert {name[-1]: label for name, label in prompt.items()} == {"0": [3.0, 2], "1": [7.0, 1]}


def test_answers_given_as_the_cards_moved_are_of_one_strip(tmp_path: Path) -> None:
    """Each answer may re-rank the strip, which is then kept in its new order."""
    strip = make_strip(1)
    moved = replace(
        strip,
        candidates=tuple(
            replace(strip.candidates[seed], rank=rank) for rank, seed in enumerate((1, 0, 2), 1)
        ),
    )
    with PreferenceStore(tmp_path / "store") as store:
        store.record(strip, Opinion("up", 0), "2026-01-01T00:00:00.000+00:00")
        store.record(moved, Opinion("up", 1), "2026-01-01T00:00:01.000+00:00")
        store.record(moved, Opinion("down", 0), "2026-01-01T00:00:02.000+00:00")
        summary = export(store, tmp_path / "out", "pairs")
        assert (summary.tally.strips, summary.rows) == (1, 3)  # 1 over 0 and 2, 2 over 0
        assert len(store.told_strips()) == 1
        assert export(store, tmp_path / "all", "jsonl").tally.strips == 2  # with each exposure


@pytest.mark.parametrize("form", ["paper", "datasets"])
def test_the_reward_trainer_reads_it(store: PreferenceStore, form: Format, tmp_path: Path) -> None:
    export(store, tmp_path / "out", form)
    found = read_labelled(tmp_path / "out", 64)
    assert not found.set_aside
    told = {(len(p.indices), p.looks, bool(p.scores)) for p in found.prompts}
    assert told == {
        (3, (((1,), (0,), (2,)),), False),  # accept over silence over thumb down
        (3, (((1,), (0, 2)),), False),  # Zoe's thumb up
        (3, (((2,), (0,), (1,)),), False),  # the order
        (2, (((0,), (1,)),), False),  # Zoe's order, of two of the three
        (2, (((1,), (0,)),), True),  # ratings of two of the three
    }
    assert len({prompt.name for prompt in found.prompts}) == 5
    prompt = found.prompts[0]
    assert prompt.pictures.shape == (3, 64, 64, 3)
    assert (prompt.masked[prompt.hole] == 255).all()
    in_paper = read_labelled_of_paper(store, tmp_path)
    for ours, theirs in zip(found.prompts, in_paper, strict=True):
        np.testing.assert_array_equal(ours.pictures, theirs.pictures)
        np.testing.assert_array_equal(ours.hole, theirs.hole)


def read_labelled_of_paper(store: PreferenceStore, tmp_path: Path) -> list:
    export(store, tmp_path / "again", "paper")
    return read_labelled(tmp_path / "again", 64).prompts


def test_what_tells_no_order_is_named(tmp_path: Path) -> None:
    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(1), Opinion("none"))
        store.record(make_strip(1), Opinion("skip", person="Zoe"))
        export(store, tmp_path / "out", "paper")
        export(store, tmp_path / "archive", "jsonl")
    found = read_labelled(tmp_path / "out", 64)
    assert not found.prompts
    assert found.set_aside[0].endswith("nobody told an order of its pictures.")
    with pytest.raises(PrefPaintError, match="archive for `prefpaint preferences import`"):
        read_labelled(tmp_path / "archive", 64)


@pytest.mark.parametrize("form", ["paper", "datasets"])
def test_a_reward_is_trained_on_it(form: Format, tmp_path: Path) -> None:
    with PreferenceStore(tmp_path / "store") as store:
        for number in range(60):
            store.record(make_strip(number, 2), Opinion("up", number % 2))
        export(store, tmp_path / "out", form)
    config = RewardTrainingConfig(
        steps=2, batch_size=4, checkpoint_every=2, bf16=False, encoder=SMALL
    )
    data = [tmp_path / "out"]
    train_reward(data, data, tmp_path / "run", config, lambda _: None)
    assert not list((tmp_path / "run").glob("set-aside-*.txt"))


@pytest.mark.parametrize("form", ["paper", "datasets"])
def test_no_photo_of_several_exports_is_on_two_sides(form: Format, tmp_path: Path) -> None:
    """The second export has strips of the first one's photos, some under other numbers."""
    with PreferenceStore(tmp_path / "store") as store:
        for number in range(30):
            shown = replace(make_strip(number, 2), photo_sha256=f"{number // 2:064x}")
            store.record(shown, Opinion("up", 0))
            if number not in (0, 1, 6, 11):
                store.record(shown, Opinion("up", 0, person="Zoe"))
        export(store, tmp_path / "all", form)
        export(store, tmp_path / "Zoe", form, Filter(persons=("Zoe",)))
        strips = [store.read(key) for key in store.presentation_ids()]
    photo_of = {prompt_id(strip): strip.presentation.photo_sha256 for strip in strips}
    folders = [tmp_path / "Zoe", tmp_path / "all"]
    sides: dict[str, set[str]] = {}
    for split in SPLITS:
        given = folders[1:] if split == "test" else folders
        for prompt in read_prompts(given, 64, split, tmp_path / "run", folders):
            sides.setdefault(photo_of[prompt.name.split(" by ")[0]], set()).add(split)
    assert {split for side in sides.values() for split in side} == set(SPLITS)
    assert all(len(side) == 1 for side in sides.values())


# --- pairs and datasets ---------------------------------------------------------------------------


@pytest.fixture
def offline(tmp_path: Path) -> Callable:
    """load_dataset, which keeps what it makes in the test's own folder."""
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    return partial(load_dataset, cache_dir=str(tmp_path / "cache"))


def test_pairs_are_chosen_over_rejected(
    store: PreferenceStore, offline: Callable, tmp_path: Path
) -> None:
    summary = export(store, tmp_path / "out", "pairs")
    rows = offline(str(tmp_path / "out"), split="train")
    # Accept and thumb down 3, thumb up 2, order of three 3, of two 1, two ratings of one person 1.
    assert len(rows) == summary.rows == 3 + 2 + 3 + 1 + 1
    first = next(row for row in rows if row["chosen_because"] == "accept")
    strip = make_strip(1)
    np.testing.assert_array_equal(np.array(first["chosen"]), strip.candidates[1].pixels)
    np.testing.assert_array_equal(np.array(first["rejected"]), strip.candidates[0].pixels)
    np.testing.assert_array_equal(np.array(first["mask"]) > 0, strip.hole)
    assert (np.array(first["image"])[strip.hole] == 255).all()
    assert (first["prompt"], first["rater"], first["photo"]) == ("", "rater-1", "photo-1")
    because = {(row["chosen_because"], row["rejected_because"]) for row in rows}
    assert because == {
        ("accept", ""),
        ("accept", "down"),
        ("", "down"),
        ("up", ""),
        ("order", "order"),
        ("rating", "rating"),
    }


def test_the_card_of_pairs_makes_columns_for_diffusion_dpo(
    store: PreferenceStore, offline: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(store, tmp_path / "out", "pairs")
    card = (tmp_path / "out" / "README.md").read_text()
    code = (
        card.split("```python\n")[1].split("```")[0].replace('"DIR"', repr(str(tmp_path / "out")))
    )
    monkeypatch.setattr("datasets.load_dataset", offline)
    names: dict = {}
    exec(code, names)
    row = names["pairs"][0]
    assert row["label_0"] == 1
    assert row["jpg_0"].startswith(b"\x89PNG")
    assert {"caption", "jpg_1"} <= set(row)


def test_a_data_set_opens_with_its_pictures(
    store: PreferenceStore, offline: Callable, tmp_path: Path
) -> None:
    from datasets import load_from_disk

    assert export(store, tmp_path / "out", "datasets").rows == 3
    files = str(tmp_path / "out" / "*.arrow")
    opened = (load_from_disk(tmp_path / "out"), offline("arrow", data_files=files, split="train"))
    for rows in opened:
        assert len(rows) == 3
        row, strip = rows[0], make_strip(1)
        assert [one["seed"] for one in row["candidates"]] == [0, 1, 2]
        fill = np.array(row["candidates"][1]["fill"])
        np.testing.assert_array_equal(fill, strip.candidates[1].pixels)
        np.testing.assert_array_equal(
            np.array(row["candidates"][1]["features"], np.float32), strip.candidates[1].features
        )
        assert [said["signal"] for said in row["opinions"]] == ["accept", "up", "down"]
        assert row["opinions"][0]["candidate"] == 1
        assert rows[1]["opinions"][0]["order"] == [2, 0, 1]
        assert rows[2]["opinions"][0]["rating"] == [1, 1, 2]
        assert rows[2]["opinions"][3]["candidate"] is None
