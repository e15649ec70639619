"""The folder of a training run: checkpoint, best weights so far, and logs."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.checkpoints import read_checkpoint, run_errors, write_checkpoint
from training.errors import PrefPaintError
from training.processes import is_main_process
from training.reward.evaluation import PairAccuracy
from training.reward.network import RewardNetwork
from training.reward.sharded import load_whole
from training.run_log import LOG, RunLog
from training.sharding import collected, load_optimiser_state, optimiser_state

CHECKPOINT, BEST = "checkpoint.pt", "best.pt"


@dataclass
class RunState:
    """step: how many are done. best: the highest validation accuracy so far, -1 before the first.
    stale: how many measurements have passed since. losses: of the steps since the last
    measurement."""

    step: int = 0
    best: float = -1.0
    stale: int = 0
    losses: list[float] = field(default_factory=list)


class RunFolder:
    """Goes on from what an interrupted run left; `settings` tells runs apart.

    log.jsonl has a line for each measurement, and TensorBoard reads the folder.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self.path = path
        self._settings = settings
        self._log = RunLog(path, "step")
        with run_errors(path):
            path.mkdir(parents=True, exist_ok=True)

    def resume(self, network: RewardNetwork, optimiser: torch.optim.Optimizer) -> RunState:
        """Load the checkpoint, if there is one. Raises PrefPaintError when it is damaged or of
        other settings."""
        state = read_checkpoint(self.path / CHECKPOINT, self._settings)
        if state is None:
            for name in (LOG, BEST):
                (self.path / name).unlink(missing_ok=True)
            return RunState()
        try:
            load_whole(network, state["network"])
            load_optimiser_state(optimiser, state["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise PrefPaintError(
                f"{self.path / CHECKPOINT} is of another network. Name another folder, or delete "
                "this one."
            ) from error
        return RunState(**state["state"])

    def save(
        self,
        network: RewardNetwork,
        optimiser: torch.optim.Optimizer,
        state: RunState,
        *,
        is_best: bool = False,
    ) -> None:
        """Replace the checkpoint. Every process takes part; the main one writes. is_best: these
        weights measured best so far; they are kept too.

        Raises PrefPaintError when the disk is full or not writable; the checkpoint before stays.
        """
        weights = collected(network.state_dict().items())
        content = {
            "settings": self._settings,
            "network": weights,
            "optimiser": optimiser_state(optimiser),
            "state": vars(state),
        }
        if is_main_process():
            if is_best:
                write_checkpoint(self.path / BEST, weights)
            write_checkpoint(self.path / CHECKPOINT, content)

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
        self._log.write(line)
        return line
