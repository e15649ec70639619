"""`prefpaint-train` from photographs to a reward model and its card, small."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.photos import hole_at, make_photo, write_photos
from training.errors import PrefPaintError
from training.prompts.masks import MASK_KINDS, MASK_SETS, random_mask
from training.prompts.photos import split_of
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.eye import EyeRanking, one_look_more, read_rankings
from training.reward.faults import FAULT_KINDS, apply_fault, half_denoised
from training.reward.groups import draw_group
from training.reward.looks import Tiers, clear_pairs, order_leads
from training.reward.losses import Pairs, ordinal_loss, ranking_loss, regression_loss
from training.reward.model import load_reward
from training.reward.pair_data import certainty, load_prompts
from training.reward.pairs import PairPrompt
from training.reward.trainer import StepDone, train_reward

SMALL = EncoderConfig(widths=(8, 8, 8, 8), embedding_size=16)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run `prefpaint-train` with these words; gives its exit status."""
    from training.__main__ import main

    monkeypatch.setattr(sys, "argv", ["prefpaint-train", *map(str, words)])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_photos(folder / "photos", count=3)
    with pytest.MonkeyPatch.context() as patch:
        words = ("pairs", folder / "photos", "--out", folder / "out", "--count", 6, "--workers", 2)
        assert run(patch, *words) == 0
    return folder / "out"


def test_pairs_are_the_papers_layout_and_differ_in_the_hole_alone(pairs: Path) -> None:
    entries = [json.loads(line) for line in (pairs / "manifest.jsonl").read_text().splitlines()]
    assert len(entries) == 6
    for entry in entries:
        assert (pairs / "masks_color" / f"{entry['name']}_mask_color.png").exists()
        assert entry["recipes"][0]["kind"] == "original"
    for prompt in load_prompts(pairs):
        known = ~prompt.hole
        distance = np.abs(prompt.pictures.astype(int) - prompt.pictures[0])[:, known]
        assert distance.max() == 0


