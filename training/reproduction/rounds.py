"""One round of a proof: rewards, the alignments to them, their fills, and how these compare."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from training.reproduction.runs import STOPPED, Run, planned_runs, run_alignments
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

    def prompts(self, part: Part) -> list[IncompletePhoto]:
        side = self.model.native_side
        return prompts_of(part, self.photos, self.proof, side, self.seed, self.out, self.bar)

    def pairs(self, part: Part) -> Path:
        """The folder of a part's pairs of known order."""
        prompts = self.prompts(part)
        return pairs_of(part, prompts, self.model, self.proof, self.seed, self.out, self.bar)

    def ranking_task(self, number: int) -> RankingTask:
        """A round's fills of the first prompts of reward and judge, drawn where they are not there
        yet."""
        aligned, *_ = planned_runs(self.proof, number)
        out = self.folder(number)
        return ranking_task(
            Contender(BASE, self.base),
            aligned.contender(self.base, out / "align" / aligned.name),
            {part: self._first_of_each_pattern(self.prompts(part)) for part in _VALIDATION},
            {part: self.proof.learner(part).encoder.image_size for part in _VALIDATION},
            self.proof.steps,
            aligned.config.sampler,
            self.seed + 1 + (number - 1) * ROUND_SEEDS,
            out / RANKING,
            self.device,
            self.bar(f"Fills to rank, round {number}"),
        )

    def _first_of_each_pattern(self, prompts: Sequence[IncompletePhoto]) -> list[IncompletePhoto]:
        each = len(prompts) // len(self.proof.patterns)
        return [one for number, one in enumerate(prompts) if number % each < self.proof.ranked]


@dataclass(frozen=True, eq=False)
class Reproduced:
    """All that a report of a round is written from. origin: commit, device and command that it was
    begun by. rankings: of the rounds before. runs: the first is what is called aligned. learned:
    the prompts of the alignments. filled: the test prompts, by the base and each evaluated run.
    stopped: the alarm's sentence, by the run that it stopped."""

    common: Common
    number: int
    origin: dict[str, str]
    rankings: list[Ranking]
    runs: list[Run]
    stopped: dict[str, str]
    learned: list[SizedPrompt]
    prompts: list[IncompletePhoto]
    filled: dict[str, Filled]
    comparison: Comparison

    @property
    def folder(self) -> Path:
        return self.common.folder(self.number)


def run_round(
    common: Common, number: int, rankings: Sequence[Ranking], processes: int
) -> Reproduced:
    """rankings: of the rounds before, which reward and judge learn beside the known orders.
    processes: alignment runs at a time.

    Raises PrefPaintError where the round was begun with other rankings.
    """
    out, base, bar = common.folder(number), common.base, common.bar
    runs = planned_runs(common.proof, number)
    claim(out / "settings.json", {"rankings": [one.digest for one in rankings]})
    origin = origin_of(out, pick_device(common.device))
    before = [common.folder(earlier) / RANKING for earlier in range(1, number)]
    learned_from = {
        part: [common.pairs(part), *(folder / part for folder in before)] for part in _VALIDATION
    }
    reward, judge = (
        _trained(
            part,
            common.proof.learner(part),
            learned_from[part],
            common.pairs(validation),
            out / part,
            bar,
        )
        for part, validation in _VALIDATION.items()
    )
    folders = {run.name: out / "align" / run.name for run in runs}
    learned = common.prompts("align")
    missing = [
        run for run in runs if not result_path(run.config.trained, folders[run.name]).exists()
    ]
    if missing:
        sized = [size_with_original(common.model, prompt) for prompt in learned]
        words = (base, sized, reward, learned_from["reward"])
        run_alignments(missing, words, out / "align", common.device, processes, bar)
    test = common.prompts("test")
    judges = load_reward(reward), load_reward(judge)
    evaluated = [run.contender(base, folders[run.name]) for run in runs if run.evaluated]
    filled = {}
    for one in (Contender(BASE, base), *evaluated):
        filled[one.name] = fill_prompts(
            one,
            *judges,
            test,
            Sampling(10, common.seed, common.settings),
            out / "fills" / one.name,
            common.device,
            bar(f"Fills: {one.name}"),
        )
    stopped = {
        name: (folder / STOPPED).read_text().strip()
        for name, folder in folders.items()
        if (folder / STOPPED).exists()
    }
    return Reproduced(
        common,
        number,
        origin,
        list(rankings),
        runs,
        stopped,
        [size_prompt(prompt, common.model.native_side) for prompt in learned],
        test,
        filled,
        compare(filled, BASE),
    )


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
