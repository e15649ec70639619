"""A comparison of models as Markdown, JSON and pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.errors import PrefPaintError
from training.evaluation.compare import Comparison, Measured, ModelFigures, Verdict, as_json
from training.evaluation.measures import Estimate
from training.evaluation.report_pictures import draw_heat_maps, draw_rewards, draw_win_rates
from training.evaluation.samples import Filled
from training.evaluation.sheets import write_sheets
from training.files import replaced_when_complete
from training.prompts.incomplete import IncompletePhoto

FEW = 30
"""Prompts."""


def write_report(
    comparison: Comparison,
    filled: Mapping[str, Filled],
    prompts: Sequence[IncompletePhoto],
    facts: Mapping[str, Any],
    out: Path,
) -> None:
    """report.md, report.json and pictures in `out`. facts: how it came about, for both.

    Raises PrefPaintError when the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        content = {**facts, **as_json(comparison)}
        with replaced_when_complete(out / "report.json") as file:
            file.write(json.dumps(content, indent=1).encode() + b"\n")
        draw_win_rates(comparison, out / "win-rates.png")
        draw_heat_maps(comparison, out / "heat-map.png")
        draw_rewards(comparison, filled, out / "rewards.png")
        sheets = write_sheets(filled, prompts, out)
        with replaced_when_complete(out / "report.md") as file:
            file.write(_markdown(comparison, facts, sheets).encode())
    except OSError as error:
        raise PrefPaintError(f"{out} cannot be written ({error.strerror or error}).") from error


def cautions(comparison: Comparison) -> list[str]:
    """What speaks against believing the reward, a sentence each."""
    found = []
    limit = comparison.originals.get("reward")
    least = comparison.models[comparison.base].reward.mean.value.value
    if limit is not None and least > limit.value:
        found.append(
            f"The reward puts the fills of {comparison.base} ({least:.2f}) above the untouched "
            f"originals ({limit.value:.2f}), so those are no limit by which deceit could be seen. "
            "A reward that learned originals through a model's autoencoder does that to sharper "
            "ones."
        )
        limit = None
    for name, figures in comparison.models.items():
        mean = figures.reward.mean.value.value
        if limit is not None and mean > limit.value:
            found.append(
                f"The mean reward of {name} ({mean:.2f}) is above that of the untouched originals "
                f"({limit.value:.2f}): it deceives the reward."
            )
        says, judge = figures.reward.win_rate[1], figures.judge
        if name != comparison.base and judge is not None and says.low > 0.5:
            agrees = judge.win_rate[1]
            if agrees.low <= 0.5:
                found.append(
                    f"The reward prefers {name} to {comparison.base} "
                    f"({_share(says)}), the independent judge cannot be said to "
                    f"({_share(agrees)}). Look at the sheets before you believe the reward."
                )
    return found


def _markdown(comparison: Comparison, facts: Mapping[str, Any], sheets: list[Path]) -> str:
    models = comparison.models
    base = comparison.base
    a_figure = models[base]
    lines = [
        f"# {', '.join(models)}",
        "",
        f"{comparison.prompts} prompts, {comparison.samples} samples of each and one fill more, "
        f"the same seeds for every model; base: {base}. In brackets: 95 % intervals by drawing "
        "photos anew (2000 times).",
        "",
    ]
    if comparison.prompts < FEW:
        lines += [
            f"{comparison.prompts} prompts are few: where all of them agree an interval has no "
            "width, and says nothing of how certain that is.",
            "",
        ]
    for caution in cautions(comparison):
        lines += [f"**{caution}**", ""]
    lines += ["## By the reward", "", *_verdicts(comparison, "reward"), ""]
    lines += ["## By what the reward does not know", ""]
    if a_figure.judge is not None:
        lines += [
            "An independent judge says which fill wins; the best of S is still the reward's "
            "choice.",
            "",
            *_verdicts(comparison, "judge"),
            "",
        ]
    else:
        lines += ["No independent judge was given (--judge).", ""]
    if a_figure.psnr is not None:
        lines += [*_distances(comparison), ""]
    else:
        lines += [
            "KID and full-reference metrics are left out: they need the original of every prompt "
            "(originals/), and some have none.",
            "",
        ]
    lines += ["## Pictures", ""]
    for title, name in (
        ("WinRate over the base", "win-rates.png"),
        (
            "WinRate at S = 1 between all models, over all pairs of fills by unequal seeds",
            "heat-map.png",
        ),
        ("Rewards of all fills", "rewards.png"),
        *(("Fills", path.name) for path in sheets),
    ):
        lines += [f"![{title}]({name})", ""]
    lines += ["## How", "", *_facts(facts), ""]
    return "\n".join(lines)