def test_interrupted_pairs_go_on_where_they_stopped(
    pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = sorted((pairs / "masks").iterdir())
    before = {path: path.stat().st_mtime_ns for path in masks[1:]}
    pixels = masks[0].read_bytes()
    masks[0].unlink()
    photos = pairs.parent / "photos"
    words = ("pairs", photos, "--out", pairs, "--count", 6, "--workers", 2)
    assert run(monkeypatch, *words) == 0
    assert masks[0].read_bytes() == pixels
    assert {path: path.stat().st_mtime_ns for path in masks[1:]} == before
    assert run(monkeypatch, *words, "--masks", "wide") == 2  # names would be the same


def test_photos_that_are_learned_from_and_validate_are_told(
    pairs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = RewardTrainingConfig(steps=1, batch_size=2, bf16=False, encoder=SMALL)
    train_reward([pairs], [pairs], tmp_path / "run", config, lambda _: None)
    assert "3 photos are learned from and validate too" in caplog.text


def test_training_resumes_exactly(pairs: Path, tmp_path: Path) -> None:
    config = RewardTrainingConfig(
        steps=4, batch_size=3, warmup_steps=1, checkpoint_every=2, bf16=False, encoder=SMALL
    )
    whole = train_reward([pairs], [pairs], tmp_path / "whole", config, lambda _: None)

    class Killed(Exception):  # noqa: N818
        pass

    def kill_after_half(done: StepDone) -> None:
        if done.step > done.steps / 2:
            raise Killed

    with pytest.raises(Killed):
        train_reward([pairs], [pairs], tmp_path / "halves", config, kill_after_half)
    resumed = train_reward([pairs], [pairs], tmp_path / "halves", config, lambda _: None)
    for one, other in zip(
        whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    changed = RewardTrainingConfig(steps=5, encoder=SMALL)
    with pytest.raises(PrefPaintError, match="other settings"):
        train_reward([pairs], [pairs], tmp_path / "halves", changed, lambda _: None)


def test_fills_without_a_spread_give_no_reward(pairs: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(pairs, alone)
    entry = json.loads((pairs / "manifest.jsonl").read_text().splitlines()[0])
    entry["recipes"] = entry["recipes"][:2]  # the original and one fill
    (alone / "manifest.jsonl").write_text(json.dumps(entry))
    config = RewardTrainingConfig(steps=1, batch_size=2, bf16=False, encoder=SMALL)
    with pytest.raises(PrefPaintError, match="Give more validation prompts"):
        train_reward([pairs], [alone], tmp_path / "run", config, lambda _: None)


def test_the_command_ships_a_model_that_scores(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    words = ("reward", pairs, "--validation", pairs, "--out", out, "--steps", 2)
    assert run(monkeypatch, *words, "--batch-size", 2) == 0
    assert (out / "curve.png").exists()
    model = load_reward(out / "reward.safetensors")
    assert "of known order" in model.provenance["labels"]
    photo, hole = make_photo(200, 200, 1), hole_at((200, 200), 60, 60, 50, 50)
    assert np.isfinite(model.score(photo, hole, [photo])[0].reward)


def test_clear_is_what_most_looks_say_and_none_the_other_way_round() -> None:
    looks: list[Tiers] = [((0,), (1,), (2,)), ((0,), (2, 1)), ((1,), (0,), (2,))]
    assert set(clear_pairs(looks)) == {(0, 2), (1, 2)}
    assert set(clear_pairs(looks[:1])) == {(0, 1), (0, 2), (1, 2)}


def test_a_lead_is_how_many_more_looks_say_so_than_the_contrary() -> None:
    looks: list[Tiers] = [((0,), (1,), (2,)), ((1,), (0, 2))]
    assert order_leads(looks) == {(0, 2): 0.5, (1, 2): 1.0}


@pytest.mark.parametrize(
    ("second", "share"), [(((0,), (1,)), 1.0), (((1,), (0,)), 0.0), (((0, 1),), 0.5)]
)
def test_one_look_more_orders_what_the_others_ordered(second: Tiers, share: float) -> None:
    prompt = PairPrompt("name", "photo.png", (0, 0, 64), 64, "blob", 0, ())
    first = ((0,), (1,))
    assert one_look_more([EyeRanking(prompt, (first, second))]) == share
    assert one_look_more([EyeRanking(prompt, (first,))]) is None


def test_a_prompt_ranked_twice_in_one_look_is_named(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.txt"
    answers.write_text("000: B > A C > D E\n000: A B C D E\n")
    words = (pairs.parent / "photos", "--count", 2, "--split", "train", "--answers", answers)
    assert run(monkeypatch, "eye-ranking", *words, "--out", tmp_path / "ranking.json") == 2
    assert "'000: A B C D E' ranks prompt 000 a second time" in capsys.readouterr().err


def test_ranked_pictures_are_not_taken_for_those_of_another_ranking(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, answers = pairs.parent / "photos", tmp_path / "answers.txt"
    answers.write_text("000: A B C D > E\n")
    looks = ("--answers", answers)
    for masks, seen in (("repair", looks), ("wide", looks), ("repair", looks * 2)):
        ranking = tmp_path / f"{masks}-{len(seen)}.json"
        words = (photos, "--count", 1, "--split", "train", "--masks", masks, *seen)
        assert run(monkeypatch, "eye-ranking", *words, "--out", ranking) == 0
        words = (photos, "--eye", ranking, "--out", tmp_path / "ranked")
        assert run(monkeypatch, "eye-pairs", *words) == (2 if masks == "wide" else 0)


def test_what_the_eye_ranked_is_learned_from(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, ranked = pairs.parent / "photos", tmp_path / "ranked"
    words = (photos, "--count", 2, "--split", "train", "--masks", "wide")
    assert run(monkeypatch, "eye-sheets", *words, "--out", ranked) == 0
    seen = {file: file.stat().st_mtime_ns for file in (ranked / "inpaint").iterdir()}
    (tmp_path / "answers.txt").write_text("000: B > A C > D E\n001: A B C D E\n")
    (tmp_path / "second.txt").write_text("000: B > A C > D E\n001: E > A B C D\n")
    ranking = tmp_path / "ranking.json"
    answers = ("--answers", tmp_path / "answers.txt", "--answers", tmp_path / "second.txt")
    assert run(monkeypatch, "eye-ranking", *words, *answers, "--out", ranking) == 0
    assert [len(entry.looks) for entry in read_rankings(ranking)] == [2, 2]
    assert run(monkeypatch, "eye-pairs", photos, "--eye", ranking, "--out", ranked) == 0
    other = ("--masks", "repair", "--out", ranked)
    assert run(monkeypatch, "eye-sheets", *words[:-2], *other) == 2  # names would be the same
    assert seen == {file: file.stat().st_mtime_ns for file in (ranked / "inpaint").iterdir()}
    prompts = load_prompts(ranked)
    assert [prompt.looks for prompt in prompts] == [
        tuple(tuple(tuple(index + 1 for index in tier) for tier in look) for look in entry.looks)
        for entry in read_rankings(ranking)
    ]
    group = draw_group(prompts, 0, np.random.default_rng(0))
    by_eye = {(pair.better, pair.worse) for pair in group.pairs if pair.kind == "eye"}
    assert by_eye >= {(2, 1), (2, 3), (1, 4), (3, 5)}
    assert {pair.worse for pair in group.pairs if pair.kind == "noise"} == {10}
    assert len(group.pictures) == 11  # original, five fills, two faults at two strengths, noise
    still = draw_group(prompts, 0, np.random.default_rng(0), augment=False)
    assert len(still.pictures) == 6  # the same each time, so that its embeddings can be kept

    general, out = tmp_path / "general.safetensors", tmp_path / "run"
    config = RewardTrainingConfig(steps=1, batch_size=2, bf16=False, encoder=SMALL)
    train_reward([pairs], [pairs], tmp_path / "first", config, lambda _: None).save(general)
    words = ("reward", pairs, ranked, "--validation", pairs, "--out", out, "--start", general)
    assert run(monkeypatch, *words, "--steps", 1, "--batch-size", 5) == 0
    provenance = load_reward(out / "reward.safetensors").provenance
    assert provenance["of these ranked by a reviewer's eye"] == 2
    assert provenance["continued from"]["steps"] == 1

    report = tmp_path / "report"
    words = ("evaluate-reward", out / "reward.safetensors", "--pairs", pairs, "--out", report)
    assert run(monkeypatch, *words, "--photos", photos, "--eye", ranking) == 0
    measured = json.loads((report / "report.json").read_text())
    names = {row["name"]: row for row in measured["comparisons"]["reward"]}
    assert names["clear pairs of ranking"]["count"] == 8
    assert "original over patchmatch" in names
    steady = {row["name"] for row in measured["steadiness"]}
    assert {"chains of any fault", "chains of any fault on originals"} <= steady
    assert "every picture over noise" in steady
    assert set(measured["trust"]["follows"]) == {"paper", "bandit"}
    for picture in ("sensitivity", "trust", "scores", "ranking"):
        assert (report / f"{picture}.png").stat().st_size > 1000
        assert picture == "ranking" or f"{picture}.png" in (report / "report.md").read_text()


def test_an_ensemble_is_measured_as_one_with_its_disagreement(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, report = tmp_path / "ensemble", tmp_path / "report"
    config = RewardTrainingConfig(steps=1, batch_size=2, bf16=False, encoder=SMALL)
    for seed in (0, 1):
        run_folder, seeded = tmp_path / str(seed), replace(config, seed=seed)
        member = train_reward([pairs], [pairs], run_folder, seeded, lambda _: None)
        member.save(folder / f"{seed}.safetensors")
    assert run(monkeypatch, "evaluate-reward", folder, "--pairs", pairs, "--out", report) == 0
    measured = json.loads((report / "report.json").read_text())
    assert set(measured["trust"]["follows"]) == {"paper", "bandit", "disagreement"}
    assert len(measured["provenance"]) == 2

    larger = replace(SMALL, image_size=2 * SMALL.image_size)
    wider = replace(config, encoder=larger)
    other = train_reward([pairs], [pairs], tmp_path / "larger", wider, lambda _: None)
    other.save(folder / "2.safetensors")
    assert run(monkeypatch, "evaluate-reward", folder, "--pairs", pairs, "--out", report) == 2


def test_noise_stays_in_the_hole_and_is_nothing_like_the_picture() -> None:
    image, hole = make_photo(96, 96, 1), hole_at((96, 96), 25, 30, 40, 40)
    for seed in range(10):
        noisy = half_denoised(image, hole, np.random.default_rng(seed))
        np.testing.assert_array_equal(noisy[~hole], image[~hole])
        assert np.abs(noisy.astype(float) - image)[hole].mean() > 15


def test_ranking_loss_is_the_weighted_mean_over_pairs() -> None:
    rewards = torch.tensor([2.0, 0.5, -1.0])
    better, worse = torch.tensor([0, 1]), torch.tensor([1, 2])
    certainty, weight = torch.tensor([1.0, 0.7]), torch.tensor([1.0, 4.0])
    loss = float(ranking_loss(rewards, Pairs(better, worse, certainty, weight)))
    first = np.log(1 + np.exp(-1.5))
    assert loss == pytest.approx((first + 4 * (first + 0.3 * 1.5)) / 5, abs=1e-6)


def test_scores_teach_by_error_or_by_ordered_classes() -> None:
    scores = torch.tensor([-2.0, 0.5, 2.0])
    assert float(regression_loss(scores + 0.5, scores)) == pytest.approx(0.25)
    right, wrong = ordinal_loss(scores, scores), ordinal_loss(-scores, scores)
    by_hand = [
        np.logaddexp(0, -3 * (score - threshold) * (1 if score > threshold else -1))
        for score in scores.numpy()
        for threshold in (-1.5, -0.75, 0.0, 0.75, 1.5)
    ]
    assert float(right) == pytest.approx(np.mean(by_hand), abs=1e-6)
    assert right < wrong


def test_an_order_is_the_surer_the_more_the_pictures_differ() -> None:
    sures = [certainty(size) for size in (0, 2, 6, 20, 100)]
    assert sures[0] == 0.5
    assert sures == sorted(sures)
    assert sures[-1] == pytest.approx(1)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_a_stronger_fault_is_further_from_the_fill_and_stays_in_the_hole(kind) -> None:
    image, foreign = make_photo(96, 96, 1), make_photo(96, 96, 2)
    hole = hole_at((96, 96), 25, 30, 40, 40)
    weak, strong = (apply_fault(kind, s, image, hole, foreign, seed=3) for s in (0.1, 0.5))
    for faulty in (weak, strong):
        np.testing.assert_array_equal(faulty[~hole], image[~hole])
    distances = [np.abs(f.astype(float) - image)[hole].mean() for f in (weak, strong)]
    assert 0 < distances[0] < distances[1]
    np.testing.assert_array_equal(weak, apply_fault(kind, 0.1, image, hole, foreign, seed=3))


def test_every_group_orders_the_original_over_its_fills(pairs: Path) -> None:
    prompts = load_prompts(pairs)
    group = draw_group(prompts, 0, np.random.default_rng(0))
    assert 0 not in {pair.worse for pair in group.pairs}
    noise = len(group.pictures) - 1
    assert {pair.better for pair in group.pairs if pair.worse == noise} == {0, 1, 2, 3, 4}
    differences = np.abs(group.pictures.astype(int) - group.pictures[0])[:, ~group.hole]
    assert differences.mean(axis=(1, 2)).max() < 8  # of coding alone
    still = draw_group(prompts, 0, np.random.default_rng(0), augment=False)
    assert (still.pictures[:, ~still.hole] == still.pictures[0, ~still.hole]).all()


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_masks_repeat_and_leave_surroundings(kind) -> None:
    for seed in range(5):
        mask = random_mask(kind, 128, seed)
        np.testing.assert_array_equal(mask, random_mask(kind, 128, seed))
        assert 0.015 <= mask.mean() <= 0.45
        assert (mask.mean() >= 0.15) or kind not in MASK_SETS["wide"]


def test_crops_of_a_photo_stay_on_its_side() -> None:
    for number in range(50):
        sides = {split_of(Path(f"lake{number}{ending}.jpg")) for ending in ("", "_L", "_C", "_R")}
        assert len(sides) == 1


def test_bad_folders_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for photos, says in ((tmp_path / "gone", "not a folder"), (tmp_path / "empty", "No photo")):
        assert run(monkeypatch, "pairs", photos, "--out", tmp_path / "out") == 2
        assert says in capsys.readouterr().err
    words = ("reward", tmp_path / "empty", "--validation", tmp_path, "--out", tmp_path / "run")
    assert run(monkeypatch, *words) == 2
    assert "manifest.jsonl" in capsys.readouterr().err
