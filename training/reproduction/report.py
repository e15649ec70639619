"""The report of a proof: what was claimed, what came out, as Markdown, JSON and pictures."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from training.alignment.amplification import Amplification
from training.alignment.config import AlignmentConfig, Method
from training.alignment.run import SHEET_EVERY, SHEET_PROMPTS
from training.evaluation.compare import against_base
from training.evaluation.report import write_report as write_evaluation
from training.files import replaced_when_complete
from training.reproduction.ablation import Ablation, ablation_of, curves_of, log_of
from training.reproduction.courses import Course, course_of
from training.reproduction.eye import ANSWERS, EyeFigures, read_eye, write_blind_sheets
from training.reproduction.pictures import draw_ablation, draw_methods
from training.reproduction.reproduce import BASE, REWARD_FILE, Reproduced
from training.reproduction.runs import UNGUARDED
from training.reward.calibration import judge_pairs
from training.reward.model import RewardModel, load_reward
from training.reward.pair_data import load_prompts
from training.reward.report_pictures import draw_trust
from training.reward.trust_report import follows


def write_reports(made: Reproduced, device: torch.device) -> Path:
    """report.md, report.json and pictures in OUT/report, the sheets to rank by eye in OUT/eye.

    Once OUT/eye/answers.txt is there, run again for the report to count it. device: where the
    report is made; stages of a run that was interrupted may have been made elsewhere.
    """
    out = made.out / "report"
    out.mkdir(parents=True, exist_ok=True)
    aligned = made.proof.aligned
    prompts = {prompt.prompt: prompt for prompt in made.prompts}
    write_blind_sheets(made.filled, BASE, aligned, prompts, made.seed, made.out / "eye")
    answers = made.out / "eye" / ANSWERS
    eye = None
    if answers.exists():
        eye = read_eye(answers, made.filled, BASE, aligned, made.seed)
    reward = load_reward(made.out / "reward" / REWARD_FILE)
    curves = curves_of(made.out / "align", made.proof.ablation_seeds)
    ablation = ablation_of(curves)
    courses = {
        name: course_of(made.out / "align" / name, made.learned, reward)
        for name in made.proof.methods
    }
    facts = {
        "preset": made.preset,
        "seed": made.seed,
        "commit": _commit(),
        "device": _described(device),
        "command": " ".join(["prefpaint-train", *sys.argv[1:]]),
    }
    write_evaluation(made.comparison, made.filled, made.prompts, facts, out / "evaluation")
    content = {
        **facts,
        "aligned": aligned,
        **against_base(made.comparison, aligned),
        "unguarded": against_base(made.comparison, UNGUARDED),
        "ablation": {kind: asdict(figures) for kind, figures in ablation.items()},
        "methods": {name: _method(made, name, courses) for name in courses},
        "eye": None if eye is None else asdict(eye),
        "trust": _trust(made, reward, out / "trust.png"),
        "stopped": made.stopped,
        "runs": {run.name: asdict(run) for run in made.runs},
    }
    draw_ablation(curves, out / "ablation.png")
    draw_methods(courses, out / "methods.png")
    with replaced_when_complete(out / "report.json") as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")
    with replaced_when_complete(out / "report.md") as file:
        file.write(_markdown(made, content, ablation, eye).encode())
    return out / "report.md"


def _method(
    made: Reproduced, name: Method, courses: dict[Method, Course]
) -> dict[str, float | None]:
    """seconds_to_paper: until its fills had gained what the paper method's did in the end; None
    where they never had, or those gained nothing."""
    lines = log_of(made.out / "align" / name)
    began, gain = courses[name].rewards[0], courses["paper"].gain
    return {
        "final_reward": made.comparison.models[name].reward.mean.value.value,
        "seconds": sum(line["seconds"] for line in lines),
        "unet_calls": sum(line["unet_calls"] for line in lines),
        "seconds_to_paper": courses[name].seconds_to(began + gain) if gain > 0 else None,
    }


def _trust(made: Reproduced, reward: RewardModel, picture: Path) -> dict[str, float]:
    """Rank correlation of each norm of z with the reward's loss on pairs it never learned from."""
    prompts = load_prompts(
        made.out / "pairs" / "reward-validation", reward.network.config.image_size
    )
    pairs = judge_pairs(reward.network, reward.trust.v_inverse, reward.deviation, prompts, 0)
    draw_trust(pairs, picture)
    return {norm: follows(pairs, norm) for norm in pairs.bounds}


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{os.cpu_count()} processor cores" if device.type == "cpu" else device.type


