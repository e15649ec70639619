"""Which of several models fills better: figures from what judges say of their fills."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.errors import PrefPaintError
from training.evaluation.measures import (
    Array,
    Estimate,
    Photos,
    bootstrapped,
    bootstrapped_pairs,
    kernel_pairs,
    preference,
    win_rate,
)
from training.evaluation.samples import Features, Filled, Judged

SAMPLES = (1, 3, 10)
"""The S of the paper's WinRate."""


@dataclass(frozen=True)
class Measured:
    """value: of the model. change: from the base to the model, with the prompts paired."""

    value: Estimate
    change: Estimate


@dataclass(frozen=True)
class Verdict:
    """What one judge says of a model.

    win_rate: by S, over the base's single fill; the best of S is the reward's choice, whoever
    judges. mean: in deviations of the base's fills from their mean. variance: over the fills of a
    prompt, in the square of that unit.
    """

    win_rate: dict[int, Estimate]
    mean: Measured
    variance: Measured


@dataclass(frozen=True)
class ModelFigures:
    """None: there is no judge, or not the original of every prompt. kid: the less the better."""

    reward: Verdict
    judge: Verdict | None
    kid: Measured | None
    psnr: Measured | None
    ssim: Measured | None


@dataclass(frozen=True)
class Comparison:
    """heat_maps: by judge ("reward", "judge"), row and column, how often a fill of the row's model
    wins over one of the column's. originals: by judge, the mean of the untouched originals, in
    deviations of the base's fills from their mean; empty where some are unknown."""

    base: str
    prompts: int
    samples: int
    models: dict[str, ModelFigures]
    heat_maps: dict[str, dict[str, dict[str, Estimate]]]
    originals: dict[str, Estimate]


def compare(filled: Mapping[str, Filled], base: str) -> Comparison:
    """Compare models that filled the same prompts with the same seeds.

    Fill 0 of the base is the single fill that others are compared with; fills 1 to S of every
    model, the base too, are its samples. Raises PrefPaintError for an unknown base, for models
    with other prompts, and for a judge that tells no fill of the base from another.
    """
    if base not in filled:
        raise PrefPaintError(f"No model is called {base}. Choose one of: {', '.join(filled)}.")
    of_base = filled[base]
    for one in filled.values():
        if (one.prompts, one.reward.fills.shape) != (of_base.prompts, of_base.reward.fills.shape):
            raise PrefPaintError(
                f"{one.name} and {base} have not filled the same prompts as often. Fill them anew."
            )
    judges = {name: _judges(one) for name, one in filled.items()}
    units = {name: _unit(name, judged.fills) for name, judged in judges[base].items()}
    originals = {
        name: bootstrapped((judged.originals - units[name][0]) / units[name][1], of_base.photos)
        for name, judged in judges[base].items()
        if judged.originals is not None
    }
    models = {}
    for name, one in filled.items():
        verdicts = {
            who: _verdict(
                one.reward.fills, judged.fills, judges[base][who].fills, units[who], one.photos
            )
            for who, judged in judges[name].items()
        }
        models[name] = ModelFigures(
            verdicts["reward"],
            verdicts.get("judge"),
            _distance(one.features, of_base.features, one.photos),
            _full_reference(one.psnr, of_base.psnr, one.photos),
            _full_reference(one.ssim, of_base.ssim, one.photos),
        )
    heat_maps = {
        who: {
            row: {
                column: preference(
                    judges[row][who].fills, judges[column][who].fills, of_base.photos
                )
                for column in filled
            }
            for row in filled
        }
        for who in judges[base]
    }
    samples = of_base.reward.fills.shape[1] - 1
    return Comparison(base, len(of_base.prompts), samples, models, heat_maps, originals)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Numbers, texts, lists and objects alone; against_base: a model's figures beside the base's,
    under the names of the reports in training/reports."""
    others = [name for name in comparison.models if name != comparison.base]
    against = {name: against_base(comparison, name) for name in others}
    return {**asdict(comparison), "against_base": against}


def against_base(comparison: Comparison, name: str) -> dict[str, Any]:
    """win_rate, mean_reward, variance and independent of one model, called aligned, and the base.

    None stands for what was not measured: without a judge nothing is independent of the reward.
    """
    aligned, base = comparison.models[name], comparison.models[comparison.base]
    rates, single = base.reward.win_rate, aligned.reward.win_rate[1]
    judge = aligned.judge

    def both(ours: Measured | None, theirs: Measured | None) -> dict[str, float] | None:
        if ours is None or theirs is None:
            return None
        return {"base": theirs.value.value, "aligned": ours.value.value}

    reference = both(aligned.psnr, base.psnr)
    return {
        "win_rate": {
            "aligned_s1": single.value,
            "base_s1": rates[1].value,
            "base_s3": rates[3].value if 3 in rates else None,
            "aligned_s1_ci": [single.low, single.high],
        },
        "mean_reward": both(aligned.reward.mean, base.reward.mean),
        "variance": both(aligned.reward.variance, base.reward.variance),
        "independent": {
            "judge_win_rate_s1": None if judge is None else judge.win_rate[1].value,
            "kid": None if judge is None else both(aligned.kid, base.kid),
            "full_reference": reference and {"metric": "psnr", **reference},
        },
    }


def _judges(one: Filled) -> dict[str, Judged]:
    return {"reward": one.reward} | ({} if one.judge is None else {"judge": one.judge})


def _unit(judge: str, fills: Array) -> tuple[float, float]:
    """Mean and deviation of the base's fills."""
    deviation = float(fills.std())
    if deviation == 0:
        raise PrefPaintError(f"The {judge} gives all fills of the base one score. Use another.")
    return float(fills.mean()), deviation


