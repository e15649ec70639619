"""A proof's alignment runs that an alarm stops, and how a run went."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.tiny_alignment import CONFIG, make_reward, sized_prompts
from tests.training.tiny_models import save_pipeline
from training.alignment import run as run_module
from training.alignment.config import Trained
from training.alignment.policy import result_path
from training.evaluation.contenders import Contender
from training.inpainting.diffusion.loading import load_model
from training.reproduction.courses import Course, course_of
from training.reproduction.runs import STOPPED, Run, run_alignment


@pytest.mark.parametrize("trained", ["lora", "full"])
@pytest.mark.parametrize("kept", [0, 2])
def test_what_an_alarm_leaves_is_what_was_kept_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Trained, kept: int
) -> None:
    """And nothing of what came after it is in the run's course."""
    base = save_pipeline(tmp_path / "base")
    prompts = sized_prompts(tmp_path / "prompts")
    reward = make_reward()
    reward.save(tmp_path / "reward.safetensors")
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(run_module, "SHEET_EVERY", 1)

    def align(run: Run, out: Path) -> Contender:
        words = (base, prompts, tmp_path / "reward.safetensors", [], out)
        run_alignment(run, *words, "cpu", lambda _: None)
        assert result_path(trained, out).exists()
        return run.contender(base, out)

    def weights(made: Contender) -> bytes:
        if trained == "lora":
            return made.loras[0].read_bytes()
        unet = load_model(made.path, "cpu", "fp32").unet.state_dict()
        return b"".join(value.numpy().tobytes() for value in unet.values())

    run = Run("run", replace(CONFIG, trained=trained, iterations=5))
    told = iter([None] * kept + ["It is hacked"])
    monkeypatch.setattr(run_module, "alarm", lambda *_: next(told))
    stopped = align(run, tmp_path / "stopped")
    assert "It is hacked" in (tmp_path / "stopped" / STOPPED).read_text()
    monkeypatch.setattr(run_module, "alarm", lambda *_: None)
    if kept:
        short = align(Run("short", replace(run.config, iterations=kept)), tmp_path / "short")
        assert weights(stopped) == weights(short)
    elif trained == "full":
        assert weights(stopped) == weights(Contender("base", base))
    course = course_of(tmp_path / "stopped", prompts, reward)
    assert len(course.rewards) == kept + 1
    assert [path.stem for path in (tmp_path / "stopped" / "after").iterdir()] == [f"{kept + 1:04}"]


def test_a_course_comes_to_a_reward_at_its_first_sheet_that_has_it() -> None:
    course = Course([0, 10, 20, 30], [0, 1, 2, 3], [0.1, 0.3, 0.2, 0.4])
    assert course.seconds_to(0.25) == 10
    assert course.seconds_to(0.4) == 30
    assert course.seconds_to(0.5) is None


def test_a_run_begins_where_the_one_that_it_names_ended(tmp_path: Path) -> None:
    base = save_pipeline(tmp_path / "base")
    prompts = sized_prompts(tmp_path / "prompts")
    make_reward().save(tmp_path / "reward.safetensors")
    words = (base, prompts, tmp_path / "reward.safetensors", [])

    def weights(path: Path) -> bytes:
        unet = load_model(path, "cpu", "fp32").unet.state_dict()
        return b"".join(value.numpy().tobytes() for value in unet.values())

    config = replace(CONFIG, trained="full", method="nft", iterations=1)
    first = Run("first", replace(config, learning_rate=1e-2))
    still = Run("still", replace(config, learning_rate=0.0), start="first")
    made = []
    for run in (first, still):
        run_alignment(run, *words, tmp_path / run.name, "cpu", lambda _: None)
        made.append(weights(result_path("full", tmp_path / run.name)))
    assert made[0] == made[1]
    assert made[0] != weights(base)
