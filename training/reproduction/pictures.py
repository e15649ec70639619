"""The charts of a proof's report."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.alignment.config import Amplification
from training.reproduction.ablation import KINDS
from training.reproduction.courses import Course

COLOURS = ("#8a919b", "#e08a2e", "#3d7eff", "#2fa37a", "#b05ad0")


def draw_ablation(curves: dict[Amplification, list[list[float]]], path: Path) -> None:
    """Reward over iterations without gamma, with a static one and with the paper's: a thin line
    for each seed, a thick one for their mean."""
    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for kind, colour in zip(KINDS, COLOURS, strict=False):
        iterations = range(1, len(curves[kind][0]) + 1)
        for curve in curves[kind]:
            axes.plot(iterations, curve, color=colour, linewidth=0.6, alpha=0.6)
        mean = np.mean(curves[kind], axis=0)
        axes.plot(iterations, mean, color=colour, linewidth=2, label=f"gamma: {kind}")
    axes.set(title="Training reward by gamma", xlabel="iterations", ylabel="reward")
    _finish(axes)
    figure.savefig(path)


def draw_methods(courses: Mapping[str, Course], path: Path) -> None:
    """Reward against wall time and against UNet calls."""
    figure = Figure(figsize=(11, 3.6), dpi=120, layout="constrained")
    by_time, by_calls = figure.subplots(1, 2, sharey=True)
    for (name, course), colour in zip(courses.items(), COLOURS, strict=False):
        by_time.plot(np.array(course.seconds) / 60, course.rewards, "o-", color=colour, label=name)
        by_calls.plot(np.array(course.calls) / 1000, course.rewards, "o-", color=colour, label=name)
    by_time.set(title="Reward by method", xlabel="minutes", ylabel="reward, as it was at first")
    by_calls.set(xlabel="samples through the UNet, thousands")
    for axes in (by_time, by_calls):
        _finish(axes)
    figure.savefig(path)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="x-small", frameon=False)
