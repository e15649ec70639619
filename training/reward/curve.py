"""The training curve as a picture."""

import json
from pathlib import Path

from matplotlib.figure import Figure


def draw_curve(run: Path) -> None:
    """Draw curve.png of a run from its log.jsonl: loss, and accuracy on the validation photos."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines]
    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    loss, shares = figure.subplots(1, 2)
    loss.plot(steps, [line["loss"] for line in lines], color="#3d7eff")
    loss.set(title="Ranking loss on training pairs", xlabel="step")
    for name in sorted(set(lines[-1]) - {"step", "loss"}):
        if name.startswith("original over ") or name == "weaker over stronger fault":
            shares.plot(steps, [line.get(name) for line in lines], label=name)
    shares.set(title="Right order on validation photos", xlabel="step", ylim=(0.5, 1))
    shares.legend(fontsize="x-small", frameon=False, loc="lower right")
    for axes in (loss, shares):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(run / "curve.png")
