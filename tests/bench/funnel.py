"""What of best-of-N a funnel keeps, for what share of the UNet calls: `--model DIR --prompts DIR`.

Every prompt is filled N times to the end once, and the reward judges predicted x0 on the way; what
any schedule would have dropped follows from that table.
"""

import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.alignment.rollouts import SizedPrompt, draw_fills, size_prompt
from training.inpainting.diffusion.inpainter import FUNNEL
from training.inpainting.diffusion.loading import load_model
from training.inpainting.request import Pixels
from training.prompts.incomplete import read_prompts
from training.reward.model import RewardModel, load_reward
from training.reward.scorer import builtin_reward_path

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ASKED = ((4, 1), (8, 2), (8, 4), (12, 4))
"""(N, K)."""
Schedule = tuple[tuple[float, float], ...]
Table = npt.NDArray[np.float64]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.bench.funnel")
    words.add_argument("--model", type=Path)
    words.add_argument("--prompts", type=Path, nargs="+")
    words.add_argument("--reward", type=Path, default=builtin_reward_path())
    words.add_argument("--steps", type=int, default=20)
    asked = words.parse_args(sys.argv[1:] if __name__ == "__main__" else [])
    if asked.model is None or asked.prompts is None:
        print("funnel: left out; it needs a model and prompts, see tests/bench/funnel.py")
        return
    early, final = measured(asked.model, asked.prompts, asked.reward, asked.steps)
    print(f"{len(final)} prompts, {asked.steps} steps of dpm++; rank correlation of the reward of")
    print("predicted x0 with that of the fill, within a prompt:")
    for share, rewards in zip(SHARES, early, strict=True):
        print(f"  after {share:.0%} of the steps: {rank_correlation(rewards, final):+.2f}")
    for count, kept in ASKED:
        print(f"{kept} of {count}: share of the calls, share of best-of-N's gain over best-of-K")
        for schedule in schedules():
            calls, gain = outcome(early, final, schedule, count, kept)
            mark = "  <- now" if schedule == FUNNEL else ""
            print(f"  {described(schedule):<34} {calls:5.0%} {gain:6.0%}{mark}")


def measured(
    model: Path, folders: list[Path], reward: Path, steps: int
) -> tuple[Table, npt.NDArray[np.float64]]:
    """Rewards of predicted x0, (shares, prompts, N), and of the fills, (prompts, N)."""
    loaded, judge = load_model(model), load_reward(reward)
    most = max(count for count, _ in ASKED)
    places = [max(1, round(share * steps)) - 1 for share in SHARES]
    early: list[list[list[float]]] = [[] for _ in SHARES]
    final = []
    for number, prompt in enumerate(p for folder in folders for p in read_prompts(folder)):
        sized = size_prompt(prompt, loaded.native_side)
        fills = draw_fills(
            loaded,
            [sized],
            most,
            number * most,
            steps=steps,
            eta=0.0,
            sampler="dpm++",
            wanted=frozenset(places),
        )
        for row, step in zip(early, fills.steps, strict=True):
            row.append(_judged(judge, sized, loaded.decode(step.predicted_x0)))
        final.append(_judged(judge, sized, fills.pictures))
    return np.array(early), np.array(final)


def _judged(judge: RewardModel, prompt: SizedPrompt, pictures: list[Pixels]) -> list[float]:
    fills = [np.where(prompt.hole[..., None], one, prompt.masked) for one in pictures]
    return [score.reward for score in judge.score(prompt.masked, prompt.hole, fills)]


def schedules() -> list[Schedule]:
    """One look, and two of which the first leaves half of the surplus."""
    once = [((share, 0.0),) for share in SHARES]
    twice = [((first, 0.5), (second, 0.0)) for first, second in combinations(SHARES, 2)]
    return [*once, *twice]


def outcome(
    early: Table, final: npt.NDArray[np.float64], schedule: Schedule, count: int, keep: int
) -> tuple[float, float]:
    """(share of best-of-N's UNet calls, share of its gain over best-of-K)."""
    calls, alive, before = 0.0, count, 0.0
    stay = np.ones((len(final), count), bool)
    for share, left in schedule:
        calls += alive * (share - before)
        before = share
        alive = keep + round(left * (alive - keep))
        rewards = np.where(stay, early[SHARES.index(share)][:, :count], -np.inf)
        stay = rewards.argsort(axis=1).argsort(axis=1) >= count - alive
    calls += alive * (1 - before)
    best = np.where(stay, final[:, :count], -np.inf).max(axis=1).mean()
    of_all, of_few = final[:, :count].max(axis=1).mean(), _best_of(final[:, :count], keep)
    return calls / count, float((best - of_few) / (of_all - of_few))


def _best_of(final: npt.NDArray[np.float64], keep: int) -> float:
    """Mean of the best of `keep` of them, over every choice."""
    choices = list(combinations(range(final.shape[1]), keep))
    return float(np.mean([final[:, choice].max(axis=1).mean() for choice in choices]))


def rank_correlation(early: npt.NDArray[np.float64], final: npt.NDArray[np.float64]) -> float:
    """Spearman's, the mean over prompts."""
    ranks = [rewards.argsort(axis=1).argsort(axis=1) for rewards in (early, final)]
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]))


def described(schedule: Schedule) -> str:
    return ", then ".join(
        f"at {share:.0%} " + ("to K" if left == 0 else "half the surplus")
        for share, left in schedule
    )


if __name__ == "__main__":
    main()
