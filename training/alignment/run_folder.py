"""The folder of an alignment run: what it is, its checkpoint, its best weights, its sheets."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from training.alignment.config import AlignmentConfig
from training.alignment.pairs import PreferencePair
from training.alignment.policy import Policy
from training.alignment.rollouts import Fills, Rollout, SizedPrompt
from training.checkpoints import read_checkpoint, run_errors, write_checkpoint
from training.files import write_png
from training.processes import is_main_process
from training.reward.ensemble import Reward, reward_models
from training.sharding import load_optimiser_state, optimiser_state, whole

CHECKPOINT, BEST = "checkpoint.pt", "best.pt"
UNSAVED = ("iterations", "gradient_checkpointing", "alarms")
"""Settings that may change when a run goes on: they leave each of its iterations as it is."""


class Refresh(Protocol):
    """Called after each iteration's update, so that the reward can learn the newest samples.

    It changes the reward that the run was given. Several processes each call it with their own
    share of the samples; what it learns has to stay the same in all of them.
    """

    @property
    def digest(self) -> str:
        """Tells it from one that would teach something else; the same when a run goes on."""
        ...

    def __call__(self, iteration: int, rollout: Rollout) -> None: ...
    def state(self) -> dict[str, Any]:
        """What it needs to go on: tensors, numbers, strings, and lists and dicts of them."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave, into the reward too."""
        ...


@dataclass
class RunState:
    """done: iterations. first: the fills' looks when it began. recent: the last iterations' looks
    and margins over the originals. rewards: each iteration's mean. has_stopped: early, because the
    reward no longer rose."""

    done: int = 0
    first: dict[str, float] | None = None
    recent: list[dict[str, float]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    has_stopped: bool = False


class AlignmentFolder:
    """Goes on from what an interrupted run left; `settings` tells runs apart."""

    def __init__(
        self,
        path: Path,
        settings: str,
        policy: Policy,
        optimiser: torch.optim.Optimizer,
        refresh: Refresh | None,
    ) -> None:
        self.path = path
        self._settings = settings
        self._policy = policy
        self._optimiser = optimiser
        self._refresh = refresh

    def resume(self) -> RunState:
        """Load the checkpoint, if there is one. Raises PrefPaintError when it is damaged or of
        another run."""
        content = read_checkpoint(self.path / CHECKPOINT, self._settings)
        if content is None:
            return RunState()
        self._policy.load_state(content["policy"])
        load_optimiser_state(self._optimiser, content["optimiser"])
        if self._refresh is not None:
            self._refresh.load_state(content["refresh"])
        return RunState(**content["state"])

    def save(self, state: RunState) -> None:
        """Replace the checkpoint. Every process takes part; the main one writes."""
        content = {
            "settings": self._settings,
            "policy": self._policy.state(),
            "optimiser": optimiser_state(self._optimiser),
            "refresh": self._refresh.state() if self._refresh is not None else None,
            "state": vars(state),
        }
        if is_main_process():
            write_checkpoint(self.path / CHECKPOINT, content)

    def save_best(self) -> None:
        """Keep these weights as the best so far, as `save` does."""
        weights = self._policy.state()
        if is_main_process():
            write_checkpoint(self.path / BEST, weights)

    def load_best(self) -> None:
        """Bring the policy back to the best weights, where some were kept."""
        path = self.path / BEST
        if path.exists():
            self._policy.load_state(torch.load(path, map_location="cpu", weights_only=True))

    def draw_sheet(self, fills: Fills, done: int) -> None:
        """A row for each prompt, its hole first."""
        rows = [np.hstack([prompt.masked, *pictures]) for prompt, pictures in fills.by_prompt]
        path = self.path / "sheets" / f"{done:04}.png"
        with run_errors(self.path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, np.vstack(rows))


def run_settings(
    config: AlignmentConfig,
    policy: Policy,
    reward: Reward | None,
    prompts: Sequence[SizedPrompt],
    pairs: Sequence[PreferencePair],
    refresh: Refresh | None,
) -> str:
    """All on which a run's course depends, as JSON; of weights and pictures a few bytes.

    reward: as the run began.
    """
    settings = {name: value for name, value in asdict(config).items() if name not in UNSAVED}
    return json.dumps(
        {
            **settings,
            "model": weights_digest([policy.beginning()]),
            "reward": _reward_digest(reward),
            "refresh": refresh.digest if refresh is not None else None,
            "the prompts": _digest([part for p in prompts for part in (p.masked, p.hole)]),
            "the pairs": _digest([np.frombuffer(pair.key.encode(), np.uint8) for pair in pairs]),
        },
        sort_keys=True,
    )


def _reward_digest(reward: Reward | None) -> str:
    """Of what scores are made of: the network, its units, and V^-1."""
    models = reward_models(reward)
    units = [np.array([one.mean, one.deviation]) for one in models]
    bounds = [one.trust.v_inverse for one in models]
    weights = weights_digest([one.network.state_dict() for one in models])
    return _digest([np.frombuffer(weights.encode(), np.uint8), *units, *bounds])


def weights_digest(weights: Sequence[Mapping[str, Tensor]]) -> str:
    """Of the first numbers of each tensor."""
    return _digest(
        [
            whole(value.detach()).flatten()[:64].float().cpu().numpy()
            for named in weights
            for _, value in sorted(named.items())
        ]
    )


def _digest(arrays: Sequence[Any]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]
