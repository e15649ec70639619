"""The pictures of a reward's report."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.reward.calibration import JudgedPairs
from training.reward.trust_report import calibration, error_by_bound

BLUE, GREY = "#3d7eff", "#8a919b"
BOUND_TITLES = {
    "paper": "||z||, paper norm",
    "bandit": "||z||, bandit norm",
    "disagreement": "disagreement",
}


def draw_sensitivity(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """A small chart for each change of the fill."""
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    charts = figure.subplots(2, (len(curves) + 1) // 2, sharey=True).flatten()
    for axes, (name, points) in zip(charts, curves.items(), strict=False):
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, color=BLUE)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_title(name, fontsize="small")
        _plain(axes)
    for axes in charts[len(curves) :]:
        axes.set_visible(False)
    figure.suptitle("Mean change of the reward when the fill alone is changed", fontsize="medium")
    figure.savefig(path)


def draw_trust(pairs: JudgedPairs, path: Path) -> None:
    """Error against the bound in both norms, and how often the reward is right when how sure."""
    figure = Figure(figsize=(11, 3.4), dpi=120, layout="constrained")
    *norms, sure = figure.subplots(1, len(pairs.bounds) + 1)
    for axes, norm in zip(norms, pairs.bounds, strict=True):
        axes.plot(*zip(*error_by_bound(pairs, norm), strict=True), marker="o", color=BLUE)
        axes.set(title=f"Loss against {BOUND_TITLES[norm]}", xlabel="of both pictures of a pair")
    sure.plot([0.5, 1], [0.5, 1], color=GREY, linewidth=0.8)
    sure.plot(*zip(*calibration(pairs), strict=True), marker="o", color=BLUE)
    sure.set(title="Calibration", xlabel="sigmoid of the margin", ylabel="right")
    for axes in (*norms, sure):
        _plain(axes)
    figure.savefig(path)


def draw_scores(rewards: dict[str, list[float]], path: Path) -> None:
    """How rewards are distributed, by kind of picture."""
    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    axes = figure.subplots()
    lowest = min(min(scores) for scores in rewards.values())
    highest = max(max(scores) for scores in rewards.values())
    for kind, scores in rewards.items():
        axes.hist(
            scores, bins=40, range=(lowest, highest), density=True, histtype="step", label=kind
        )
    axes.set(title="Rewards of held-out pictures", xlabel="reward")
    axes.legend(fontsize="x-small", frameon=False)
    _plain(axes)
    figure.savefig(path)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
