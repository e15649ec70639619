"""The folder of a training run: checkpoint, best weights so far, and logs."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tensorboardX import SummaryWriter

from training.checkpoints import read_checkpoint
from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.reward.evaluation import PairAccuracy
from training.reward.network import RewardNetwork

CHECKPOINT, BEST, LOG = "checkpoint.pt", "best.pt", "log.jsonl"


@dataclass
class RunState:
    """step: how many are done. best: the highest validation accuracy so far. stale: how many
    measurements have passed since. losses: of the steps since the last measurement."""

    step: int = 0
    best: float = 0.0
    stale: int = 0
    losses: list[float] = field(default_factory=list)


class RunFolder:
    """Goes on from what an interrupted run left; `settings` tells runs apart.

    log.jsonl has a line for each measurement, and TensorBoard reads the folder.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self.path = path
        self._settings = settings
        with self._errors():
            path.mkdir(parents=True, exist_ok=True)

    def resume(self, network: RewardNetwork, optimiser: torch.optim.Optimizer) -> RunState:
        """Load the checkpoint, if there is one. Raises PrefPaintError when it is damaged or of
        other settings."""
        state = read_checkpoint(self.path / CHECKPOINT, self._settings)
        if state is None:
            for name in (LOG, BEST):
                (self.path / name).unlink(missing_ok=True)
            return RunState()
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return RunState(**state["state"])

    def save(
        self,
        network: RewardNetwork,
        optimiser: torch.optim.Optimizer,
        state: RunState,
        *,
        is_best: bool = False,
    ) -> None:
        """Replace the checkpoint. is_best: these weights measured best so far; they are kept too.

        Raises PrefPaintError when the disk is full or not writable; the checkpoint before stays.
        """
        weights = network.state_dict()
        if is_best:
            self._write(BEST, weights)
        content = {
            "settings": self._settings,
            "network": weights,
            "optimiser": optimiser.state_dict(),
            "state": vars(state),
        }
        self._write(CHECKPOINT, content)

    def load_best(self, network: RewardNetwork) -> None:
        """Bring the network back to the weights of its best measurement."""
        network.load_state_dict(torch.load(self.path / BEST, map_location="cpu", weights_only=True))

    def log(
        self, step: int, loss: float, accuracy: float, measured: list[PairAccuracy]
    ) -> dict[str, float]:
        """Keep a line: the mean loss since the one before, the accuracy that early stopping
        watches, and those of all comparisons, on validation prompts. Gives the line."""
        shares = {entry.name: entry.share for entry in measured}
        line = {"step": step, "loss": loss, "accuracy": accuracy, **shares}
        with self._errors():
            with (self.path / LOG).open("a") as file:
                file.write(json.dumps(line) + "\n")
            with SummaryWriter(str(self.path), flush_secs=1) as board:
                for name, value in line.items():
                    if name != "step":
                        board.add_scalar(name.replace(" ", "_"), value, step)
        return line

    def _write(self, name: str, content: object) -> None:
        with self._errors(), replaced_when_complete(self.path / name) as file:
            buffer = io.BytesIO()  # torch.save tells of a full disk in words that no one acts on
            torch.save(content, buffer)
            file.write(buffer.getbuffer())

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PrefPaintError(
                f"The run cannot be kept in {self.path} ({error.strerror or error}). Free some "
                "space; it goes on from its last checkpoint."
            ) from error
