"""What a training run writes beside its checkpoint: log.jsonl and TensorBoard's events."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from tensorboardX import SummaryWriter

from training.checkpoints import run_errors
from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.processes import is_main_process

LOG = "log.jsonl"


class RunLog:
    """A line of log.jsonl for each measurement; TensorBoard reads the same folder.

    step: the name of the figure that counts. Errors of the disk are PrefPaintError.
    """

    def __init__(self, folder: Path, step: str) -> None:
        self._folder = folder
        self._step = step
        self._board: SummaryWriter | None = None

    def keep(self, count: int) -> None:
        """Go on after so many lines; of later ones the steps will be done again."""
        path = self._folder / LOG
        with run_errors(self._folder):
            lines = path.read_text().splitlines()[:count] if path.exists() else []
            with replaced_when_complete(path) as file:
                file.write("".join(f"{line}\n" for line in lines).encode())

    def write(self, line: Mapping[str, float]) -> None:
        """Keep a line, on disk before this returns."""
        with run_errors(self._folder):
            with (self._folder / LOG).open("a") as file:
                file.write(json.dumps(line) + "\n")
            number = int(line[self._step])
            if self._board is None:
                self._board = SummaryWriter(str(self._folder), purge_step=number)
            for name, value in line.items():
                if name != self._step:
                    self._board.add_scalar(name.replace(" ", "_"), value, number)
            self._board.flush()

    def close(self) -> None:
        """Let go of TensorBoard's file."""
        if self._board is not None:
            self._board.close()
            self._board = None


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Raises PrefPaintError where another process trains in this folder; several processes of one
    run count as one."""
    if not is_main_process():
        yield
        return
    lock = FileLock(out / ".lock", timeout=0)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise PrefPaintError(
            f"Another process trains in {out} already. Wait for it, or end it."
        ) from error
    except OSError as error:
        raise PrefPaintError(f"The run cannot be kept in {out} ({error.strerror}).") from error
    with lock:
        yield