def _commit() -> str:
    try:
        words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _markdown(
    made: Reproduced,
    content: dict[str, Any],
    ablation: dict[Amplification, Ablation],
    eye: EyeFigures | None,
) -> str:
    rates, means, spread = content["win_rate"], content["mean_reward"], content["variance"]
    low, high = rates["aligned_s1_ci"]
    independent = content["independent"]
    lines = [
        f"# Alignment, measured at the size of `{made.preset}`",
        "",
        f"Commit {content['commit']}, {content['device']}, seed {made.seed}:",
        "",
        f"    {content['command']}",
        "",
        "Nobody rated anything for this. The reward learned from pairs of known order: originals, "
        "brought through the pipeline's autoencoder, over its own fills, and less of a fault over "
        "more. The judge learned from such pairs with another architecture, another seed and other "
        "photos. The "
        f"{len(made.prompts)} test prompts are cut from photos that none of them saw.",
        "",
        f"What is called aligned here is {_learner(made, made.proof.aligned)} that learned by "
        f"`{made.proof.aligned}`, with {_differences(made)}; every setting of every run is in "
        "report.json.",
        "",
        *(f"- {sentence}" for sentence in _stops(made)),
        "",
        "| | base | aligned |",
        "|---|---|---|",
        f"| WinRate at S = 1 over one fill of the base | {rates['base_s1']:.1%} | "
        f"{rates['aligned_s1']:.1%} ({low:.1%} to {high:.1%}) |",
        f"| the base's WinRate at S = 3 | {rates['base_s3']:.1%} | |",
        f"| mean reward, in deviations of the base's fills | {means['base']:.2f} | "
        f"{means['aligned']:.2f} |",
        f"| variance over the fills of a prompt | {spread['base']:.2f} | {spread['aligned']:.2f} |",
        f"| WinRate at S = 1 by the independent judge | 50 % | "
        f"{independent['judge_win_rate_s1']:.1%} |",
        f"| KID to real crops, x 1000 | {1000 * independent['kid']['base']:.2f} | "
        f"{1000 * independent['kid']['aligned']:.2f} |",
        f"| PSNR in the hole, dB (favours blur; for information) | "
        f"{independent['full_reference']['base']:.2f} | "
        f"{independent['full_reference']['aligned']:.2f} |",
        "",
        eye_words(eye, rates["aligned_s1"]),
        "",
        "[Everything of the comparison](evaluation/report.md), with intervals.",
        "",
        f"Without guards (no KL, the reward not refreshed, no alarms): WinRate by the reward "
        f"{content['unguarded']['win_rate']['aligned_s1']:.1%}, by the judge "
        f"{content['unguarded']['independent']['judge_win_rate_s1']:.1%}.",
        "",
        "## Gamma",
        "",
        "| gamma | iterations to the target, by seed | final training reward, by seed |",
        "|---|---|---|",
    ]
    for kind, figures in ablation.items():
        reached = ", ".join("never" if n is None else str(n) for n in figures.iterations_to_target)
        final = ", ".join(f"{value:.2f}" for value in figures.final_reward)
        lines.append(f"| {kind} | {reached} | {final} |")
    lines += [
        "",
        f"These runs learn by the paper's method, {made.proof.ablation.iterations} iterations. The "
        "target is what those without gamma reach on average in the end. The reward is fixed "
        "and there is no KL. AdamW takes a constant factor out of the gradients, so that a static "
        "gamma is told from none by rounding and the gradients' clipping alone.",
        "",
        "![Training reward by gamma](ablation.png)",
        "",
        "## Methods",
        "",
        "| method | learns | final reward on the test prompts | seconds | "
        "samples through the UNet | seconds to the paper method's gain |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in content["methods"].items():
        reached = "-" if one["seconds_to_paper"] is None else f"{one['seconds_to_paper']:.0f}"
        lines.append(
            f"| {name} | {_learner(made, name)} | {one['final_reward']:.2f} | "
            f"{one['seconds']:.0f} | {one['unet_calls']:.0f} | {reached} |"
        )
    lines += [
        "",
        f"The chart and the last column judge the fills of {SHEET_PROMPTS} learned prompts at the "
        f"start, the end and every {SHEET_EVERY} iterations, drawn as the run draws them, by the "
        "reward as it was at first; the seconds are of runs that may have shared the processor.",
        "",
        "![Reward by method](methods.png)",
        "",
        "## Does the bound tell where the reward is wrong?",
        "",
        "Rank correlation of ||z||_V^-1 with the loss on pairs it never learned from: "
        + ", ".join(f"{value:+.2f} ({norm} norm)" for norm, value in content["trust"].items())
        + ".",
        "",
        "![Error against the bound](trust.png)",
        "",
    ]
    return "\n".join(lines)


def _differences(made: Reproduced) -> str:
    """What that run sets otherwise than the paper, as far as both use it."""
    config = made.proof.methods[made.proof.aligned]
    ours, paper = asdict(config), asdict(AlignmentConfig())
    aside = {"method", "trained"} | (
        set() if config.method == "paper" else {"clip", "updated_steps"}
    )
    return ", ".join(
        f"{name.replace('_', ' ')} {ours[name]} (paper: {paper[name]})"
        for name in ours
        if ours[name] != paper[name] and name not in aside
    )


def _learner(made: Reproduced, name: Method) -> str:
    return "the whole UNet" if made.proof.methods[name].trained == "full" else "a LoRA"


def _stops(made: Reproduced) -> list[str]:
    return [
        f"`{name}` was stopped by an alarm; what it had kept before is what was measured, or the "
        f"base where that is nothing. {sentence}"
        for name, sentence in made.stopped.items()
    ]


def eye_words(eye: EyeFigures | None, win_rate: float) -> str:
    """What the blind sheets say of it, where the reward gives this WinRate at S = 1."""
    if eye is None:
        return "The blind sheets have not been looked at."
    words = (
        f"Blind sheets, unnamed and shuffled, looked at by {eye.by}: the aligned fill was "
        f"preferred in {eye.aligned_preferred} prompts, the base's in {eye.base_preferred}, "
        f"{eye.close} were close."
    )
    if win_rate > 0.5 and eye.base_preferred > eye.aligned_preferred:
        words += (
            " **The reward calls the aligned fills better and the eye does not: the reward was "
            "deceived, and with it every measure here that agrees with it.**"
        )
    return words
