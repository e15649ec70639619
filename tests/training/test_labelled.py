"""Labels that people gave: read, set aside by name where they are bad, and learned from."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.training.photos import hole_at, make_photo
from training.errors import PrefPaintError
from training.prompts.photos import split_of_name
from training.reward import finish
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.evaluation import network_judge, pair_outcomes
from training.reward.labelled import LabelledSet, read_labelled
from training.reward.trainer import train_reward

SIZE = 64
SMALL = EncoderConfig(image_size=SIZE, widths=(8, 16, 16, 16), embedding_size=16)
Label = list[object]


def write_prompts(folder: Path, names: list[str], size: int = 96) -> dict[str, Label]:
    """Three fills a prompt, the higher their number the more blurred; gives their labels."""
    for part in ("inpaint", "masks", "masks_color"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    labels: dict[str, Label] = {}
    hole = hole_at((size, size), 24, 24, 48, 48)
    for number, name in enumerate(names):
        photo = make_photo(size, size, number)
        masked = np.where(hole[..., None], np.uint8(255), photo)
        Image.fromarray(hole).save(folder / "masks" / f"{name}_mask.png")
        Image.fromarray(masked).save(folder / "masks_color" / f"{name}_mask_color.png")
        for index in range(3):
            blurred = cv2.GaussianBlur(photo, (0, 0), 4 * index) if index else photo
            fill = np.where(hole[..., None], blurred, photo)
            Image.fromarray(fill).save(folder / "inpaint" / f"{name}_{index}.png")
            labels[f"{name}_{index}"] = [6.0 - 2 * index, index + 1]
    return labels


def write_labels(folder: Path, labels: object) -> None:
    (folder / "labels.json").write_text(json.dumps(labels))


@pytest.mark.parametrize("grouped", [False, True])
def test_scores_are_standardised_within_data_set_and_pattern(grouped: bool, tmp_path: Path) -> None:
    names = ["ade20k_square_0001", "ade20k_square_0002", "kitti_warp_0001"]
    labels = write_prompts(tmp_path, names)
    labels["kitti_warp_0001_2"] = [0.0, 3]
    nested = {
        name: {key: label for key, label in labels.items() if key.startswith(name)}
        for name in names
    }
    write_labels(tmp_path, nested if grouped else labels)
    found = read_labelled(tmp_path, SIZE)
    assert not found.set_aside
    by_name = {prompt.name: prompt for prompt in found.prompts}
    assert set(by_name) == set(names)
    for group in ("ade20k_square", "kitti_warp"):
        scores = [s for p in found.prompts if p.group == group for s in p.scores]
        assert np.mean(scores) == pytest.approx(0, abs=1e-9)
        assert np.std(scores) == pytest.approx(1)
    prompt = by_name[names[0]]
    assert prompt.looks == (((0,), (1,), (2,)),)
    assert prompt.pictures.shape == (3, SIZE, SIZE, 3)
    assert prompt.hole.shape == (SIZE, SIZE)
    assert (prompt.masked[prompt.hole] > 200).mean() > 0.8


def _label(key: str, value: object) -> Callable[[Path, dict[str, Label]], None]:
    def spoil(_folder: Path, labels: dict[str, Label]) -> None:
        labels[key] = value  # type: ignore[assignment]

    return spoil


def _file(name: str, content: bytes | None) -> Callable[[Path, dict[str, Label]], None]:
    def spoil(folder: Path, _labels: dict[str, Label]) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)

    return spoil


def _resize(folder: Path, _labels: dict[str, Label]) -> None:
    Image.new("L", (10, 10)).save(folder / "masks" / "a_0001_mask.png")


def _lonely(folder: Path, labels: dict[str, Label]) -> None:
    for name in ("a_0001_0", "a_0001_1"):
        del labels[name]
        (folder / "inpaint" / f"{name}.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_label("a_0001_0", [9.0, 1]), "a_0001_0: score 9.0 is not in 0-7"),
        (_label("a_0001_0", [float("nan"), 1]), "a_0001_0: [NaN, 1] is no [score, rank]"),
        (_label("a_0001_0", "good"), 'a_0001_0: "good" is no [score, rank]'),
        (_label("a_0001_7", [3.0, 1]), "a_0001_7.png: cannot be read"),
        (_file("inpaint/a_0001_0.png", b"no image"), "a_0001_0.png: cannot be read"),
        (_file("masks/a_0001_mask.png", None), "a_0001_mask.png: cannot be read"),
        (_resize, "is not the mask's size (10, 10)"),
        (_lonely, "a_0001: one judged picture makes no pair"),
    ],
)
def test_what_cannot_be_learned_from_is_named(
    spoil: Callable[[Path, dict[str, Label]], None], says: str, tmp_path: Path
) -> None:
    labels = write_prompts(tmp_path, ["a_0001", "a_0002"])
    spoil(tmp_path, labels)
    write_labels(tmp_path, labels)
    found = read_labelled(tmp_path, SIZE)
    assert len(found.set_aside) == 1
    assert says in found.set_aside[0]
    assert "a_0002" in {prompt.name for prompt in found.prompts}


def test_what_nobody_labelled_is_named(tmp_path: Path) -> None:
    labels = write_prompts(tmp_path, ["a_0001", "a_0002"])
    write_prompts(tmp_path, ["a_0003"])
    del labels["a_0001_2"]
    write_labels(tmp_path, labels)
    found = read_labelled(tmp_path, SIZE)
    assert [len(prompt.indices) for prompt in found.prompts] == [2, 3]
    assert found.set_aside == [
        f"{tmp_path / 'inpaint' / 'a_0001_2.png'}: nobody labelled it.",
        "a_0003: nobody labelled it.",
    ]


def test_of_labels_that_contradict_each_other_neither_is_used(tmp_path: Path) -> None:
    labels = write_prompts(tmp_path, ["a_0001"])
    write_labels(tmp_path, labels)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**labels, "a_0001_0": [1.0, 3]}))
    found = read_labelled(tmp_path, SIZE)
    assert [prompt.indices for prompt in found.prompts] == [("1", "2")]
    assert found.set_aside == [f"{other}, a_0001_0: another label differs, so neither is used."]


def test_records_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    write_prompts(tmp_path, ["abc"])
    rows = "".join(f'{{"name": "abc_{index}"}}\n' for index in range(3))
    (tmp_path / "candidates.jsonl").write_text(rows)
    records = tmp_path / "records.jsonl"
    lines = [f'{{"file": "{name}_1.png", "signal": "up"}}\n' for name in ("abc", "gone")]
    records.write_text("".join(lines))
    found = read_labelled(tmp_path, SIZE)
    assert [prompt.name for prompt in found.prompts] == ["abc"]
    assert found.set_aside == [f"{records}: gone is not in candidates.jsonl."]
    records.write_text("".join([*lines, "{\n"]))
    with pytest.raises(PrefPaintError, match=r"records\.jsonl, line 3, is no JSON"):
        read_labelled(tmp_path, SIZE)


@pytest.mark.parametrize("content", ["{", "[1, 2]"])
def test_a_file_that_holds_no_labels_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(PrefPaintError, match=r"labels\.json is no"):
        read_labelled(tmp_path, SIZE)
    (tmp_path / "labels.json").unlink()
    with pytest.raises(PrefPaintError, match="nor labels"):
        read_labelled(tmp_path, SIZE)


def test_our_export_orders_accepts_over_thumbs_over_silence(tmp_path: Path) -> None:
    write_prompts(tmp_path, ["abc"])
    rows = [{"name": f"abc_{index}", "prompt_id": "abc"} for index in range(3)]
    said = [
        {"file": "inpaint/abc_2.png", "signal": "accept"},
        {"file": "inpaint/abc_0.png", "signal": "down"},
        {"file": "inpaint/abc_0.png", "signal": "shrug"},
    ]
    for name, lines in (("candidates", rows), ("records", said)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    found = read_labelled(tmp_path, SIZE)
    assert found.prompts[0].looks == (((2,), (1,), (0,)),)
    assert found.prompts[0].scores == ()  # nobody gave any
    assert found.set_aside == [f"{tmp_path / 'records.jsonl'}, line 3: no signal of a file."]


def test_labels_go_before_the_records_of_their_prompt(tmp_path: Path) -> None:
    labels = write_prompts(tmp_path, ["rated", "ordered", "contested", "asked"])
    write_labels(tmp_path, {key: label for key, label in labels.items() if "rated" in key})
    rows = [
        {"name": f"{prompt}_{index}", "prompt_id": prompt}
        for prompt in ("rated", "ordered", "contested", "asked")
        for index in range(3)
    ]
    said = [
        {"prompt_id": "rated", "signal": "down", "file": "inpaint/rated_0.png"},
        {"prompt_id": "ordered", "signal": "up", "file": "inpaint/ordered_1.png"},
        {"prompt_id": "ordered", "signal": "order", "order": ["ordered_2.png", "ordered_0.png"]},
        {"prompt_id": "contested", "signal": "up", "file": "contested_0.png", "rater": "a"},
        {"prompt_id": "contested", "signal": "up", "file": "contested_1.png", "rater": "b"},
        {"prompt_id": "contested", "signal": "none", "rater": "c"},
        {"prompt_id": "ordered", "signal": "order", "order": ["ordered_1.png"]},
        {"prompt_id": "ordered", "signal": "rating", "file": "ordered_1.png", "rating": [0, 1, 1]},
        {"prompt_id": "asked", "signal": "best", "order": [f"asked_{n}.png" for n in (1, 0, 2)]},
    ]
    for name, lines in (("candidates", rows), ("records", said)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    found = read_labelled(tmp_path, SIZE)
    told = {prompt.name: (prompt.indices, prompt.looks) for prompt in found.prompts}
    assert told == {
        "rated": (("0", "1", "2"), (((0,), (1,), (2,)),)),
        "ordered": (("0", "1", "2"), (((1,), (2,), (0,)),)),
        "contested by a": (("0", "1", "2"), (((0,), (1, 2)),)),
        "contested by b": (("0", "1", "2"), (((1,), (0, 2)),)),
        "asked": (("0", "1", "2"), (((1,), (0, 2)),)),
    }
    assert [line.split(", ")[-1] for line in found.set_aside] == [
        f"line {number}: no signal of a file." for number in (7, 8)
    ]


def of_both_splits(count: int) -> list[str]:
    """Prompts, most of them in the train split, some held out."""
    names = [f"set_{number:04d}" for number in range(400)]
    train = [name for name in names if split_of_name(name) == "train"][:count]
    return train + [name for name in names if split_of_name(name) == "validation"][:4]


@pytest.mark.parametrize("objective", ["ranking", "regression", "classification"])
def test_a_reward_learns_what_people_said(
    objective, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    labels = write_prompts(data, of_both_splits(12))
    lonely = next(f"set_{n}" for n in range(900, 999) if split_of_name(f"set_{n}") == "train")
    labels[f"{lonely}_0"] = [1.0, 1]
    write_labels(data, labels)
    config = RewardTrainingConfig(
        steps=80,
        batch_size=6,
        learning_rate=2e-3,
        warmup_steps=3,
        checkpoint_every=80,
        bf16=False,
        objective=objective,
        encoder=SMALL,
    )
    with caplog.at_level(logging.WARNING):
        model = train_reward([data], [data], tmp_path / "run", config, lambda _: None)
    # Nothing of the lonely label is silent: it is counted aloud and kept by name.
    assert "1 labels or prompts were set aside" in caplog.text
    kept = list((tmp_path / "run").glob("set-aside-*.txt"))
    assert lonely in "".join(file.read_text() for file in kept)
    held_out: LabelledSet = read_labelled(data, SIZE, "validation")
    outcomes = pair_outcomes(network_judge(model.network), held_out.prompts, 0)
    rights = [right for _, right in outcomes["better over worse, as ranked"]]
    assert np.mean(rights) > 0.9


@pytest.mark.parametrize("objective", ["regression", "classification"])
def test_scores_are_learned_where_most_prompts_have_none(objective, tmp_path: Path) -> None:
    scored, ranked = tmp_path / "scored", tmp_path / "ranked"
    names = of_both_splits(8)
    write_labels(scored, write_prompts(scored, names[:2] + names[-1:]))
    write_prompts(ranked, names[2:])
    rows = [{"name": f"{name}_{index}"} for name in names[2:] for index in range(3)]
    said = [{"file": f"{name}_1.png", "signal": "up"} for name in names[2:]]
    for name, lines in (("candidates", rows), ("records", said)):
        (ranked / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    config = RewardTrainingConfig(
        steps=6, batch_size=1, bf16=False, objective=objective, encoder=SMALL
    )
    out, data = tmp_path / "run", [scored, ranked]
    model = train_reward(data, data, out, config, lambda _: None)
    assert model.provenance["training prompts"] == 2
    kept = (out / "set-aside-without-scores.txt").read_text().splitlines()
    assert kept == [f"{name}: nobody scored its pictures." for name in names[2:8]]
    with pytest.raises(PrefPaintError, match=f"For {objective} the pictures need scores"):
        train_reward([ranked], data, tmp_path / "none", config, lambda _: None)


def test_units_and_bounds_are_of_all_that_was_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    write_labels(data, write_prompts(data, of_both_splits(7)))
    config = RewardTrainingConfig(steps=1, batch_size=2, bf16=False, encoder=SMALL)
    whole = train_reward([data, data], [data], tmp_path / "whole", config, lambda _: None)
    judge = network_judge(whole.network)
    held_out = read_labelled(data, SIZE, "validation").prompts
    rewards = np.concatenate([judge(prompt, prompt.pictures) for prompt in held_out])
    assert whole.mean == pytest.approx(rewards.mean())
    assert whole.deviation == pytest.approx(rewards.std())
    # Every second of seven prompts twice is each of them once.
    monkeypatch.setattr(finish, "FEATURE_PROMPTS", 7)
    some = train_reward([data, data], [data], tmp_path / "some", config, lambda _: None)
    np.testing.assert_allclose(some.trust.v_inverse, whole.trust.v_inverse, atol=1e-3)
