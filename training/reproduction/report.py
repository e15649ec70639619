"""The report of a proof: as Markdown, JSON and pictures."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

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
from training.reward.evaluation import JUDGED, accuracy, network_judge, pair_outcomes
from training.reward.model import RewardModel, load_reward
from training.reward.pair_data import load_prompts
from training.reward.report_pictures import draw_trust
from training.reward.trust_report import follows


def write_report(made: Reproduced) -> Path:
    """report.md, report.json and pictures in the round's report/, the sheets of base against
    aligned in its eye/. Once eye/answers.txt is there, run again for the report to count it.
    """
    last, common = made.round, made.round.common
    out, proof, seed = last.folder / "report", common.proof, common.seed
    out.mkdir(parents=True, exist_ok=True)
    aligned = last.runs[0].name
    methods = [run.name for run in last.runs if run.evaluated and run.name != UNGUARDED]
    prompts = {prompt.prompt: prompt for prompt in made.prompts}
    write_blind_sheets(made.filled, BASE, aligned, prompts, seed, last.folder / "eye")
    answers = last.folder / "eye" / ANSWERS
    eye = None
    if answers.exists():
        eye = read_eye(answers, made.filled, BASE, aligned, seed)
    reward = load_reward(last.folder / "reward" / REWARD_FILE)
    curves = curves_of(last.folder / "align", proof.ablation_seeds)
    ablation = ablation_of(curves)
    courses = {
        name: course_of(last.folder / "align" / name, made.learned, reward) for name in methods
    }
    facts = {
        "preset": common.preset,
        "seed": seed,
        "round": last.number,
        **common.origin(last.number),
    }
    write_evaluation(made.comparison, made.filled, made.prompts, facts, out / "evaluation")
    content = {
        **facts,
        "aligned": aligned,
        "rankings": [
            {**asdict(one), "commit": common.origin(number)["commit"]}
            for number, one in enumerate(last.rankings, start=1)
        ],
        "agreement": _agreement(made),
        **against_base(made.comparison, aligned),
        "unguarded": against_base(made.comparison, UNGUARDED),
        "ablation": {kind: asdict(figures) for kind, figures in ablation.items()},
        "methods": {name: _method(made, name, courses) for name in courses},
        "eye": None if eye is None else asdict(eye),
        "trust": _trust(made, reward, out / "trust.png"),
        "stopped": made.stopped,
        "runs": {run.name: asdict(run) for run in last.runs},
    }
    draw_ablation(curves, out / "ablation.png")
    draw_methods(courses, out / "methods.png")
    with replaced_when_complete(out / "report.json") as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")
    with replaced_when_complete(out / "report.md") as file:
        file.write(markdown_of(made, content, ablation, eye).encode())
    return out / "report.md"


def _agreement(made: Reproduced) -> dict[str, float]:
    """Of what the eye called clear, what reward and judge order as it did, each where the other
    learned; nothing where nothing was ranked."""
    last = made.round
    if not last.rankings:
        return {}
    return {
        part: _agreed(load_reward(last.folder / part / REWARD_FILE), last.ranked(other))
        for part, other in (("reward", "judge"), ("judge", "reward"))
    }


def _agreed(judge: RewardModel, folders: Sequence[Path]) -> float:
    seen = judge.network.config
    prompts = [
        prompt
        for folder in folders
        for prompt in load_prompts(folder, seen.image_size, seen.resample)
    ]
    outcomes = pair_outcomes(network_judge(judge.network), prompts, seed=0)
    return accuracy(JUDGED, outcomes[JUDGED]).share


def _method(made: Reproduced, name: str, courses: dict[str, Course]) -> dict[str, float | None]:
    """seconds_to_paper: until its fills had gained what the paper method's did in the end; None
    where they never had, or those gained nothing."""
    lines = log_of(made.round.folder / "align" / name)
    began, gain = courses[name].rewards[0], courses["paper"].gain
    return {
        "final_reward": made.comparison.models[name].reward.mean.value.value,
        "seconds": sum(line["seconds"] for line in lines),
        "unet_calls": sum(line["unet_calls"] for line in lines),
        "seconds_to_paper": courses[name].seconds_to(began + gain) if gain > 0 else None,
    }


def _trust(made: Reproduced, reward: RewardModel, picture: Path) -> dict[str, float]:
    """Rank correlation of each norm of z with the reward's loss on pairs it never learned from."""
    pairs_folder = made.round.common.out / "pairs" / "reward-validation"
    seen = reward.network.config
    prompts = load_prompts(pairs_folder, seen.image_size, seen.resample)
    pairs = judge_pairs(reward.network, reward.trust.v_inverse, reward.deviation, prompts, 0)
    draw_trust(pairs, picture)
    return {norm: follows(pairs, norm) for norm in pairs.bounds}
