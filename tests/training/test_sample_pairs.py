"""A model's fills beside the originals, through the command and into the reward's trainer."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from resources import SAMPLE_PHOTO
from tests.training.tiny_models import save_pipeline
from training.cli import app
from training.prompts.incomplete import make_prompts, read_prompts
from training.reward.batches import read_prompts as read_training_prompts
from training.reward.groups import draw_group


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    make_prompts([SAMPLE_PHOTO], "blobs", 2, 128, 0, folder, lambda _: None)
    return folder


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_reward_learns_that_originals_are_better_than_the_models_fills(
    tmp_path: Path, prompts: Path
) -> None:
    model = save_pipeline(tmp_path / "model")
    out = tmp_path / "pairs"
    words = (
        "sample-pairs",
        model,
        prompts,
        "--out",
        out,
        "--samples",
        2,
        "--steps",
        2,
        "--size",
        128,
    )
    assert "2 prompts" in _run(*words)
    read = read_training_prompts([out], 128, "train", tmp_path)
    assert [prompt.photo for prompt in read] == [SAMPLE_PHOTO.stem] * 2
    for prompt, made in zip(read, read_prompts(prompts), strict=True):
        assert prompt.kinds == ("original", "sample", "sample", "patchmatch")
        for picture in prompt.pictures:  # what is known is as it was, whatever model filled it
            assert np.array_equal(picture[~prompt.hole], prompt.masked[~prompt.hole])
        original = made.original
        assert original is not None
        assert not np.array_equal(prompt.pictures[0], original)  # through the autoencoder
        assert len({picture.tobytes() for picture in prompt.pictures}) == 4
    group = draw_group(read, 0, np.random.default_rng(0), augment=False)
    assert {pair.better for pair in group.pairs if pair.kind == "fill"} == {0}


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path: Path, prompts: Path) -> None:
    model = save_pipeline(tmp_path / "model")
    ends = []
    for name in ("at once", "in two"):
        out = tmp_path / name
        words = ("sample-pairs", model, prompts, "--out", out, "--samples", 1, "--steps", 2)
        _run(*words)
        if name == "in two":
            (out / "manifest.jsonl").unlink()
            next((out / "masks").iterdir()).unlink()
            _run(*words)
        ends.append({path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert ends[0] == ends[1]


def test_a_folder_of_other_settings_and_a_prompt_given_twice_are_refused(
    tmp_path: Path, prompts: Path
) -> None:
    model = save_pipeline(tmp_path / "model")
    out = tmp_path / "pairs"
    _run("sample-pairs", model, prompts, "--out", out, "--samples", 2, "--steps", 1)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    words = ["sample-pairs", str(model), str(prompts), "--out", str(out), "--steps", "1"]
    for more, said in ((["--samples", "1"], "samples"), ([str(prompts), "--samples", "2"], "Two")):
        result = CliRunner().invoke(app, [*words[:3], *more, *words[3:]])
        assert said in str(result.exception)
    other = save_pipeline(tmp_path / "other", seed=1)
    words = ["sample-pairs", str(other), str(prompts), "--out", str(out), "--steps", "1"]
    result = CliRunner().invoke(app, [*words, "--samples", "2"])
    assert "(model)" in str(result.exception)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_prompt_without_its_original_is_named(tmp_path: Path, prompts: Path) -> None:
    model = save_pipeline(tmp_path / "model")
    next((prompts / "originals").iterdir()).unlink()
    words = ["sample-pairs", str(model), str(prompts), "--out", str(tmp_path / "pairs")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code != 0
    assert "originals lacks" in str(result.exception)
