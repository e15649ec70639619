"""The report of a round: as Markdown, JSON and pictures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.evaluation.compare import against_base
from training.evaluation.report import write_report as write_evaluation
from training.files import replaced_when_complete
from training.reproduction.ablation import ablation_of, curves_of, log_of
from training.reproduction.courses import Course, course_of
from training.reproduction.eye import read_eye, write_blind_sheets
from training.reproduction.forms import ANSWERS
from training.reproduction.pictures import draw_ablation, draw_methods
from training.reproduction.report_words import markdown_of
from training.reproduction.rounds import BASE, REWARD_FILE, Reproduced
from training.reproduction.runs import UNGUARDED
from training.reward.calibration import judge_pairs
from training.reward.model import RewardModel, load_reward
from training.reward.pair_data import load_prompts
from training.reward.report_pictures import draw_trust
from training.reward.trust_report import follows


def write_report(made: Reproduced) -> Path:
    """report.md, report.json and pictures in the round's report/, the sheets of base against
    aligned in its eye/. Once eye/answers.txt is there, run again for the report to count it.
    """
    out, proof, seed = made.folder / "report", made.common.proof, made.common.seed
    out.mkdir(parents=True, exist_ok=True)
    aligned = made.runs[0].name
    methods = dict.fromkeys([aligned, *proof.methods])
    prompts = {prompt.prompt: prompt for prompt in made.prompts}
    write_blind_sheets(made.filled, BASE, aligned, prompts, seed, made.folder / "eye")
    answers = made.folder / "eye" / ANSWERS
    eye = None
    if answers.exists():
        eye = read_eye(answers, made.filled, BASE, aligned, seed)
    reward = load_reward(made.folder / "reward" / REWARD_FILE)
    curves = curves_of(made.folder / "align", proof.ablation_seeds)
    ablation = ablation_of(curves)
    courses = {
        name: course_of(made.folder / "align" / name, made.learned, reward) for name in methods
    }
    facts = {
        "preset": made.common.preset,
        "seed": seed,
        "round": made.number,
        **made.origin,
    }
    write_evaluation(made.comparison, made.filled, made.prompts, facts, out / "evaluation")
    content = {
        **facts,
        "aligned": aligned,
        "rankings": [{"by": one.by, "prompts": one.prompts} for one in made.rankings],
        **against_base(made.comparison, aligned),
        "unguarded": against_base(made.comparison, UNGUARDED),
        "ablation": {kind: asdict(figures) for kind, figures in ablation.items()},
        "methods": {name: _method(made, name, courses) for name in courses},
        "eye": None if eye is None else asdict(eye),
        "trust": _trust(made, reward, out / "trust.png"),
        "stopped": made.stopped,
        "runs": {run.name: asdict(run) for run in made.runs},
    }
    content["rounds"] = [*_rounds_before(made), _summary(content)]
    draw_ablation(curves, out / "ablation.png")
    draw_methods(courses, out / "methods.png")
    with replaced_when_complete(out / "report.json") as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")
    with replaced_when_complete(out / "report.md") as file:
        file.write(markdown_of(made, content, ablation, eye).encode())
    return out / "report.md"


def _rounds_before(made: Reproduced) -> list[dict[str, Any]]:
    folders = [made.common.folder(number) for number in range(1, made.number)]
    reports = [folder / "report" / "report.json" for folder in folders]
    return [_summary(json.loads(report.read_text())) for report in reports]


def _summary(content: dict[str, Any]) -> dict[str, Any]:
    """What a later round's report tells of this one."""
    return {
        "win_rate": content["win_rate"]["aligned_s1"],
        "judge": content["independent"]["judge_win_rate_s1"],
        "eye": content["eye"],
    }


def _method(made: Reproduced, name: str, courses: dict[str, Course]) -> dict[str, float | None]:
    """seconds_to_paper: until its fills had gained what the paper method's did in the end; None
    where they never had, or those gained nothing."""
    lines = log_of(made.folder / "align" / name)
    began, gain = courses[name].rewards[0], courses["paper"].gain
    return {
        "final_reward": made.comparison.models[name].reward.mean.value.value,
        "seconds": sum(line["seconds"] for line in lines),
        "unet_calls": sum(line["unet_calls"] for line in lines),
        "seconds_to_paper": courses[name].seconds_to(began + gain) if gain > 0 else None,
    }


def _trust(made: Reproduced, reward: RewardModel, picture: Path) -> dict[str, float]:
    """Rank correlation of each norm of z with the reward's loss on pairs it never learned from."""
    pairs_folder = made.common.out / "pairs" / "reward-validation"
    prompts = load_prompts(pairs_folder, reward.network.config.image_size)
    pairs = judge_pairs(reward.network, reward.trust.v_inverse, reward.deviation, prompts, 0)
    draw_trust(pairs, picture)
    return {norm: follows(pairs, norm) for norm in pairs.bounds}
