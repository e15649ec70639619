"""`prefpaint-train align` with what cannot work: said early, in a sentence, nothing overwritten."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.training.tiny_alignment import make_reward, write_prompts
from tests.training.tiny_models import save_pipeline
from training.alignment import measures

FEW = ("--prompts-each", 2, "--samples", 2, "--iterations", 2, "--steps", 2, "--updated-steps", 2)
FEW = (*FEW, "--no-alarms")  # what the reward likes was drawn, not learned


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base, plain (no inpainting model), prompts, reward.safetensors."""
    folder = tmp_path_factory.mktemp("made")
    save_pipeline(folder / "base")
    save_pipeline(folder / "plain", "sd-plain")
    save_pipeline(folder / "other", seed=1)
    write_prompts(folder / "prompts")
    make_reward().save(folder / "reward.safetensors")
    return folder


class Command:
    """`prefpaint-train align` into `out`, with parts of `made` unless others are named."""

    def __init__(self, made: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.made, self.out = made, out
        self._patch, self._capsys = monkeypatch, capsys

    def __call__(self, *options: object, base: Any = None, prompts: Any = None) -> str:
        """What it says on standard error; "" where it ends well."""
        from training.__main__ import main

        words = (base or self.made / "base", prompts or self.made / "prompts", "--out", self.out)
        if "--reward" not in options:
            options = ("--reward", self.made / "reward.safetensors", *options)
        words = ("prefpaint-train", "align", *words, *FEW, *options)
        self._patch.setattr(sys, "argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as end:
            main()
        said = " ".join(self._capsys.readouterr().err.split())
        assert end.value.code in (0, 2)
        return said if end.value.code else ""

    def content(self) -> dict[str, bytes]:
        """All that the run has written, but for its lock."""
        files = [path for path in self.out.rglob("*") if path.is_file() and path.name != ".lock"]
        return {str(path): path.read_bytes() for path in files}


@pytest.fixture
def command(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return Command(made, tmp_path / "out", monkeypatch, capsys)


def test_a_reward_that_cannot_be_used_is_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "reward.safetensors"
    assert "does not exist" in command("--reward", file)
    file.write_bytes((command.made / file.name).read_bytes()[:1000])
    assert "is damaged" in command("--reward", file)
    save_file(load_file(command.made / file.name), file)
    assert "holds no PrefPaint reward model" in command("--reward", file)
    with safe_open(command.made / file.name, "pt") as whole:
        metadata = whole.metadata()
    details = json.loads(metadata["details"])
    details["encoder"]["widths"] = [8, 8, 8]
    metadata["details"] = json.dumps(details)
    save_file(load_file(command.made / file.name), file, metadata)
    assert "does not fit this version" in command("--reward", file)
    (tmp_path / "several").mkdir()
    assert "No .safetensors files" in command("--reward", tmp_path / "several")
    assert not command.content()


def test_prompts_without_a_hole_are_named(command: Command, tmp_path: Path) -> None:
    assert "holds no prompts" in command(prompts=tmp_path)
    names = (command.made / "prompts" / "prompts.txt").read_text().splitlines()
    mask = Path("masks") / f"{names[1]}_mask.png"
    blank = np.zeros((64, 64), np.uint8)
    for number, (pixels, says) in enumerate(
        (
            (None, "is missing"),
            (blank, "nothing is masked"),
            (blank + 255, "everything is masked"),
            (blank[:32], "not the mask's size"),
            (b"no picture", "cannot be read as an image"),
        )
    ):
        folder = tmp_path / str(number)
        shutil.copytree(command.made / "prompts", folder)
        if pixels is None:
            (folder / mask).unlink()
        elif isinstance(pixels, bytes):
            (folder / mask).write_bytes(pixels)
        else:
            Image.fromarray(pixels).save(folder / mask)
        said = command(prompts=folder)
        assert says in said
        assert names[1] in said
    assert not command.content()


def test_a_base_that_is_no_inpainting_model_is_named(command: Command, tmp_path: Path) -> None:
    assert "is no inpainting model" in command(base=command.made / "plain")
    assert "gone" in command(base=tmp_path / "gone")
    assert not command.content()


@pytest.mark.parametrize("method", ["paper", "nft"])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda reward: reward.network.psi.weight.data.fill_(np.nan), "gives no numbers"),
        (lambda reward: reward.network.psi.weight.data.zero_(), "gives all fills the same"),
    ],
)
def test_rewards_that_teach_nothing_end_the_run(
    command: Command, tmp_path: Path, method: str, spoil: Any, says: str
) -> None:
    reward = make_reward()
    spoil(reward)
    reward.save(tmp_path / "spoilt.safetensors")
    said = command("--reward", tmp_path / "spoilt.safetensors", "--method", method)
    assert says in said
    assert "Nothing is kept" in said
    assert not {name for name in command.content() if not name.endswith((".png", "log.jsonl"))}


def test_what_cannot_be_compared_is_said_before_anything_is_drawn(command: Command) -> None:
    assert "there are 3" in command("--prompts-each", 9)
    assert "Raise --samples" in command("--grouped", "--samples", 1)
    assert "Raise --samples" in command("--prompts-each", 1, "--samples", 1)
    assert "needs --text" in command("--guidance", 4)
    assert "Leave out --sampler" in command("--sampler", "dpm++")
    assert "needs --text" in command("--guidance", 4, "--text", "a lake", "--method", "nft")
    assert not command.content()


def test_the_checkpoint_of_another_run_stays_as_it_is(command: Command, tmp_path: Path) -> None:
    assert command() == ""
    before = command.content()
    make_reward(1).save(tmp_path / "reward.safetensors")
    units = make_reward()
    units.mean += 1
    units.save(tmp_path / "units.safetensors")
    write_prompts(tmp_path / "prompts", 2)
    for options, more, name in (
        (("--rank", 2), {}, "rank"),
        (("--seed", 1, "--divergence", 0.5), {}, "divergence, seed"),
        (("--reward", tmp_path / "reward.safetensors"), {}, "reward"),
        (("--reward", tmp_path / "units.safetensors"), {}, "reward"),
        ((), {"prompts": tmp_path / "prompts"}, "the prompts"),
        ((), {"base": command.made / "other"}, "model"),
    ):
        assert f"a run with other settings ({name})" in command(*options, **more)
        assert command.content() == before
    (command.out / "checkpoint.pt").write_bytes(b"torn")
    assert "is damaged" in command()
    assert command.content() == {**before, str(command.out / "checkpoint.pt"): b"torn"}


def test_a_run_that_collapsed_goes_on_without_alarms(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "ALARM_BRIGHTNESS", -1)
    assert "so the run has stopped" in command("--alarms")
    assert command("--no-alarms") == ""
    assert len((command.out / "log.jsonl").read_text().splitlines()) == 2


def test_the_model_of_before_an_alarm_can_be_had(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.alignment import run as run_module

    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 1)
    assert command("--iterations", 1) == ""
    whole = command.content()
    told = iter((None, "It is hacked"))
    monkeypatch.setattr(run_module, "alarm", lambda *_: next(told))
    said = command("--iterations", 5)
    assert "It is hacked at iteration 2" in said
    assert "Run it with --iterations 2 to get that model" in said
    assert command("--iterations", 2) == ""
    lora = str(command.out / "pytorch_lora_weights.safetensors")
    assert command.content()[lora] != whole[lora]
