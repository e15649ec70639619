"""The alignment runs of a proof, each by itself."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from training.alignment.align import align
from training.alignment.config import AlignmentConfig
from training.alignment.measures import CollapseError
from training.alignment.pairs import PreferencePair, read_pairs
from training.alignment.policy import Policy, result_path
from training.alignment.refresh import RewardRefresh
from training.alignment.rollouts import SizedPrompt
from training.evaluation.contenders import Contender
from training.inpainting.diffusion.loading import load_model
from training.inpainting.settings import DeviceName
from training.reproduction.ablation import KINDS
from training.reproduction.data import Bar
from training.reproduction.presets import Proof
from training.reward.model import load_reward
from training.reward.pair_data import load_prompts

UNGUARDED = "unguarded"
"""The run of the first round's method without KL and alarms, nor in that round a refreshed reward.
"""
PREFERRING, REFINED = "preferring", "refined"
STOPPED = "stopped.txt"
"""The alarm's sentence, in the folder of a run that it ended."""


@dataclass(frozen=True)
class Run:
    """refreshed: the reward goes on learning the policy's fills. evaluated: its fills of the test
    prompts are judged; of the others the curves tell enough. preferring: it learns by dpo what was
    ranked alone, not that originals are better. start: the run, of the whole UNet, from
    whose result it begins; without one from the base."""

    name: str
    config: AlignmentConfig
    refreshed: bool = False
    evaluated: bool = True
    preferring: bool = False
    start: str | None = None

    def contender(self, base: Path, out: Path) -> Contender:
        """The model that it leaves in `out`."""
        made = result_path(self.config.trained, out)
        if self.config.trained == "full":
            return Contender(self.name, made)
        return Contender(self.name, base, (made,))


def preferring_run(proof: Proof) -> Run:
    """What a round after the first begins with."""
    return Run(PREFERRING, proof.preferring, preferring=True)


def planned_runs(proof: Proof, number: int) -> list[Run]:
    """Of a round: first the one that its claims are about, then a run by each method, called like
    it; what goes without guards; and the ablation.

    After rankings the claims are about nft by the reward that learned them, begun where dpo by the
    same rankings ends, near to the fills that the reward saw ranked. That reward is not refreshed:
    preferring originals to the newest fills, whatever these are, only moved what the policy was
    after.
    """
    runs = [
        Run(method, config, refreshed=number == 1 and method != "dpo")
        for method, config in proof.methods.items()
    ]
    if number > 1:
        refined = Run(REFINED, proof.refining, start=PREFERRING)
        runs = [refined, preferring_run(proof), *runs]
    else:
        runs.sort(key=lambda run: run.name != proof.aligned)
    runs.append(Run(UNGUARDED, replace(proof.methods[proof.aligned], divergence=0.0, alarms=False)))
    for seed in proof.ablation_seeds:
        runs += [
            Run(
                f"{kind}-{seed}",
                replace(proof.ablation, amplification=kind, seed=seed),
                evaluated=False,
            )
            for kind in KINDS
        ]
    return runs


def run_alignment(
    run: Run,
    base: Path,
    prompts: Sequence[SizedPrompt],
    reward_file: Path | None,
    pairs: Sequence[Path],
    out: Path,
    device: DeviceName,
    on_progress: Callable[[float], None],
) -> None:
    """Align in `out`, going on where it was. Where an alarm stops the run, what its last checkpoint
    holds is the result, or the base where there is none, and the alarm is kept beside it.

    reward_file: not read by dpo, which has no reward. pairs: the folders that dpo learns from, and
    a reward that is refreshed.
    """
    if run.start is not None:
        base = result_path("full", out.parent / run.start)
    model = load_model(base, device, "fp32")  # not rounded before it learns
    config = run.config
    is_dpo = config.method == "dpo"
    reward = None if is_dpo or reward_file is None else load_reward(reward_file)
    refresh = None
    if run.refreshed and reward is not None:
        seen = reward.network.config
        known = [
            prompt
            for folder in pairs
            for prompt in load_prompts(folder, seen.image_size, seen.resample)
        ]
        refresh = RewardRefresh(reward, prompts, known, run.config.seed)
    policy = Policy(model, config.trained, config.rank, config.seed, config.precision)
    preferred: list[PreferencePair] = []
    for folder in pairs if is_dpo else ():
        preferred += read_pairs(folder, model.native_side, originals=not run.preferring)[0]
    try:
        align(
            policy,
            reward,
            prompts,
            config,
            out,
            on_progress,
            pairs=preferred,
            refresh=refresh,
        )
        return
    except CollapseError as collapse:
        (out / STOPPED).write_text(f"{collapse}\n")
        kept = collapse.kept
    del model, policy  # before they are loaded again
    for sheet in (out / "sheets").glob("*.png"):
        if int(sheet.stem) > kept:  # of weights that are not the result
            (out / "after").mkdir(exist_ok=True)
            sheet.replace(out / "after" / sheet.name)
    if kept == 0:
        Policy(load_model(base, device, "fp32"), config.trained, config.rank, config.seed).save(out)
        return
    earlier = replace(run, config=replace(config, iterations=kept))
    run_alignment(earlier, base, prompts, reward_file, pairs, out, device, on_progress)


def run_alignments(
    runs: Sequence[Run],
    words: tuple[Path, Sequence[SizedPrompt], Path | None, Sequence[Path]],
    out: Path,
    device: DeviceName,
    processes: int,
    bar: Bar,
) -> None:
    """Each run in `out`, so many processes at a time. words: what run_alignment takes of all."""
    if min(processes, len(runs)) == 1:
        for run in runs:
            on_progress = bar(f"Alignment: {run.name}")
            run_alignment(run, *words, out / run.name, device, on_progress)
        return
    threads = max(1, (os.cpu_count() or 1) // processes)
    spawn = multiprocessing.get_context("spawn")
    on_progress = bar(f"{len(runs)} alignments")
    with ProcessPoolExecutor(processes, spawn, _begin_process, (threads,)) as pool:
        waiting = [
            pool.submit(run_alignment, run, *words, out / run.name, device, _nothing)
            for run in runs
        ]
        try:
            for done, one in enumerate(as_completed(waiting), start=1):
                one.result()
                on_progress(done / len(waiting))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin_process(threads: int) -> None:
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A run that was killed must not go on in its processes, beside the one that resumes it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _nothing(_share: float) -> None:
    """What another process has no bar for."""
