"""What the window and the commands have the training module do with rewards. No Qt, no torch."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from training.errors import Cancelled, PrefPaintError
from training.inpainting.hub_plan import REWARD_PICKLE, V_INVERSE
from training.inpainting.model_entry import REWARD_FILE
from training.inpainting.request import Event, Progress

TRAIN_WORD = "--prefpaint-train"
"""The first word by which the program calls its own bundle for `prefpaint-train`."""
_LOOK_EVERY_S = 0.1


def train_command() -> tuple[str, ...]:
    """What `prefpaint-train` is called by; in a bundle there is no Python to call: see __main__."""
    is_bundle = getattr(sys, "frozen", False)
    return (sys.executable, *((TRAIN_WORD,) if is_bundle else ("-m", "training")))


def convert_download(
    folder: Path, on_event: Callable[[Event], None], cancel: threading.Event
) -> None:
    """Make REWARD_FILE of PrefPaint's reward as it was published, whose pickles are then deleted.

    Raises Cancelled soon after `cancel` is set, PrefPaintError when the files are not as expected.
    """
    on_event(Progress(1.0, "Converting"))
    pickle, v_inverse = folder / REWARD_PICKLE, folder / V_INVERSE.name
    words = ("convert-reward", str(pickle), "--v-inverse", str(v_inverse))
    with subprocess.Popen(
        [*train_command(), *words, "--out", str(folder / REWARD_FILE)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        while run.poll() is None:
            if cancel.wait(_LOOK_EVERY_S):
                run.kill()
                raise Cancelled
        assert run.stderr is not None
        said = run.stderr.read().strip()
    if run.returncode:
        raise PrefPaintError(said.splitlines()[-1] if said else f"{pickle} cannot be converted.")
    for file in (pickle, v_inverse):
        file.unlink()
