"""What the window and the commands have the training module do with rewards. No Qt, no torch."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from training.errors import Cancelled, PrefPaintError
from training.inpainting.hub_plan import REWARD_PICKLE, V_INVERSE
from training.inpainting.model_entry import REWARD_FILE
from training.inpainting.request import Event, Progress

TRAIN_WORD = "--prefpaint-train"
"""The first word by which the program calls its own bundle for `prefpaint-train`."""
_LOOK_EVERY_S = 0.1
_SAID = "prefpaint-train: "
"""How that begins what went wrong, with exit status 2."""


def train_command() -> tuple[str, ...]:
    """What `prefpaint-train` is called by; in a bundle there is no Python to call: see __main__.

    -P, so that it is ours whatever `training` lies in the folder that the program was started in.
    """
    is_bundle = getattr(sys, "frozen", False)
    return (sys.executable, *((TRAIN_WORD,) if is_bundle else ("-P", "-m", "training")))


def convert_download(
    folder: Path, on_event: Callable[[Event], None], cancel: threading.Event
) -> None:
    """Make REWARD_FILE of PrefPaint's reward as it was published, whose pickles are then deleted.

    Raises Cancelled soon after `cancel` is set, PrefPaintError when the files are not as expected
    or the new one cannot be written.
    """
    on_event(Progress(1.0, "Converting"))
    pickle, v_inverse, made = (folder / n for n in (REWARD_PICKLE, V_INVERSE.name, REWARD_FILE))
    try:
        if not made.exists():
            _train(["convert-reward", pickle, "--v-inverse", v_inverse, "--out", made], cancel)
    except OSError as error:
        raise PrefPaintError(
            f"{pickle} cannot be converted ({error.strerror or error}). Free some space, then "
            "download again: what has arrived stays."
        ) from error
    for file in (pickle, v_inverse):
        with suppress(OSError):  # one that is held open stays
            file.unlink(missing_ok=True)


def _train(words: list[str | Path], cancel: threading.Event) -> None:
    """Run `prefpaint-train` to its end; what it keeps for the time goes, even if it is killed."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as place:
        kept = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), place)
        errors = Path(place, "errors.txt")
        with errors.open("wb") as sink:
            run = subprocess.Popen(
                [*train_command(), *map(str, words)],
                env=os.environ | kept,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=sink,
            )
            while run.poll() is None:
                if cancel.wait(_LOOK_EVERY_S):
                    run.kill()
                    run.wait()
                    raise Cancelled
        lines = errors.read_text(errors="replace").strip().splitlines()
    said = lines[-1] if lines else f"exit status {run.returncode}"
    if run.returncode == 2:
        raise PrefPaintError(said.removeprefix(_SAID))
    if run.returncode:
        raise PrefPaintError(f"{words[1]} cannot be converted ({said}). Download it again.")
