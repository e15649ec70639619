"""The rounds of a proof: what each ranks, and of the last one rewards, the alignments to them,
their fills, and how these compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from training.alignment.originals import size_with_original
from training.alignment.policy import result_path
from training.alignment.rollouts import ETA, SizedPrompt, size_prompt
from training.checkpoints import claim
from training.evaluation.compare import Comparison, compare
from training.evaluation.contenders import Contender
from training.evaluation.samples import Filled, Sampling, fill_prompts
from training.inpainting.diffusion.devices import pick_device
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.settings import DeviceName, DiffusionSettings
from training.pretraining.presets import PresetName
from training.prompts.incomplete import IncompletePhoto
from training.reproduction.data import Bar, Part, pairs_of, prompts_of
from training.reproduction.origin import origin_of
from training.reproduction.presets import Proof
from training.reproduction.rankings import Ranking, RankingTask, ranking_task
from training.reproduction.runs import (
    STOPPED,
    Run,
    planned_runs,
    preferring_run,
    run_alignments,
)
from training.reward.config import RewardTrainingConfig
from training.reward.model import load_reward
from training.reward.trainer import train_reward

BASE, RANKING = "base", "ranking"
REWARD_FILE = "reward.safetensors"
ROUND_SEEDS = 1_000_000
"""Between those of two rounds' fills to rank, so that no fill is ranked twice."""
_VALIDATION: dict[Part, Part] = {"reward": "reward-validation", "judge": "judge-validation"}
"""What sets the units of each that learns."""


@dataclass(frozen=True, eq=False)
class Common:
    """What all rounds share. base: the folder of `model`."""

    photos: Sequence[Path]
    preset: PresetName
    proof: Proof
    seed: int
    out: Path
    base: Path
    model: DiffusionModel
    device: DeviceName
    bar: Bar

    @property
    def settings(self) -> DiffusionSettings:
        """How fills are drawn that are judged or looked at."""
        sampler = self.proof.methods[self.proof.aligned].sampler
        return DiffusionSettings(
            steps=self.proof.steps, sampler=sampler, eta=ETA, match_colour=False
        )

    def folder(self, number: int) -> Path:
        """Where a round lies."""
        return self.out / f"round-{number}"

    def origin(self, number: int) -> dict[str, str]:
        """By what a round was begun; see origin_of."""
        return origin_of(self.folder(number), pick_device(self.device))

    def prompts(self, part: Part) -> list[IncompletePhoto]:
        side = self.model.native_side
        return prompts_of(part, self.photos, self.proof, side, self.seed, self.out, self.bar)

    def pairs(self, part: Part) -> Path:
        """The folder of a part's pairs of known order."""
        prompts = self.prompts(part)
        return pairs_of(part, prompts, self.model, self.proof, self.seed, self.out, self.bar)

    def ranking_task(self, number: int, newest: Contender | None) -> RankingTask:
        """A round's fills of its own prompts of reward and judge, drawn where they are not there
        yet. newest: what was aligned for it."""
        out = self.folder(number)
        return ranking_task(
            Contender(BASE, self.base),
            newest,
            {part: self._to_rank(self.prompts(part), number) for part in _VALIDATION},
            self.proof.steps,
            self.settings.sampler,
            self.seed + 1 + (number - 1) * ROUND_SEEDS,
            out / RANKING,
            self.device,
            self.bar(f"Fills to rank, round {number}"),
        )

    def _to_rank(self, prompts: Sequence[IncompletePhoto], number: int) -> list[IncompletePhoto]:
        """As many of each pattern; a round goes on where the one before it ended."""
        each, ranked = len(prompts) // len(self.proof.patterns), self.proof.ranked
        places = {((number - 1) * ranked + place) % each for place in range(ranked)}
        return [one for place, one in enumerate(prompts) if place % each in places]


