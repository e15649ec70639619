"""The proof's parts: who sees which photos, blind sheets, the ablation's figures."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from resources import SAMPLE_PHOTO
from tests.training.tiny_preset import TINY
from training.alignment.config import AlignmentConfig
from training.cli import app
from training.errors import PrefPaintError
from training.evaluation.samples import Filled, Judged
from training.files import write_png
from training.inpainting.request import Pixels
from training.pretraining.presets import PRESETS
from training.prompts.incomplete import IncompletePhoto
from training.prompts.photos import read_rgb
from training.reproduction.ablation import WINDOW, ablation_of, curves_of
from training.reproduction.data import Part, photos_of
from training.reproduction.eye import EyeFigures, read_eye, write_blind_sheets
from training.reproduction.forms import CELL, FORM, GAP, LABEL
from training.reproduction.presets import PROOFS, Proof
from training.reproduction.report_words import eye_words
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.eye import LETTERS
from training.reward.model import load_reward
from training.reward.pair_data import load_prompts
from training.reward.view import white_hole

_ENCODER = EncoderConfig(image_size=32, widths=(16, 16, 16))
_REWARD = RewardTrainingConfig(steps=2, batch_size=2, checkpoint_every=2, encoder=_ENCODER)
_ALIGNMENT = AlignmentConfig(
    iterations=2,
    prompts=2,
    samples=2,
    steps=2,
    updated_steps=1,
    grouped=True,
    divergence=0.1,
    learning_rate=1e-4,
    rank=2,
)
SMALL = Proof(
    reward=_REWARD,
    judge=replace(_REWARD, seed=1, encoder=replace(_ENCODER, kind="resnet")),
    methods={
        "paper": _ALIGNMENT,
        "nft": replace(_ALIGNMENT, method="nft", trained="full", sampler="dpm++"),
        "dpo": replace(_ALIGNMENT, method="dpo"),
    },
    aligned="nft",
    preferring=replace(_ALIGNMENT, method="dpo", trained="full", sampler="dpm++"),
    refining=replace(_ALIGNMENT, method="nft", trained="full", sampler="dpm++"),
    ablation=_ALIGNMENT,
    patterns=("blobs",),
    pairs=3,
    validation=2,
    align=2,
    test=2,
    ranked=1,
    samples=1,
    steps=2,
    ablation_seeds=(0,),
)

PHOTOS = [Path(f"photo{number:03d}.jpg") for number in range(300)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of crops of one photo, each a photo by itself, some for every part of a proof."""
    folder = tmp_path / "photos"
    folder.mkdir()
    sample = read_rgb(SAMPLE_PHOTO)
    for number in range(24):
        crop = sample[4 * number : 4 * number + 130, 6 * number : 6 * number + 140]
        Image.fromarray(crop).save(folder / f"crop{number:02d}.png")
    return folder


