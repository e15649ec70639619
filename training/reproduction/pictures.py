"""The charts of a proof's report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.reproduction.ablation import KINDS, log_of, smoothed

COLOURS = ("#8a919b", "#e08a2e", "#3d7eff")


def draw_ablation(folder: Path, seeds: Sequence[int], path: Path) -> None:
    """Reward over iterations without gamma, with a static one and with the paper's: a thin line
    for each seed, a thick one for their mean."""
    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for kind, colour in zip(KINDS, COLOURS, strict=True):
        curves = [
            smoothed([line["reward"] for line in log_of(folder / f"{kind}-{seed}")])
            for seed in seeds
        ]
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=0.6, alpha=0.6)
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        axes.plot(range(1, shortest + 1), mean, color=colour, linewidth=2, label=f"gamma: {kind}")
    axes.set(title="Training reward by gamma", xlabel="iterations", ylabel="reward")
    _finish(axes)
    figure.savefig(path)


def draw_methods(folder: Path, methods: Mapping[str, str], path: Path) -> None:
    """Reward against wall time and against UNet calls, of the methods that have rewards."""
    figure = Figure(figsize=(11, 3.6), dpi=120, layout="constrained")
    by_time, by_calls = figure.subplots(1, 2, sharey=True)
    for (name, run), colour in zip(methods.items(), COLOURS, strict=False):
        lines = [line for line in log_of(folder / run) if "reward" in line]
        if not lines:
            continue
        rewards = smoothed([line["reward"] for line in lines])
        seconds, calls = (
            np.cumsum([line[what] for line in lines]) for what in ("seconds", "unet_calls")
        )
        by_time.plot(seconds / 60, rewards, color=colour, label=name)
        by_calls.plot(calls / 1000, rewards, color=colour, label=name)
    by_time.set(title="Training reward by method", xlabel="minutes", ylabel="reward")
    by_calls.set(xlabel="samples through the UNet, thousands")
    for axes in (by_time, by_calls):
        _finish(axes)
    figure.savefig(path)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="x-small", frameon=False)
