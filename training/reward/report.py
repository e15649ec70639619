"""A reward model's figures on held-out photos, as Markdown, JSON and pictures."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import kendalltau, spearmanr

from training.errors import PrefPaintError
from training.inpainting.request import Pixels
from training.prompts.photos import photo_name, read_rgb
from training.reward.calibration import JudgedPairs, judge_pairs, judged_together
from training.reward.ensemble import read_members
from training.reward.evaluation import (
    Judge,
    PairAccuracy,
    accuracy,
    fill_sharpness,
    network_judge,
    pair_accuracies,
    smooth_boundary,
)
from training.reward.eye import (
    EyeRanking,
    one_look_more,
    photo_of,
    read_rankings,
)
from training.reward.looks import clear_pairs, tier_pairs
from training.reward.model import RewardModel
from training.reward.pair_data import Prompt, PromptPictures, load_prompts
from training.reward.pairs import render_prompt
from training.reward.report_pictures import draw_scores, draw_sensitivity, draw_trust
from training.reward.robustness import fault_chains, kept_orders, over_noise, sensitivity
from training.reward.trust_report import bounded_share, follows
from training.reward.view import Resample, view_of, white_hole

SHEET_ROWS = 12
SENSITIVITY_PROMPTS = 100
STEADINESS_PROMPTS = 200
FOLLOWS = 0.1
"""A rank correlation from which on a bound can be said to follow the error."""


@dataclass(frozen=True)
class TrustFigures:
    """follows: by norm, the rank correlation of bound and loss. bounded: Bd. of the paper's
    table 3, with the mean `scale` of the members. variance: of the rewards of all pictures, in the
    reward's unit."""

    follows: dict[str, float]
    bounded: float
    scale: float
    variance: float


