"""The proof's parts: who sees which photos, blind sheets, the ablation's figures."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import PrefPaintError
from training.reproduction.ablation import WINDOW, ablation_of
from training.reproduction.data import Part, photos_of
from training.reproduction.eye import left_is_aligned, read_eye

PHOTOS = [Path(f"photo{number:03d}.jpg") for number in range(300)]


def test_what_is_measured_was_seen_by_nobody_and_the_judge_sees_other_photos() -> None:
    parts: dict[Part, set[Path]] = {
        part: set(photos_of(part, PHOTOS)) for part in ("reward", "align", "judge", "test")
    }
    assert parts["reward"] == parts["align"]
    assert not parts["reward"] & parts["judge"]
    assert not parts["test"] & (parts["reward"] | parts["judge"])
    assert not set(photos_of("reward-validation", PHOTOS)) & set.union(*parts.values())


def test_crops_of_one_photo_are_on_one_side() -> None:
    crops = [Path(f"lake{number}_{letter}.jpg") for number in range(40) for letter in "LR"]
    judged = {path.stem[:-2] for path in photos_of("judge", crops)}
    assert not judged & {path.stem[:-2] for path in photos_of("reward", crops)}


def test_too_few_photos_are_said() -> None:
    with pytest.raises(PrefPaintError, match="'test'"):
        photos_of("test", [path for path in PHOTOS if path not in photos_of("test", PHOTOS)])


@given(st.integers(0, 5), st.data())
def test_the_eyes_answers_are_told_apart_by_the_shuffle(seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    likes = data.draw(
        st.lists(st.sampled_from(["aligned", "base", "close"]), min_size=count, max_size=count)
    )
    sides = left_is_aligned(count, seed)
    lines = [
        f"{row:03d}: {'=' if like == 'close' else 'A' if (like == 'aligned') == side else 'B'}"
        for row, (like, side) in enumerate(zip(likes, sides, strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answers.txt"
        file.write_text("\n".join(reversed(lines)))
        figures = read_eye(file, count, seed)
    assert figures.aligned_preferred == likes.count("aligned")
    assert figures.base_preferred == likes.count("base")
    assert figures.close == likes.count("close")


@pytest.mark.parametrize("text", ["0: A", "0: A\n1: C", "0: A\n0: B", "0: A\n7: B"])
def test_answers_that_do_not_fit_the_sheets_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "answers.txt"
    file.write_text(text)
    with pytest.raises(PrefPaintError, match=r"answers\.txt"):
        read_eye(file, 2, 0)


def test_an_ablation_counts_iterations_to_what_runs_without_gamma_reach(tmp_path: Path) -> None:
    slopes = {"none": 0.01, "static": 0.02, "exponential": 0.04}
    for kind, slope in slopes.items():
        for seed in (0, 1):
            (tmp_path / f"{kind}-{seed}").mkdir()
            lines = [json.dumps({"reward": slope * number}) for number in range(60)]
            (tmp_path / f"{kind}-{seed}" / "log.jsonl").write_text("\n".join(lines))
    found = ablation_of(tmp_path, (0, 1))
    reached = {kind: figures.iterations_to_target for kind, figures in found.items()}
    target = 0.01 * np.mean(range(60 - WINDOW, 60))
    assert reached["none"] == [60, 60]
    assert found["none"].final_reward == pytest.approx([target] * 2)
    # A window's mean lies (WINDOW - 1) / 2 iterations back.
    assert reached["exponential"] == [int(np.ceil(target / 0.04 + (WINDOW - 1) / 2)) + 1] * 2
    assert all(iteration is not None and 30 < iteration < 60 for iteration in reached["static"])