def _verdict(
    rewards: Array, judged: Array, base: Array, unit: tuple[float, float], photos: Photos
) -> Verdict:
    mean, deviation = unit
    ours, theirs = (judged - mean) / deviation, (base - mean) / deviation
    samples = rewards.shape[1] - 1
    return Verdict(
        win_rate={
            best_of: win_rate(rewards[:, 1:], base[:, 0], best_of, judged[:, 1:], photos)
            for best_of in SAMPLES
            if best_of <= samples
        },
        mean=_paired(ours.mean(axis=1), theirs.mean(axis=1), photos),
        variance=_paired(ours.var(axis=1, ddof=1), theirs.var(axis=1, ddof=1), photos),
    )


def _paired(ours: Array, theirs: Array, photos: Photos) -> Measured:
    return Measured(bootstrapped(ours, photos), bootstrapped(ours - theirs, photos))


def _full_reference(ours: Array | None, theirs: Array | None, photos: Photos) -> Measured | None:
    if ours is None or theirs is None:
        return None
    return _paired(ours.mean(axis=1), theirs.mean(axis=1), photos)


def _distance(ours: Features | None, theirs: Features | None, photos: Photos) -> Measured | None:
    """KID of features in the originals' unit; None where there are not two prompts."""
    if ours is None or theirs is None or len(ours.originals) < 2:
        return None
    our_pairs, their_pairs = _kernel_pairs(ours), _kernel_pairs(theirs)
    change = bootstrapped_pairs(our_pairs - their_pairs, photos)
    return Measured(bootstrapped_pairs(our_pairs, photos), change)


def _kernel_pairs(features: Features) -> Array:
    """The mean over the numbers of the fills: two fills of one prompt are not independent."""
    reference = features.originals.astype(np.float64)
    middle = reference.mean(axis=0)
    unit = max(float(np.sqrt(((reference - middle) ** 2).mean())), 1e-9)
    reference = (reference - middle) / unit
    fills = (features.fills.astype(np.float64) - middle) / unit
    numbers = range(fills.shape[1])
    return np.asarray(np.mean([kernel_pairs(fills[:, n], reference) for n in numbers], axis=0))