def _verdicts(comparison: Comparison, who: str) -> list[str]:
    verdicts = {name: _verdict(figures, who) for name, figures in comparison.models.items()}
    best_of = list(verdicts[comparison.base].win_rate)
    columns = [f"WinRate, S = {samples}" for samples in best_of]
    lines = [
        f"| model | {' | '.join(columns)} | mean | change | variance | change |",
        "|---|" + "---|" * (len(columns) + 4),
    ]
    for name, verdict in verdicts.items():
        rates = [_share(verdict.win_rate[samples]) for samples in best_of]
        measured = [_with_change(m) for m in (verdict.mean, verdict.variance)]
        lines.append(f"| {name} | {' | '.join([*rates, *measured])} |")
    lines += [
        "",
        f"WinRate: share of prompts where the best of S fills has a higher score than one fill of "
        f"{comparison.base} by another seed. Mean: in deviations of {comparison.base}'s fills from "
        "their mean. Variance: over the fills of a prompt. Changes are from the base, prompt by "
        "prompt; bold where the interval leaves out 0.",
    ]
    originals = comparison.originals.get(who)
    if originals is not None:
        lines += ["", f"The untouched originals have a mean of {_number(originals)}."]
    return lines


def _verdict(figures: ModelFigures, who: str) -> Verdict:
    verdict = figures.reward if who == "reward" else figures.judge
    assert verdict is not None  # one is there for every model or for none
    return verdict


def _distances(comparison: Comparison) -> list[str]:
    has_kid = comparison.models[comparison.base].kid is not None
    encoder = "judge" if "judge" in comparison.heat_maps else "reward"
    names = ["KID ↓"] * has_kid + ["PSNR ↑", "SSIM ↑"]
    lines = [
        "| model | " + " | ".join(f"{name} | change" for name in names) + " |",
        "|---|" + "---|" * (2 * len(names)),
    ]
    for name, figures in comparison.models.items():
        cells = [
            _with_change(measured, digits)
            for measured, digits in ((figures.kid, 3), (figures.psnr, 2), (figures.ssim, 3))
            if measured is not None
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "PSNR (dB) and SSIM, over the hole's pixels against the original, are for information: "
        "they favour blur, as the mean of all good fills is nearer to the original than any one "
        "of them.",
    ]
    if has_kid:
        lines.append(
            f"KID: how far the fills' features are from the originals', by the {encoder}'s "
            "encoder, with the originals' features scaled to a deviation of 1; it compares with "
            "other KIDs of this report alone."
        )
        if encoder == "reward":
            lines.append(
                "That is the reward's own encoder: what deceives the reward may deceive it too."
            )
    return lines


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f}-{100 * estimate.high:.1f})"


def _number(estimate: Estimate, digits: int = 2, sign: str = "") -> str:
    value, low, high = (
        f"{n:{sign}.{digits}f}" for n in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def _with_change(measured: Measured, digits: int = 2) -> str:
    """Two cells of a table; the base has no change."""
    change = measured.change
    if change.low == change.high == 0:
        return f"{_number(measured.value, digits)} | "
    words = _number(change, digits, "+")
    is_certain = change.low > 0 or change.high < 0
    return f"{_number(measured.value, digits)} | {f'**{words}**' if is_certain else words}"


def _facts(facts: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        if value is not None:
            lines.append(f"- {name}: {value}")
    return lines