def test_one_command_goes_from_photos_to_a_report_and_counts_what_the_eye_says(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "nano", replace(TINY, autoencoder_steps=2, unet_steps=2))
    monkeypatch.setitem(PROOFS, "nano", SMALL)
    out, first, second = (tmp_path / "proof" / name for name in (".", "round-1", "round-2"))
    words = ["reproduce", str(photos), "--out", str(out)]

    def report_of(folder: Path) -> tuple[dict[str, Any], str]:
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        text = (folder / "report" / "report.md").read_text()
        for picture in re.findall(r"\]\(([^)]+)\)", text):
            assert (folder / "report" / picture).exists(), picture
        return json.loads((folder / "report" / "report.json").read_text()), text

    report, text = report_of(first)
    assert set(report["win_rate"]) == {"aligned_s1", "base_s1", "base_s3", "aligned_s1_ci"}
    for figures in (report["mean_reward"], report["variance"], report["independent"]["kid"]):
        assert set(figures) == {"base", "aligned"}
    assert 0 <= report["independent"]["judge_win_rate_s1"] <= 1
    assert set(report["ablation"]) == {"none", "static", "exponential"}
    for name, method in report["methods"].items():
        assert method["unet_calls"] > 0, name
    assert report["eye"] is None
    assert (first / "eye" / "sheet-00.png").exists()
    assert "have not been looked at" in text
    assert "Nobody rated a fill" in text

    made = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    sheets, _, *rows = (first / "eye" / "form.txt").read_text().splitlines()
    answers = [sheets, "by: a test", rows[0] + "=", rows[1] + "A"]
    (first / "eye" / "answers.txt").write_text("\n".join(answers))
    report, text = report_of(first)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert report["eye"]["close"] == 1
    assert report["eye"]["aligned_preferred"] + report["eye"]["base_preferred"] == 1
    assert "looked at by a test" in text

    sheets, _, *rows = (first / "ranking" / "form.txt").read_text().splitlines()
    sheet = read_rgb(first / "ranking" / "sheet-00.png")
    brightest_first = [row + brightness_order(sheet, number) for number, row in enumerate(rows)]
    answers = [sheets, "by: a photometer", *brightest_first]
    (first / "ranking" / "answers.txt").write_text("\n".join(answers))
    report, text = report_of(second)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    (ranking,) = report["rankings"]
    assert (ranking["by"], ranking["prompts"]) == ("a photometer", 2)
    base, newest = ([], [])
    for part in ("reward", "judge"):
        (prompt,) = load_prompts(first / "ranking" / part)
        base += [fill.mean() for fill in prompt.pictures[1:3]]
        newest += [fill.mean() for fill in prompt.pictures[3:5]]
    assert ranking["newest_preferred"] == np.sum(np.array(newest) > base)
    assert ranking["base_preferred"] == np.sum(np.array(newest) < base)
    assert ranking["close"] == 0
    for part, other in (("reward", "judge"), ("judge", "reward")):
        judge = load_reward(second / part / "reward.safetensors")
        (prompt,) = load_prompts(first / "ranking" / other, _ENCODER.image_size)
        masked = white_hole(prompt.pictures[0], prompt.hole)
        rewards = [one.reward for one in judge.score(masked, prompt.hole, prompt.pictures)]
        ((*order,),) = [[fill for tier in look for fill in tier] for look in prompt.looks]
        alike = [rewards[better] > rewards[worse] for better, worse in combinations(order, 2)]
        assert report["agreement"][part] == pytest.approx(np.mean(alike))
    assert (second / "ranking" / "sheet-00.png").exists()
    seen = [
        {path.name for path in (one / "ranking").rglob("*_mask.png")} for one in (first, second)
    ]
    assert len(seen[0]) == len(seen[1]) == 2
    assert not seen[0] & seen[1]
    assert "of 2 prompts by a photometer" in text
    assert "begun where `preferring` ends: `dpo` from the reward's share of the rankings" in text
    assert set(report["methods"]) == {"paper", "nft", "dpo", "preferring", "refined"}
    assert report["aligned"] == "refined"
    assert "have not been looked at" in text
    for part in ("reward", "judge"):
        (prompt,) = load_prompts(first / "ranking" / part)
        assert prompt.name in (out / "prompts" / part / "blobs" / "prompts.txt").read_text()
        assert prompt.kinds == ("original", *["sample"] * 5)
        fills = [prompt.pictures[fill] for look in prompt.looks for tier in look for fill in tier]
        brightness = [fill.mean() for fill in fills]
        assert brightness == sorted(brightness, reverse=True)
        assert {fill for look in prompt.looks for tier in look for fill in tier} == {1, 2, 3, 4, 5}
    weights = [
        (folder / "reward" / "reward.safetensors").read_bytes() for folder in (first, second)
    ]
    assert weights[0] != weights[1]

    refused = {"": "judge's rows", "A B > C D E": "(rankings)", "A > B": "row 001", "X": "001: X"}
    for other, said in refused.items():
        answers[-1] = rows[-1] + other
        (first / "ranking" / "answers.txt").write_text("\n".join(answers))
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, PrefPaintError)
        assert said in str(result.exception)

    result = CliRunner().invoke(app, [*words, "--seed", "1"])
    assert "seed" in str(result.exception)
    assert json.loads((second / "report" / "report.json").read_text()) == report


def brightness_order(sheet: Pixels, row: int) -> str:
    """The answer to a row of a ranking sheet by someone who likes bright fills."""
    top = row * (CELL + LABEL + GAP) + LABEL
    lefts = {letter: GAP + (1 + n) * (CELL + GAP) for n, letter in enumerate(LETTERS)}
    means = {name: sheet[top : top + CELL, x : x + CELL].mean() for name, x in lefts.items()}
    return " > ".join(sorted(LETTERS, key=lambda name: -means[name]))


def test_what_is_measured_was_seen_by_nobody_and_the_judge_sees_other_photos() -> None:
    parts: dict[Part, set[Path]] = {
        part: set(photos_of(part, PHOTOS)) for part in ("reward", "align", "judge", "test")
    }
    assert parts["reward"] == parts["align"]
    assert not parts["reward"] & parts["judge"]
    assert not parts["test"] & (parts["reward"] | parts["judge"])
    watched = {
        name: set(photos_of(name, PHOTOS)) for name in ("reward-validation", "judge-validation")
    }
    assert not set.union(*watched.values()) & set.union(*parts.values())
    assert not set.intersection(*watched.values())


def test_crops_of_one_photo_are_on_one_side() -> None:
    crops = [Path(f"lake{number}_{letter}.jpg") for number in range(40) for letter in "LR"]
    judged = {path.stem[:-2] for path in photos_of("judge", crops)}
    assert not judged & {path.stem[:-2] for path in photos_of("reward", crops)}


def test_too_few_photos_are_said() -> None:
    with pytest.raises(PrefPaintError, match="'test'"):
        photos_of("test", [path for path in PHOTOS if path not in photos_of("test", PHOTOS)])


