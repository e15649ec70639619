"""What a policy refuses to be, and how what it leaves is written."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers import DDIMScheduler

from tests.training.full_disk import full_disk
from tests.training.tiny_alignment import make_policy
from tests.training.tiny_models import make_pipeline
from training.alignment.config import Trained
from training.alignment.policy import Policy, result_path
from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel

TRAINED: tuple[Trained, ...] = ("lora", "full")
Content = dict[str, bytes]


def content(made: Path) -> Content:
    """Of a file, or of a folder's files."""
    paths = [made, *made.rglob("*")]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def learn(policy: Policy) -> None:
    with torch.no_grad():
        for parameter in policy.parameters:
            parameter.add_(1)


@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize("again", [False, True])
def test_nobody_finds_half_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Trained, again: bool
) -> None:
    """While it is written, what was there before is there: a kill leaves that."""
    policy = make_policy(trained)
    made = result_path(trained, tmp_path)
    if again:
        policy.save(tmp_path)
    before, seen = content(made), []
    write = safetensors.torch.save_file

    def watched(*words: Any, **more: Any) -> None:
        seen.append(content(made))
        write(*words, **more)
        seen.append(content(made))

    learn(policy)
    monkeypatch.setattr(safetensors.torch, "save_file", watched)
    (tmp_path / ".unfinished").mkdir()  # as a kill leaves it
    (tmp_path / ".unfinished" / made.name).write_bytes(b"half")
    policy.save(tmp_path)
    assert len(seen) == (4 if trained == "full" else 2)
    assert all(found == before for found in seen)
    assert content(made) != before
    assert list(tmp_path.iterdir()) == [made]


@pytest.mark.parametrize("trained", TRAINED)
def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path: Path, trained: Trained) -> None:
    policy = make_policy(trained)
    before = content(policy.save(tmp_path))
    learn(policy)
    with full_disk(), pytest.raises(PrefPaintError, match="Free some space") as said:
        policy.save(tmp_path)
    assert str(tmp_path) in str(said.value)
    assert content(tmp_path) == before


def test_a_model_that_predicts_neither_noise_nor_velocity_is_refused() -> None:
    pipeline = make_pipeline()
    config = pipeline.scheduler.config
    pipeline.scheduler = DDIMScheduler.from_config(config, prediction_type="sample")
    model = DiffusionModel(pipeline, torch.device("cpu"), torch.float32)
    with pytest.raises(PrefPaintError, match="predicts 'sample'"):
        Policy(model, "lora", 4, 0)
