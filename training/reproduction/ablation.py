"""What gamma does to the speed of learning, over several seeds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.alignment.config import Amplification

KINDS: tuple[Amplification, ...] = ("none", "static", "exponential")
WINDOW = 10
"""Iterations over which a curve is averaged."""


@dataclass(frozen=True)
class Ablation:
    """iterations_to_target: by seed, None where the run never came there. final_reward: by seed,
    the mean training reward up to the last iteration that all runs have."""

    iterations_to_target: list[int | None]
    final_reward: list[float]


def curves_of(folder: Path, seeds: Sequence[int]) -> dict[Amplification, list[list[float]]]:
    """Smoothed rewards of the runs `<kind>-<seed>` in `folder`, all as long as the shortest: an
    alarm may have stopped some."""
    curves = {
        kind: [
            smoothed([line["reward"] for line in log_of(folder / f"{kind}-{seed}")])
            for seed in seeds
        ]
        for kind in KINDS
    }
    shortest = min(len(curve) for own in curves.values() for curve in own)
    return {kind: [curve[:shortest] for curve in own] for kind, own in curves.items()}


def log_of(run: Path) -> list[dict[str, float]]:
    """An alignment's lines, one an iteration."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def smoothed(rewards: Sequence[float]) -> list[float]:
    """The mean of each iteration and those before it, WINDOW at most."""
    return [
        float(np.mean(rewards[max(0, last - WINDOW) : last])) for last in range(1, len(rewards) + 1)
    ]


def ablation_of(curves: dict[Amplification, list[list[float]]]) -> dict[Amplification, Ablation]:
    """From `curves_of`. The target is what runs without gamma reach on average in the end."""
    target = float(np.mean([curve[-1] for curve in curves["none"]]))
    return {
        kind: Ablation([_first_at(curve, target) for curve in own], [curve[-1] for curve in own])
        for kind, own in curves.items()
    }


def _first_at(curve: Sequence[float], target: float) -> int | None:
    """The iteration, counted from 1, from which on a whole window lies at the target."""
    for iteration, value in enumerate(curve, start=1):
        if iteration >= WINDOW and value >= target:
            return iteration
    return None
