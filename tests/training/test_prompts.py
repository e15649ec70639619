"""Incomplete photos: what is missing, and the folder that `prefpaint-train prompts` writes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from resources import SAMPLE_PHOTO
from training.cli import app
from training.errors import PrefPaintError
from training.prompts.incomplete import read_prompts
from training.prompts.patterns import PATTERNS, Pattern, pattern_hole
from training.prompts.photos import read_rgb

SAMPLE = np.ascontiguousarray(read_rgb(SAMPLE_PHOTO)[:160, :160])


@given(st.sampled_from(PATTERNS), st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_something_is_missing_and_something_is_left(pattern: Pattern, seed: int) -> None:
    hole = pattern_hole(pattern, SAMPLE, seed)
    assert hole.shape == SAMPLE.shape[:2]
    assert 0 < hole.mean() < 1
    np.testing.assert_array_equal(hole, pattern_hole(pattern, SAMPLE, seed))


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_outpainting_keeps_what_the_papers_prompts_keep(seed: int) -> None:
    kept = ~pattern_hole("outpaint-square", SAMPLE, seed)
    assert 0.145 <= kept.mean() <= 0.255
    assert kept.any(axis=0).sum() == kept.any(axis=1).sum()
    kept = ~pattern_hole("outpaint-rect", SAMPLE, seed)
    assert kept.any(axis=1).all()
    assert 0.345 <= kept.mean() <= 0.405


def _make(out: Path, *more: str) -> str:
    photos = out.parent / "photos"
    photos.mkdir(exist_ok=True)
    for name in ("one.png", "my photo.png"):
        Image.fromarray(SAMPLE).save(photos / name)
    words = ["prompts", str(photos), "--out", str(out), "--size", "64", "--count", "3", *more]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_command_writes_prompts_that_can_be_read(tmp_path: Path, pattern: Pattern) -> None:
    _make(tmp_path / "out", "--pattern", pattern)
    prompts = read_prompts(tmp_path / "out")
    assert {prompt.photo for prompt in prompts} == {"one.png", "my photo.png"}
    assert len(prompts) == 3
    for prompt in prompts:
        hole, original = prompt.mask, prompt.original
        assert original is not None
        expected = np.where(hole[..., None], np.uint8(255), original)
        np.testing.assert_array_equal(prompt.masked, expected)
    assert (tmp_path / "out" / "sheet.png").exists()


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        _make(tmp_path / name, "--seed", seed, "--pattern", "blobs")

    def content(name: str) -> dict[str, bytes]:
        files = (tmp_path / name).rglob("*_color.png")
        return {file.name: file.read_bytes() for file in files}

    assert content("a") == content("b")
    assert content("a") != content("c")


def test_a_folder_without_prompts_or_with_a_file_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrefPaintError, match="holds no prompts"):
        read_prompts(tmp_path)
    _make(tmp_path / "out")
    gone = next((tmp_path / "out" / "masks").iterdir())
    gone.unlink()
    with pytest.raises(PrefPaintError, match=gone.name):
        read_prompts(tmp_path / "out")
