"""The charts of a comparison."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.compare import Comparison
from training.evaluation.samples import Filled

BLUE, GREY, INK = "#3d7eff", "#8a919b", "#20242a"
BLUES = ("#b3ceff", BLUE, "#1b4cad")
TITLES = {"reward": "By the reward", "judge": "By the independent judge"}


def draw_win_rates(comparison: Comparison, path: Path) -> None:
    """Bars with intervals: for each judge a chart, in it for each model a bar for each S."""
    who_judges = list(comparison.heat_maps)
    names = list(comparison.models)
    figure = Figure(
        figsize=(len(who_judges) * (2.2 + 1.2 * len(names)), 3.6), dpi=120, layout="constrained"
    )
    charts = figure.subplots(1, len(who_judges), squeeze=False)[0]
    for axes, who in zip(charts, who_judges, strict=True):
        rates = [
            (figures.judge if who == "judge" else None) or figures.reward
            for figures in comparison.models.values()
        ]
        samples = list(rates[0].win_rate)
        width = 0.8 / len(samples)
        for index, (best_of, blue) in enumerate(zip(samples, BLUES, strict=False)):
            some = [verdict.win_rate[best_of] for verdict in rates]
            places = np.arange(len(names)) + (index - (len(samples) - 1) / 2) * width
            axes.bar(
                places,
                [100 * one.value for one in some],
                width,
                yerr=np.transpose(
                    [(100 * (one.value - one.low), 100 * (one.high - one.value)) for one in some]
                ),
                error_kw={"elinewidth": 1, "capsize": 2, "ecolor": INK},
                color=blue,
                label=f"S = {best_of}",
            )
        axes.axhline(50, color=GREY, linewidth=0.8, linestyle="--")
        axes.set(title=TITLES[who], ylim=(-2, 102), ylabel=f"WinRate over {comparison.base}, %")
        axes.set_xticks(np.arange(len(names)), names)
        _plain(axes)
    handles, labels = charts[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


def draw_heat_maps(comparison: Comparison, path: Path) -> None:
    """For each judge: how often the row's model wins over the column's."""
    who_judges = list(comparison.heat_maps)
    names = list(comparison.models)
    side = 1.6 + 0.75 * len(names)
    figure = Figure(figsize=(len(who_judges) * (side + 0.6), side), dpi=120, layout="constrained")
    charts = figure.subplots(1, len(who_judges), squeeze=False)[0]
    for axes, who in zip(charts, who_judges, strict=True):
        rates = comparison.heat_maps[who]
        shares = 100 * np.array([[rates[row][column].value for column in names] for row in names])
        axes.imshow(shares, cmap="RdBu", vmin=0, vmax=100)
        for row, column in np.ndindex(shares.shape):
            share = shares[row, column]
            colour = "white" if abs(share - 50) > 30 else INK
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_title(TITLES[who], fontsize="medium")
        axes.set_xlabel("over this one", fontsize="small")
        axes.set_ylabel("this model wins, %", fontsize="small")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    figure.savefig(path)


def draw_rewards(comparison: Comparison, filled: Mapping[str, Filled], path: Path) -> None:
    """How the scores of all fills, and of the untouched originals, are distributed."""
    who_judges = list(comparison.heat_maps)
    figure = Figure(
        figsize=(5.5 * len(who_judges), 1.4 + 0.6 * (len(filled) + 1)),
        dpi=120,
        layout="constrained",
    )
    charts = figure.subplots(1, len(who_judges), squeeze=False)[0]
    for axes, who in zip(charts, who_judges, strict=True):
        judged = {
            name: (one.judge if who == "judge" else None) or one.reward
            for name, one in filled.items()
        }
        of_base = judged[comparison.base].fills
        rows = {name: one.fills.ravel() for name, one in judged.items()}
        originals = judged[comparison.base].originals
        if originals is not None:
            rows["originals"] = originals
        for place, scores in enumerate(rows.values()):
            normal = (scores - of_base.mean()) / of_base.std()
            body = axes.violinplot(
                normal, [place], orientation="horizontal", widths=0.8, showextrema=False
            )
            is_original = place == len(judged)
            body["bodies"][0].set(facecolor=GREY if is_original else BLUE, alpha=0.45)
            low, middle, high = np.quantile(normal, [0.25, 0.5, 0.75])
            axes.plot([low, high], [place, place], color=INK, linewidth=2)
            axes.plot(middle, place, "o", color="white", markeredgecolor=INK, markersize=5)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.invert_yaxis()
        axes.set_xlabel(f"score, in deviations of {comparison.base}'s fills", fontsize="small")
        axes.set_title(TITLES[who], fontsize="medium")
        _plain(axes)
    figure.savefig(path)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
