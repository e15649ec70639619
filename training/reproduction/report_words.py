"""A report in words: what was claimed and what came out."""

from dataclasses import asdict
from typing import Any

from training.alignment.config import AlignmentConfig, Amplification
from training.alignment.run import SHEET_EVERY, SHEET_PROMPTS
from training.reproduction.ablation import Ablation
from training.reproduction.eye import EyeFigures
from training.reproduction.rounds import BASE, Reproduced
from training.reward.lite_stages import LITE


def markdown_of(
    made: Reproduced,
    content: dict[str, Any],
    ablation: dict[Amplification, Ablation],
    eye: EyeFigures | None,
) -> str:
    """content: of report.json."""
    rates, means, spread = content["win_rate"], content["mean_reward"], content["variance"]
    low, high = rates["aligned_s1_ci"]
    independent, unguarded = content["independent"], content["unguarded"]
    lines = [
        f"# Alignment, measured at the size of `{made.round.common.preset}`",
        "",
        f"Commit {content['commit']}, {content['device']}, seed {content['seed']}, round "
        f"{made.round.number}:",
        "",
        f"    {content['command']}",
        "",
        f"{_labels(made)}{_beginning(made)} The judge learned in the same way with another "
        f"architecture, another seed and other photos, from nothing. The {len(made.prompts)} test "
        "prompts are cut from photos that none of them saw.",
        "",
        f"What is called aligned here is {_learner(made, content['aligned'])} that learned by "
        f"{_method(made)}, with {_differences(made)}; every setting of every run is in "
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
        f"| WinRate at S = 1 by the independent judge | {_base_by_judge(made):.1%} | "
        f"{independent['judge_win_rate_s1']:.1%} |",
        f"| KID to real crops, x 1000 | {1000 * independent['kid']['base']:.2f} | "
        f"{1000 * independent['kid']['aligned']:.2f} |",
        f"| PSNR in the hole, dB (favours blur; for information) | "
        f"{independent['full_reference']['base']:.2f} | "
        f"{independent['full_reference']['aligned']:.2f} |",
        "",
        eye_words(eye, rates["aligned_s1"]),
        "",
        *_rankings(content),
        "[Everything of the comparison](evaluation/report.md), with intervals.",
        "",
        f"By {made.round.common.proof.aligned} from the base without guards ({_unguarded(made)}): "
        "WinRate by the reward "
        f"{unguarded['win_rate']['aligned_s1']:.1%}, by the judge "
        f"{unguarded['independent']['judge_win_rate_s1']:.1%}, KID x 1000 "
        f"{1000 * unguarded['independent']['kid']['aligned']:.2f}, PSNR "
        f"{unguarded['independent']['full_reference']['aligned']:.2f} dB.",
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
        f"These runs learn by the paper's method, {made.round.common.proof.ablation.iterations} "
        "iterations. The target is what those without gamma reach on average in the end. The "
        "reward is fixed and there is no KL. AdamW takes a constant factor out of the gradients, "
        "so that a static gamma is told from none by rounding and the gradients' clipping alone.",
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
        "reward as it was at first; the final reward is of all test prompts, drawn by one sampler "
        "for all. The seconds are of runs that may have shared the processor; of a run that begins "
        "where another ends, seconds and gain are its own alone.",
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


def _labels(made: Reproduced) -> str:
    """Where the reward's orders came from."""
    known = (
        "originals, brought through the pipeline's autoencoder, over its own fills, and less of a "
        "fault over more."
    )
    if not made.round.rankings:
        return (
            f"Nobody rated a fill for this. The reward learned from pairs of known order: {known}"
        )
    ranked = ", then ".join(f"of {one.prompts} prompts by {one.by}" for one in made.round.rankings)
    whose = "the base" + " and of what was aligned before them" * (len(made.round.rankings) > 1)
    return (
        f"The reward learned from pairs of known order: {known} Beside these reward and judge "
        f"learned rankings of fills of {whose}, each those of its own photos: {ranked}."
    )


def _beginning(made: Reproduced) -> str:
    """What the reward knew before."""
    is_lite = made.round.common.proof.reward.encoder.kind == "lite"
    return f" The reward's encoder began with {LITE}." if is_lite else ""


def _rankings(content: dict[str, Any]) -> list[str]:
    """What each round's rankings said of training prompts; nothing where there are none."""
    if not content["rankings"]:
        return []
    lines = [
        "What the rankings say of fills of one seed, of training prompts, unnamed and shuffled:",
        "",
        "| round | against the base's fills | preferred | the base's preferred | close | commit |",
        "|---|---|---|---|---|---|",
    ]
    for number, one in enumerate(content["rankings"], start=1):
        what = "what was aligned last" if number > 1 else "the same base by DDIM"
        lines.append(
            f"| {number} | {what} | {one['newest_preferred']} | {one['base_preferred']} | "
            f"{one['close']} | {one['commit']} |"
        )
    agreed = content["agreement"]
    return [
        *lines,
        "",
        f"Of what these call clear, the reward orders {agreed['reward']:.1%} alike on the judge's "
        f"photos, the judge {agreed['judge']:.1%} on the reward's.",
        "",
    ]


def _differences(made: Reproduced) -> str:
    """What that run sets otherwise than the paper, as far as both use it."""
    config = made.round.runs[0].config
    ours, paper = asdict(config), asdict(AlignmentConfig())
    aside = {"method", "trained"} | (
        set() if config.method == "paper" else {"clip", "updated_steps"}
    )
    return ", ".join(
        f"{name.replace('_', ' ')} {ours[name]} (paper: {paper[name]})"
        for name in ours
        if ours[name] != paper[name] and name not in aside
    )


def _learner(made: Reproduced, name: str) -> str:
    (run,) = (run for run in made.round.runs if run.name == name)
    return "the whole UNet" if run.config.trained == "full" else "a LoRA"


def _base_by_judge(made: Reproduced) -> float:
    judge = made.comparison.models[BASE].judge
    assert judge is not None
    return judge.win_rate[1].value


def _method(made: Reproduced) -> str:
    run = made.round.runs[0]
    if run.start is None:
        return f"`{run.config.method}`"
    return (
        f"`{run.config.method}` from that reward, begun where `{run.start}` ends: `dpo` from the "
        "reward's share of the rankings alone, without a reward"
    )


def _unguarded(made: Reproduced) -> str:
    guards = ["no KL", "no alarms"]
    if any(run.refreshed for run in made.round.runs):
        guards.append("the reward not refreshed")
    return ", ".join(guards)


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
