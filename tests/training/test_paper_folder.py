"""Folders in the paper's layout: what is listed, what is set aside and why."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.prefpaint_gui.rating_prompts import write_prompts
from training.errors import PrefPaintError
from training.prompts.paper_folder import PaperPrompt, list_prompts, read_pictures


def test_prompts_are_listed_by_name_with_their_pictures_in_order(tmp_path: Path) -> None:
    write_prompts(tmp_path, ["b_2", "a"], pictures=3)
    (tmp_path / "inpaint" / ".DS_Store").touch()
    shutil.copy(tmp_path / "inpaint" / "a_0.png", tmp_path / "inpaint" / "a_10.png")
    found = list_prompts(tmp_path)
    assert [(prompt.name, prompt.indices) for prompt in found.prompts] == [
        ("a", ("0", "1", "2", "10")),
        ("b_2", ("0", "1", "2")),
    ]
    assert not found.set_aside
    pictures = read_pictures(found.prompts[1])
    assert [int(fill[20, 20, 0]) for fill in pictures.fills] == [0, 20, 40]
    assert pictures.hole.sum() == 20 * 24
    assert (pictures.masked[pictures.hole] == 255).all()


def test_the_collection_is_known_by_its_names_wherever_it_lies(tmp_path: Path) -> None:
    write_prompts(tmp_path / "here", ["a", "b"])
    write_prompts(tmp_path / "there", ["b", "a"])
    write_prompts(tmp_path / "other", ["a", "c"])
    (tmp_path / "there" / "masks" / "b_mask.png").unlink()  # set aside, and still one of the set
    here, there, other = (
        list_prompts(tmp_path / name).collection for name in ("here", "there", "other")
    )
    assert here == there != other


def _delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _lonely(folder: Path) -> None:
    for index in (1, 2):
        (folder / "inpaint" / f"a_{index}.png").unlink()


def _crowd(folder: Path) -> None:
    for index in range(3, 10):
        shutil.copy(folder / "inpaint" / "a_0.png", folder / "inpaint" / f"a_{index}.png")


def _double(folder: Path) -> None:
    shutil.copy(folder / "inpaint" / "a_0.png", folder / "inpaint" / "a_00.png")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_delete("masks/a_mask.png"), "a_mask.png: does not exist"),
        (_delete("masks_color/a_mask_color.png"), "a_mask_color.png: does not exist"),
        (lambda folder: (folder / "inpaint" / "notes.txt").touch(), "notes.txt: the name is not"),
        (_lonely, "a_0.png: one picture has none to compare with"),
        (_crowd, "a: 10 pictures are more than 9"),
        (_double, "two of its pictures have the same number"),
    ],
)
def test_what_the_names_rule_out_is_set_aside(
    spoil: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    write_prompts(tmp_path, ["a", "b"])
    spoil(tmp_path)
    found = list_prompts(tmp_path)
    assert len(found.set_aside) == 1
    assert says in found.set_aside[0]
    assert "b" in [prompt.name for prompt in found.prompts]


def _small(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "inpaint" / "a_1.png")


def _cut(folder: Path) -> None:
    file = folder / "inpaint" / "a_1.png"
    file.write_bytes(file.read_bytes()[:-200])


def _empty_mask(folder: Path) -> None:
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(folder / "masks" / "a_mask.png")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_small, r"a_1\.png: \(9, 9\) is not the mask's size \(48, 40\)"),
        (_cut, r"a_1\.png:? cannot be read as an image"),
        (_empty_mask, r"a_mask\.png: nothing is masked"),
    ],
)
def test_pictures_that_cannot_be_shown_are_named(
    spoil: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    write_prompts(tmp_path, ["a"])
    spoil(tmp_path)
    with pytest.raises(PrefPaintError, match=says):
        read_pictures(PaperPrompt(tmp_path, "a", ("0", "1", "2")))


def test_a_folder_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrefPaintError, match="is not a folder"):
        list_prompts(tmp_path / "missing")
    with pytest.raises(PrefPaintError, match="holds no folder inpaint"):
        list_prompts(tmp_path)
    (tmp_path / "inpaint").mkdir()
    with pytest.raises(PrefPaintError, match=r"No prompt in .* can be rated"):
        list_prompts(tmp_path)