def write_report(
    model_path: Path,
    pair_folders: list[Path],
    photos: list[Path],
    eye_paths: list[Path],
    out: Path,
    seed: int,
    on_progress: Callable[[float], None],
) -> None:
    """Measure the model, or the ensemble of a folder's, beside two baselines: report.md,
    report.json and pictures in `out`.

    Raises PrefPaintError when a file is missing or damaged, or when an ensemble's members see
    pictures of different sizes.
    """
    members = read_members(model_path)
    size, *others = {member.network.config.image_size for member in members}
    if others:
        raise PrefPaintError(
            f"The rewards in {model_path} see pictures of different sizes. Evaluate them one by "
            "one."
        )
    eyes = {path.stem: read_rankings(path) for path in eye_paths}
    resample = members[0].network.config.resample
    prompts = [one for folder in pair_folders for one in load_prompts(folder, size, resample)]
    ranked = {name: ranked_prompts(eye, photos, size, resample) for name, eye in eyes.items()}
    judge = _reward_judge(members)
    judges = {"reward": judge, "smooth boundary": smooth_boundary, "sharpness": fill_sharpness}
    figures: dict[str, list[PairAccuracy]] = {}
    for done, (name, one) in enumerate(judges.items(), start=1):
        agreements = [eye_agreement(one, eye, ranked[words], words) for words, eye in eyes.items()]
        figures[name] = [*pair_accuracies(one, prompts, seed), *agreements]
        on_progress(0.2 * done)
    some = prompts[:: max(1, len(prompts) // STEADINESS_PROMPTS)]
    steady = [
        accuracy(name, outcome)
        for outcomes in (
            fault_chains(judge, some, seed),
            over_noise(judge, some, seed),
            kept_orders(judge, some),
        )
        for name, outcome in outcomes.items()
    ]
    on_progress(0.8)
    curves = sensitivity(judge, prompts[:SENSITIVITY_PROMPTS])
    pairs = judged_together(
        [
            judge_pairs(member.network, member.trust.v_inverse, member.deviation, prompts, seed)
            for member in members
        ]
    )
    rewards = _rewards_by_kind(judge, prompts)
    trust = _trust_figures(members, pairs, rewards)
    ranks = {name: rank_correlation(judge, eye, ranked[name]) for name, eye in eyes.items()}
    shares = {name: one_look_more(eye) for name, eye in eyes.items()}
    repeated = {name: share for name, share in shares.items() if share is not None}
    out.mkdir(parents=True, exist_ok=True)
    measured: dict[str, Any] = {
        "prompts": len(prompts),
        "comparisons": {name: [asdict(entry) for entry in rows] for name, rows in figures.items()},
        "steadiness": [asdict(entry) for entry in steady],
        "sensitivity": curves,
        "eye_rank_correlation": ranks,
        "eye_one_look_more": repeated,
        "trust": asdict(trust),
        "provenance": [member.provenance for member in members],
    }
    (out / "report.json").write_text(json.dumps(measured, indent=1) + "\n")
    (out / "report.md").write_text(
        _markdown(members, figures, steady, trust, ranks, repeated, len(prompts))
    )
    draw_sensitivity(curves, out / "sensitivity.png")
    draw_trust(pairs, out / "trust.png")
    draw_scores(rewards, out / "scores.png")
    for name, pictures in ranked.items():
        _sheet(judge, pictures).save(out / f"{name}.png")
    on_progress(1)


def eye_agreement(
    judge: Judge, rankings: list[EyeRanking], ranked: Sequence[Prompt], name: str
) -> PairAccuracy:
    """Share of the pairs that are clear to the eye which the judge orders alike."""
    outcomes = []
    for ranking, prompt in zip(rankings, ranked, strict=True):
        scores = judge(prompt, prompt.pictures)
        for better, worse in clear_pairs(ranking.looks):
            outcomes.append((prompt.photo, bool(scores[better] > scores[worse])))
    return accuracy(f"clear pairs of {name}", outcomes)


def rank_correlation(
    judge: Judge, rankings: list[EyeRanking], ranked: Sequence[Prompt]
) -> dict[str, float]:
    """Spearman's and Kendall's correlation of reward and eye (over how many fills one comes, by all
    looks) within a prompt, averaged."""
    spearman, kendall = [], []
    for ranking, prompt in zip(rankings, ranked, strict=True):
        wanted = np.zeros(len(prompt.pictures))
        for better, worse in (pair for look in ranking.looks for pair in tier_pairs(look)):
            wanted[better] += 1
            wanted[worse] -= 1
        if not wanted.any():
            continue
        scores = judge(prompt, prompt.pictures)
        spearman.append(spearmanr(scores, wanted).statistic)
        kendall.append(kendalltau(scores, wanted).statistic)
    return {"spearman": float(np.mean(spearman)), "kendall": float(np.mean(kendall))}


def ranked_prompts(
    rankings: list[EyeRanking], photos: list[Path], size: int, resample: Resample
) -> list[PromptPictures]:
    """Make every ranked fill again, from the recipe that the ranking's file names."""
    paths = {path.name: path for path in photos}
    prompts = []
    for ranking in rankings:
        prompt = ranking.prompt
        hole, fills = render_prompt(read_rgb(photo_of(ranking, paths)), prompt)
        view = view_of(hole, fills, size, resample)
        kinds = tuple(recipe.kind for recipe in prompt.recipes)
        photo = photo_name(Path(prompt.photo))
        pictures = np.stack(view.pictures)
        prompts.append(PromptPictures(prompt.name, photo, view.hole, pictures, kinds))
    return prompts


def _reward_judge(members: Sequence[RewardModel]) -> Judge:
    """The mean of the members, each in units of its own held-out fills."""
    judges = [(network_judge(one.network), one.mean, one.deviation) for one in members]
    return lambda prompt, pictures: np.mean(
        [(judge(prompt, pictures) - mean) / deviation for judge, mean, deviation in judges], axis=0
    )


def _rewards_by_kind(judge: Judge, prompts: Sequence[Prompt]) -> dict[str, list[float]]:
    rewards: dict[str, list[float]] = {}
    for prompt in prompts:
        scores = judge(prompt, prompt.pictures)
        for kind, score in zip(prompt.kinds, scores, strict=True):
            rewards.setdefault(kind, []).append(float(score))
    return rewards


def _trust_figures(
    members: Sequence[RewardModel], pairs: JudgedPairs, rewards: dict[str, list[float]]
) -> TrustFigures:
    scale = float(np.mean([member.trust.scale for member in members]))
    return TrustFigures(
        follows={norm: follows(pairs, norm) for norm in pairs.bounds},
        bounded=bounded_share(pairs, scale),
        scale=scale,
        variance=float(np.var([score for scores in rewards.values() for score in scores])),
    )


def _sheet(judge: Judge, prompts: Sequence[Prompt]) -> Image.Image:
    """The photo with its hole, then the fills, best first by the judge; a row a prompt."""
    rows: list[Pixels] = []
    for prompt in prompts[:SHEET_ROWS]:
        order = np.argsort(-judge(prompt, prompt.pictures))
        shown = [white_hole(prompt.pictures[0], prompt.hole), *prompt.pictures[order]]
        rows.append(np.concatenate(shown, axis=1))
    return Image.fromarray(np.concatenate(rows, axis=0))


def _markdown(
    members: Sequence[RewardModel],
    figures: dict[str, list[PairAccuracy]],
    steady: list[PairAccuracy],
    trust: TrustFigures,
    ranks: dict[str, dict[str, float]],
    repeated: dict[str, float],
    prompts: int,
) -> str:
    lines = [
        f"Held-out photos: {prompts} prompts. Shares in the right order, with 95 % bootstrap "
        "intervals over photos.",
        "",
        "| comparison | pairs | " + " | ".join(figures) + " |",
        "|---|---|" + "---|" * len(figures),
    ]
    for rows in zip(*figures.values(), strict=True):
        cells = " | ".join(map(_interval, rows))
        lines.append(f"| {rows[0].name} | {rows[0].count} | {cells} |")
    lines += ["", "| steadiness | cases | share |", "|---|---|---|"]
    lines += [f"| {entry.name} | {entry.count} | {_interval(entry)} |" for entry in steady]
    lines += ["", "| rank correlation with the eye | Spearman | Kendall |", "|---|---|---|"]
    lines += [f"| {n} | {r['spearman']:.2f} | {r['kendall']:.2f} |" for n, r in ranks.items()]
    lines += [
        f"\nOf {name}'s pairs that are clear to all looks but one, that one orders "
        f"{100 * share:.1f} % alike, a close pair counted half: what a judge can hardly exceed."
        for name, share in repeated.items()
    ]
    better = max(trust.follows, key=lambda norm: trust.follows[norm])
    verdict = (
        f"{better} follows the error best"
        if trust.follows[better] >= FOLLOWS
        else "none follows the error"
    )
    words = ", ".join(f"{norm} {value:+.2f}" for norm, value in trust.follows.items())
    lines += [
        "",
        f"Variance of the rewards {trust.variance:.2f}. Bd. (share of pairs whose error lies under "
        f"one common bound) {100 * trust.bounded:.1f} %. Rank correlation of ||z||_V^-1 with the "
        f"loss, by norm: {words}; {verdict}.",
        "",
        "![What moves the reward](sensitivity.png)",
        "![Error against the bound; how sure and how right](trust.png)",
        "![Rewards by kind of picture](scores.png)",
        "",
    ]
    for member in members:
        lines += [*(f"- {key}: {value}" for key, value in member.provenance.items()), ""]
    return "\n".join(lines)


def _interval(entry: PairAccuracy) -> str:
    return f"{100 * entry.share:.1f} % ({100 * entry.low:.1f}-{100 * entry.high:.1f})"