@pytest.fixture
def filled(tmp_path: Path) -> dict[str, Filled]:
    """Fills of twelve prompts by two models, of which no two are alike."""
    names = tuple(f"prompt{number}" for number in range(12))
    found = {}
    for model, level in (("base", 40), ("aligned", 160)):
        folder = tmp_path / model
        folder.mkdir()
        for number, name in enumerate(names):
            for fill in range(2):
                write_png(
                    folder / f"{name}_{fill}.png",
                    np.full((16, 16, 3), level + 2 * number + fill, np.uint8),
                )
        nothing = Judged(np.zeros((12, 2)), None)
        found[model] = Filled(model, folder, names, names, nothing, *[None] * 4)
    return found


def _sheets(filled: dict[str, Filled], out: Path, seed: int = 0) -> list[str]:
    """The lines of the form, beside the sheets."""
    folder = out / "prompts"
    for part in ("masks", "masks_color"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in filled["base"].prompts:
        write_png(folder / "masks_color" / f"{name}_mask_color.png", np.zeros((16, 16, 3), "u1"))
    prompts = {name: IncompletePhoto(folder, name) for name in filled["base"].prompts}
    write_blind_sheets(filled, "base", "aligned", prompts, seed, out)
    return (out / FORM).read_text().splitlines()


def test_an_eye_that_likes_bright_fills_prefers_the_brighter_model_whatever_the_side(
    tmp_path: Path, filled: dict[str, Filled]
) -> None:
    sheets, by, *rows = _sheets(filled, tmp_path / "eye")
    sheet = read_rgb(tmp_path / "eye" / "sheet-00.png")
    answers = []
    for number, row in enumerate(rows[:-2]):
        top, left = (number // 2) * (CELL + LABEL + GAP), (number % 2) * (3 * (CELL + GAP) + GAP)
        shown = sheet[top : top + CELL + LABEL, left : left + 3 * (CELL + GAP)].astype(int)
        middle = shown[LABEL + CELL // 2, :, 0]
        a, b = middle[GAP + CELL + GAP + CELL // 2], middle[GAP + 2 * (CELL + GAP) + CELL // 2]
        answers.append(row + ("A" if a > b else "B"))
    answers += [row + "=" for row in rows[-2:]]
    file = tmp_path / "answers.txt"
    file.write_text("\n".join([sheets, f"{by}a photometer", *reversed(answers)]))
    found = read_eye(file, filled, "base", "aligned", 0)
    assert found == EyeFigures("a photometer", aligned_preferred=10, base_preferred=0, close=2)


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (lambda form: ["sheets: 0", *form[1:]], "other sheets"),
        (lambda form: [form[0], "by: ", *form[2:]], "whose eye"),
        (lambda form: form[:-1], "11 of 12"),
        (lambda form: [*form[:-1], "011: C"], "011: C"),
        (lambda form: [*form[:-1], "000: A"], "its second"),
        (lambda form: [*form, "012: A"], "012: A"),
        (lambda form: [*form[:-1], "011: A\udce9"], "as text"),
    ],
)
def test_answers_that_do_not_fit_the_sheets_are_refused(
    tmp_path: Path,
    filled: dict[str, Filled],
    spoiled: Callable[[list[str]], list[str]],
    said: str,
) -> None:
    sheets, _, *rows = _sheets(filled, tmp_path / "eye")
    file = tmp_path / "answers.txt"
    lines = spoiled([sheets, "by: me", *(row + "A" for row in rows)])
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    with pytest.raises(PrefPaintError, match=said):
        read_eye(file, filled, "base", "aligned", 0)


def test_a_report_says_when_the_eye_does_not_believe_the_reward() -> None:
    worse, better = EyeFigures("a test", 1, 5, 0), EyeFigures("a test", 5, 1, 0)
    assert "was deceived" in eye_words(worse, 0.7)
    assert "was deceived" not in eye_words(better, 0.7)
    assert "was deceived" not in eye_words(worse, 0.3)


def test_an_ablation_counts_iterations_to_what_runs_without_gamma_reach(tmp_path: Path) -> None:
    slopes = {"none": 0.01, "static": 0.02, "exponential": 0.04}
    for kind, slope in slopes.items():
        for seed in (0, 1):
            (tmp_path / f"{kind}-{seed}").mkdir()
            lines = [json.dumps({"reward": slope * number}) for number in range(60)]
            (tmp_path / f"{kind}-{seed}" / "log.jsonl").write_text("\n".join(lines))
    found = ablation_of(curves_of(tmp_path, (0, 1)))
    reached = {kind: figures.iterations_to_target for kind, figures in found.items()}
    target = 0.01 * np.mean(range(60 - WINDOW, 60))
    assert reached["none"] == [60, 60]
    assert found["none"].final_reward == pytest.approx([target] * 2)
    # A window's mean lies (WINDOW - 1) / 2 iterations back.
    assert reached["exponential"] == [int(np.ceil(target / 0.04 + (WINDOW - 1) / 2)) + 1] * 2
    assert all(iteration is not None and 30 < iteration < 60 for iteration in reached["static"])