@dataclass(frozen=True, eq=False)
class Round:
    """rankings: of the rounds before. processes: alignment runs at a time."""

    common: Common
    rankings: Sequence[Ranking]
    processes: int

    @property
    def number(self) -> int:
        return 1 + len(self.rankings)

    @property
    def folder(self) -> Path:
        return self.common.folder(self.number)

    @cached_property
    def runs(self) -> list[Run]:
        """The first is what is called aligned."""
        return planned_runs(self.common.proof, self.number)

    def begin(self) -> Contender | None:
        """Align by what was ranked before, where it was not done yet; None in the first round.

        Raises PrefPaintError where the round was begun with other rankings.
        """
        claim(self.folder / "settings.json", {"rankings": [one.digest for one in self.rankings]})
        self.common.origin(self.number)
        if not self.rankings:
            return None
        preferring = preferring_run(self.common.proof)
        self._align([preferring], None, self.ranked("reward"))
        return preferring.contender(self.common.base, self.made_by(preferring))

    def finish(self) -> "Reproduced":
        """Teach reward and judge, align in every way, fill the test prompts and compare."""
        common = self.common
        reward, judge = (
            _trained(
                part,
                common.proof.learner(part),
                [common.pairs(part), *self.ranked(part)],
                common.pairs(validation),
                self.folder / part,
                common.bar,
            )
            for part, validation in _VALIDATION.items()
        )
        self._align(self.runs, reward, [common.pairs("reward"), *self.ranked("reward")])
        test = common.prompts("test")
        judges = load_reward(reward), load_reward(judge)
        evaluated = [
            run.contender(common.base, self.made_by(run)) for run in self.runs if run.evaluated
        ]
        filled = {}
        for one in (Contender(BASE, common.base), *evaluated):
            filled[one.name] = fill_prompts(
                one,
                *judges,
                test,
                Sampling(10, common.seed, common.settings),
                self.folder / "fills" / one.name,
                common.device,
                common.bar(f"Fills: {one.name}"),
            )
        return Reproduced(self, test, filled, compare(filled, BASE))

    def made_by(self, run: Run) -> Path:
        """The run's folder."""
        return self.folder / "align" / run.name

    def ranked(self, part: str) -> list[Path]:
        """The folders of what was ranked before, of the reward's photos or of the judge's."""
        return [self.common.folder(earlier) / RANKING / part for earlier in range(1, self.number)]

    def _align(self, runs: Sequence[Run], reward: Path | None, pairs: Sequence[Path]) -> None:
        """Those that are not there yet. reward: what all but dpo learn from. pairs: the folders
        that dpo learns from, and a reward that is refreshed."""
        common = self.common
        missing = [
            run for run in runs if not result_path(run.config.trained, self.made_by(run)).exists()
        ]
        if missing:
            learned = common.prompts("align")
            sized = [size_with_original(common.model, prompt) for prompt in learned]
            words = (common.base, sized, reward, pairs)
            out = self.folder / "align"
            run_alignments(missing, words, out, common.device, self.processes, common.bar)


@dataclass(frozen=True, eq=False)
class Reproduced:
    """All that a report is written from. filled: the test prompts, by the base and each evaluated
    run."""

    round: Round
    prompts: list[IncompletePhoto]
    filled: dict[str, Filled]
    comparison: Comparison

    @property
    def stopped(self) -> dict[str, str]:
        """The alarm's sentence, by the run that it stopped."""
        files = {run.name: self.round.made_by(run) / STOPPED for run in self.round.runs}
        return {name: file.read_text().strip() for name, file in files.items() if file.exists()}

    @cached_property
    def learned(self) -> list[SizedPrompt]:
        """The prompts of the alignments."""
        common = self.round.common
        return [size_prompt(one, common.model.native_side) for one in common.prompts("align")]


def _trained(
    part: Part,
    config: RewardTrainingConfig,
    pairs: Sequence[Path],
    validation: Path,
    out: Path,
    bar: Bar,
) -> Path:
    """A reward's file, trained where it is not there yet."""
    file = out / REWARD_FILE
    if not file.exists():
        on_progress = bar(f"Training: {part}")
        made = train_reward(
            list(pairs),
            [validation],
            out,
            config,
            lambda done: on_progress(done.step / done.steps),
        )
        made.save(file)
    return file
