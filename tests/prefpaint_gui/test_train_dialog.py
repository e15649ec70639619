"""Preferences > Train, with a real child where that is what is tested."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from PySide6.QtWidgets import QPushButton

from prefpaint_gui.rewards import TRAIN_WORD
from prefpaint_gui.state.training import BUILTIN
from prefpaint_gui.widgets.train_dialog import TrainDialog
from tests.prefpaint_gui.conftest import LEFT, Bench
from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from tests.training.preferences import keep_accepts
from training.preferences.store import PreferenceStore
from training.reward.finetune import Place

SETTINGS = """
steps = 40
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
freeze = 1.0
augment = false
bf16 = false
checkpoint_every = 10
patience = 9
"""
ACCURACY = {"name": "", "low": 0.4, "high": 0.9, "count": 30}
RESULT = {
    "old": {**ACCURACY, "share": 0.5},
    "new": {**ACCURACY, "share": 0.7},
    "old faults": {**ACCURACY, "share": 0.9},
    "new faults": {**ACCURACY, "share": 0.6},
}
WORDS = """
import json, os, sys
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
out.mkdir(parents=True, exist_ok=True)
(out / "pid").write_text(str(os.getpid()))
def tell(**event): print(json.dumps(event), flush=True)
tell(event="step", step=1, steps=9, seconds_left=80.0)
tell(event="measured", step=1, loss=0.6, accuracy=0.55)
print("a library's own words", flush=True)
"""
WAITS = WORDS + "sys.stdin.read(); (out / 'ended').write_text(''); tell(event='paused')"
IGNORES = WORDS + "import time; time.sleep(600)"
FINISHES = (
    WORDS
    + f"(out / 'held-out.json').write_text({json.dumps(RESULT)!r})\n"
    + "(out / 'reward.safetensors').write_bytes(b'weights'); tell(event='done')"
)
FAILS = WORDS + "tell(event='failed', sentence='The disk is full. Free some space.'); sys.exit(2)"
DIES = WORDS + "os._exit(9)"


def opened(bench: Bench, strips: int = 50, script: str | None = None) -> TrainDialog:
    """The dialog over a store with so many strips. script: Python instead of the real trainer."""
    keep_accepts(bench.place.folder, strips)
    bench.stores.append(lambda: PreferenceStore(bench.place.folder))
    if script is not None:
        use_place(bench, replace(bench.place, command=(sys.executable, "-c", script)))
    bench.program.window.commands["train"].trigger()
    dialog = bench.program.window.dialogs.train
    bench.until(lambda: bench.program.training.survey is not None)
    return dialog


def use_place(bench: Bench, place: Place) -> None:
    bench.places.append(place)


def press(bench: Bench, button: QPushButton) -> None:
    bench.until(lambda: button.isVisible() and button.isEnabled())
    bench.qtbot.mouseClick(button, LEFT)


def until(bench: Bench, condition: Callable[[], bool]) -> None:
    """Importing torch in a child takes its time."""
    bench.qtbot.waitUntil(condition, timeout=120_000)


def generate_beside(bench: Bench) -> None:
    """While the dialog has the keyboard."""
    bench.program.window.commands["generate"].trigger()
    bench.until(lambda: not bench.program.session.is_busy)


def phase(bench: Bench) -> str:
    return bench.program.training.course.phase


def runs(bench: Bench) -> list[Path]:
    return sorted((bench.place.folder / "training").glob("*"))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_too_little_is_said_with_what_is_missing(bench: Bench):
    dialog = opened(bench, strips=3)
    assert dialog.counts["Strips"].text() == "3"
    assert dialog.counts["Usable pairs"].text() == "6"
    assert dialog.counts["Accepted"].text() == "3"
    assert "47 more strips" in dialog.lacking.text()
    assert not dialog.train.isEnabled()
    assert not dialog.loss.isVisible()


def test_a_paused_training_goes_on_to_its_offer(bench: Bench):
    (bench.place.folder / "settings.toml").write_text(SETTINGS)
    save_tiny_reward(bench.place.start)
    dialog = opened(bench)
    press(bench, dialog.train)
    until(bench, lambda: bench.program.training.course.step >= 3)
    press(bench, dialog.pause)
    until(bench, lambda: phase(bench) == "paused")
    step = bench.program.training.course.step
    assert step < 40
    press(bench, dialog.resume)
    until(bench, lambda: phase(bench) == "offered")
    points = bench.program.training.course.points
    assert [point.step for point in points] == [10, 20, 30, 40]
    assert "held-out" in dialog.offer.note.text()


def test_the_result_ranks_only_when_it_is_chosen_and_the_way_back_is_open(painted: Bench):
    bench, training = painted, painted.program.training
    bench.generate()
    assert bench.rewards == [BUILTIN]
    dialog = opened(bench, script=FINISHES)
    press(bench, dialog.train)
    bench.until(lambda: phase(bench) == "offered")
    assert training.reward == BUILTIN
    shown = {name: [cell.text() for cell in cells] for name, cells in dialog.offer.rows.items()}
    assert shown["New reward"] == ["70 %", "40 % – 90 %", "60 %"]
    assert shown["Built-in reward"] == ["50 %", "40 % – 90 %", "90 %"]
    assert "may be chance" in dialog.offer.verdict.text()
    assert "misses far more faults" in dialog.offer.verdict.text()
    press(bench, dialog.offer.use)
    bench.until(lambda: training.reward != BUILTIN)
    assert Path(training.reward).read_bytes() == b"weights"
    assert bench.program.settings.reward == training.reward
    assert "Ranked by trained-" in bench.program.window.status.reward.text()
    assert runs(bench) == []
    generate_beside(bench)
    assert bench.rewards == [BUILTIN, training.reward]
    press(bench, dialog.builtin)
    generate_beside(bench)
    assert bench.rewards[-1] == BUILTIN
    assert bench.program.settings.reward == BUILTIN


def test_of_rewards_taken_before_the_last_one_stays(bench: Bench):
    folder = bench.place.folder / "rewards"
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"trained-2026010{day}-120000.safetensors").write_bytes(b"old")
    (folder / "mine.safetensors").write_bytes(b"mine")
    dialog = opened(bench, script=FINISHES)
    press(bench, dialog.train)
    press(bench, dialog.offer.use)
    bench.until(lambda: bench.program.training.reward != BUILTIN)
    taken = Path(bench.program.training.reward).name
    assert {path.name for path in folder.iterdir()} == {
        *(taken, "trained-20260103-120000.safetensors", "mine.safetensors")
    }


def test_keeping_the_present_reward_deletes_the_run(bench: Bench):
    dialog = opened(bench, script=FINISHES)
    press(bench, dialog.train)
    bench.until(lambda: phase(bench) == "offered")
    press(bench, dialog.offer.keep)
    bench.until(lambda: phase(bench) == "idle")
    assert bench.program.training.reward == BUILTIN
    assert runs(bench) == []


def test_cancelling_leaves_no_process_and_no_picture(bench: Bench):
    dialog = opened(bench, script=IGNORES)
    press(bench, dialog.train)
    bench.until(lambda: len(bench.program.training.course.points) == 1)
    assert "step 1 of 9 · at most 80 s left" in dialog.course.text()
    assert dialog.loss.isVisible()
    assert dialog.accuracy.isVisible()
    (run,) = runs(bench)
    process = int((run / "run" / "pid").read_text())
    press(bench, dialog.delete)
    bench.until(lambda: phase(bench) == "idle")
    assert not is_running(process)
    assert runs(bench) == []


def test_a_run_of_another_window_is_not_deleted(bench: Bench):
    dialog = opened(bench, script=WAITS + "; sys.exit(1)")
    press(bench, dialog.train)
    bench.until(lambda: bench.program.training.course.step == 1)
    press(bench, dialog.pause)
    bench.until(lambda: phase(bench) == "paused")
    (run,) = runs(bench)
    with FileLock(run / "run" / ".lock"):
        press(bench, dialog.delete)
        bench.until(dialog.banner.isVisible)
        assert "Another window" in dialog.banner.text.text()
        assert (run / "data" / "records.jsonl").exists()
    press(bench, dialog.delete)
    bench.until(lambda: phase(bench) == "idle")
    assert runs(bench) == []


def test_closing_the_window_pauses_and_leaves_the_run_to_the_next(bench: Bench):
    dialog = opened(bench, script=WAITS)
    press(bench, dialog.train)
    bench.until(lambda: bench.program.training.course.step == 1)
    bench.program.window.close()
    (run,) = runs(bench)
    assert (run / "run" / "ended").exists()
    assert not is_running(int((run / "run" / "pid").read_text()))
    assert bench.place.unfinished() is not None


@pytest.mark.parametrize(
    ("script", "says"), [(FAILS, "The disk is full"), (DIES, "ended unexpectedly")]
)
def test_a_child_that_dies_is_said_and_can_be_gone_on_with(script: str, says: str, bench: Bench):
    dialog = opened(bench, script=script)
    press(bench, dialog.train)
    bench.until(lambda: phase(bench) == "paused")
    assert says in dialog.banner.text.text()
    assert dialog.banner.isVisible()
    assert dialog.resume.isVisible()


def test_a_trainer_that_cannot_be_started_is_said(bench: Bench, tmp_path: Path):
    use_place(bench, replace(bench.place, command=(str(tmp_path / "nothing"),)))
    dialog = opened(bench)
    press(bench, dialog.train)
    bench.until(lambda: phase(bench) == "paused")
    assert "cannot be started" in dialog.banner.text.text()


def test_a_bundle_trains_through_its_own_program():
    words = ("-m", "prefpaint_gui", TRAIN_WORD, "reward", "--help")
    told = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    assert "Train a reward model" in told.stdout
