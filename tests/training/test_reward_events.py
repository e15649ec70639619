"""`prefpaint-train reward --events`, as the window runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from filelock import FileLock
from safetensors.torch import load_file

from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from tests.training.preferences import keep_accepts
from training.preferences.store import PreferenceStore
from training.reward.finetune import Place, Run
from training.reward.model import load_reward

SETTINGS = """
steps = 12
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
freeze = 1.0
augment = false
bf16 = false
checkpoint_every = 4
patience = 3
"""


@pytest.fixture
def begun(tmp_path: Path) -> Run:
    """A run that no process has touched yet."""
    keep_accepts(tmp_path, 30)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    start = save_tiny_reward(tmp_path / "general.safetensors")
    trainer = (sys.executable, "-m", "training")
    place = Place(tmp_path, trainer, start, tmp_path / "settings.toml")
    with PreferenceStore(tmp_path) as store:
        return place.begin(store, lambda _: None, Event())


def start(run: Run) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    pipe = subprocess.PIPE
    return subprocess.Popen(run.command(), stdin=pipe, stdout=pipe, env=environment, text=True)


def events_of(child: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert child.stdout is not None
    return [json.loads(line) for line in child.stdout]


def test_a_pause_changes_nothing(begun: Run):
    child = start(begun)
    assert child.stdin is not None
    assert child.stdout is not None
    first = json.loads(child.stdout.readline())
    assert (first["event"], first["step"], first["steps"]) == ("step", 1, 12)
    child.stdin.close()
    told = events_of(child)
    assert child.wait() == 0
    assert told[-1] == {"event": "paused"}
    assert begun.result() is None
    assert begun.place.unfinished() == begun

    child = start(begun)
    told = events_of(child)
    child.communicate()
    assert child.returncode == 0
    steps = [event["step"] for event in told if event["event"] == "step"]
    assert steps[-1] == 12
    assert steps[0] > 1
    done = told.pop()
    assert done.pop("event") == "done"
    assert begun.result() == done
    assert {"old", "new"} <= set(done)
    assert 0 <= done["new"]["low"] <= done["new"]["share"] <= done["new"]["high"] <= 1
    paused_log = begun.log()
    measured = [event for event in told if event["event"] == "measured"]
    assert [{**line, "event": "measured"} for line in paused_log][-len(measured) :] == measured
    assert load_reward(begun.folder / "run" / "reward.safetensors").provenance["held out"] == done

    paused = load_file(begun.folder / "run" / "reward.safetensors")
    (begun.folder / "run").rename(begun.folder / "paused")
    child = start(begun)
    told = events_of(child)
    child.communicate()
    whole = load_file(begun.folder / "run" / "reward.safetensors")
    assert all(whole[name].equal(tensor) for name, tensor in paused.items())
    assert begun.log() == paused_log
    kept = begun.take()
    assert load_reward(kept)
    assert not begun.folder.exists()
    assert begun.place.unfinished() is None


def test_errors_are_told_and_two_do_not_train_in_one_folder(begun: Run):
    out = begun.folder / "run"
    out.mkdir()
    with FileLock(out / ".lock"):
        (told,) = events_of(start(begun))
    assert "Another process trains" in told["sentence"]
    (out / "checkpoint.pt").write_bytes(b"half")
    child = start(begun)
    (told,) = events_of(child)
    assert child.wait() == 2
    assert told["event"] == "failed"
    assert "checkpoint.pt is damaged" in told["sentence"]
