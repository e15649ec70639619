"""Which reward a name stands for, and how a downloaded one is made into a file."""

import sys
import threading
from pathlib import Path

import pytest
import torch

from prefpaint_gui import rewards
from prefpaint_gui.__main__ import main
from prefpaint_gui.inpainters import reward_path
from prefpaint_gui.rewards import convert_download
from training.errors import Cancelled, PrefPaintError
from training.inpainting.hub_plan import REWARD_PICKLE, V_INVERSE
from training.inpainting.model_entry import REWARD_FILE
from training.inpainting.model_registry import Record, write_records
from training.inpainting.request import Event
from training.reward.scorer import builtin_reward_path

NEVER = threading.Event()


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "models"


def ignore(_: Event) -> None:
    """For progress that is not looked at."""


def keep_reward(store_folder: Path) -> Path:
    """As a download leaves it."""
    file = store_folder / "prefpaint-reward" / REWARD_FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a reward")
    words = ("prefpaint-reward", "PrefPaint's reward", "kd5678/prefpaintReward", None)
    write_records(store_folder, [Record(*words, "reward", None, 8, "unknown", True)])
    return file


def test_the_built_in_reward_a_downloaded_one_and_a_path(store_folder: Path) -> None:
    assert reward_path("builtin") == builtin_reward_path()
    assert reward_path("mine.safetensors") == Path("mine.safetensors")
    with pytest.raises(PrefPaintError, match="prefpaint models download prefpaint-reward"):
        reward_path("prefpaint-reward")
    file = keep_reward(store_folder)
    assert reward_path("prefpaint-reward") == file


def test_a_reward_is_refused_as_a_model(
    store_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_reward(store_folder)
    out = str(tmp_path / "out")
    assert main(["fill", "--sample", "--out", out, "--model", "prefpaint-reward"]) == 2
    assert "ranks fills and makes none" in capsys.readouterr().err


def test_a_download_that_is_no_reward_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / REWARD_PICKLE).write_bytes(b"no weights")
    torch.save(torch.eye(256), tmp_path / V_INVERSE.name)
    with pytest.raises(PrefPaintError) as refused:
        convert_download(tmp_path, ignore, NEVER)
    assert str(refused.value).startswith(f"{tmp_path / REWARD_PICKLE} cannot be read as weights")
    assert (tmp_path / REWARD_PICKLE).exists()


def test_a_conversion_that_says_much_and_fails_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; sys.stderr.write('noise\\n' * 100_000 + 'KeyError: 3'); sys.exit(1)"
    monkeypatch.setattr(rewards, "train_command", lambda: (sys.executable, "-c", script))
    with pytest.raises(PrefPaintError, match=r"cannot be converted \(KeyError: 3\)"):
        convert_download(tmp_path, ignore, NEVER)


def test_a_conversion_that_another_process_has_done_is_taken(tmp_path: Path) -> None:
    (tmp_path / REWARD_FILE).write_bytes(b"a reward")
    (tmp_path / REWARD_PICKLE).write_bytes(b"no weights")
    convert_download(tmp_path, ignore, NEVER)
    assert [file.name for file in tmp_path.iterdir()] == [REWARD_FILE]


def test_a_cancel_ends_the_conversion(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        convert_download(tmp_path, ignore, cancel)
