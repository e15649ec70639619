"""How runs of different methods went, by one measure: the reward, as it was at first, of the same
fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.alignment.rollouts import SizedPrompt
from training.alignment.run import SHEET_PROMPTS
from training.prompts.photos import read_rgb
from training.reproduction.ablation import log_of
from training.reward.model import RewardModel


@dataclass(frozen=True)
class Course:
    """At each sheet of a run: seconds and samples through the UNet until then, and the mean reward
    of its fills, which are of the same prompts and seeds in every run, drawn by its sampler."""

    seconds: list[float]
    calls: list[float]
    rewards: list[float]

    @property
    def gain(self) -> float:
        return self.rewards[-1] - self.rewards[0]

    def seconds_to(self, reward: float) -> float | None:
        """Until the first sheet that is rewarded so, or None where none is."""
        reached = (s for s, made in zip(self.seconds, self.rewards, strict=True) if made >= reward)
        return next(reached, None)


def course_of(run: Path, prompts: Sequence[SizedPrompt], reward: RewardModel) -> Course:
    """From a run's log and sheets."""
    lines = log_of(run)
    course = Course([], [], [])
    for sheet in sorted((run / "sheets").glob("*.png")):
        done = lines[: int(sheet.stem)]
        course.seconds.append(sum(line["seconds"] for line in done))
        course.calls.append(sum(line["unet_calls"] for line in done))
        course.rewards.append(_reward_of(sheet, prompts[:SHEET_PROMPTS], reward))
    return course


def _reward_of(sheet: Path, prompts: Sequence[SizedPrompt], reward: RewardModel) -> float:
    pixels = read_rgb(sheet)
    scores = []
    for number, prompt in enumerate(prompts):
        side = prompt.hole.shape[0]
        row = pixels[number * side : (number + 1) * side]
        fills = [row[:, left : left + side] for left in range(side, row.shape[1], side)]
        scores += [score.reward for score in reward.score(prompt.masked, prompt.hole, fills)]
    return sum(scores) / len(scores)
