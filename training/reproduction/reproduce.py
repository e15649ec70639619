"""The whole proof, stage after stage; what is there already is not made again."""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from training.alignment.originals import size_with_original
from training.alignment.policy import result_path
from training.alignment.rollouts import ETA, SizedPrompt, size_prompt
from training.checkpoints import claim, run_errors
from training.evaluation.compare import Comparison, compare
from training.evaluation.contenders import Contender
from training.evaluation.samples import Filled, Sampling, fill_prompts
from training.inpainting.diffusion.devices import pick_device
from training.inpainting.diffusion.loading import load_model
from training.inpainting.settings import DeviceName, DiffusionSettings
from training.pretraining.presets import PRESETS, PresetName
from training.pretraining.run import pretrain
from training.prompts.incomplete import IncompletePhoto
from training.prompts.photos import split_of
from training.reproduction.data import Bar, Part, pairs_of, prompts_of
from training.reproduction.presets import PROOFS, Proof
from training.reproduction.runs import (
    STOPPED,
    Run,
    planned_runs,
    run_alignment,
)
from training.reward.model import load_reward
from training.reward.trainer import RewardTrainingConfig, train_reward
from training.run_log import alone_in

BASE = "base"
REWARD_FILE = "reward.safetensors"


@dataclass(frozen=True, eq=False)
class Reproduced:
    """All that a report is written from. learned: the prompts of the alignments. filled: the test
    prompts, by the base and each evaluated run. stopped: the alarm's sentence, by the run that it
    stopped."""

    preset: PresetName
    proof: Proof
    seed: int
    out: Path
    runs: list[Run]
    stopped: dict[str, str]
    learned: list[SizedPrompt]
    prompts: list[IncompletePhoto]
    filled: dict[str, Filled]
    comparison: Comparison


def reproduce(
    photos: Sequence[Path],
    preset: PresetName,
    seed: int,
    out: Path,
    device: DeviceName,
    processes: int,
    bar: Bar,
) -> Reproduced:
    """Pretrain, teach reward and judge, align in every way, fill the test prompts and compare.

    Run again with the same words it goes on where it was interrupted. processes: alignment runs at
    a time. Raises PrefPaintError that says which part cannot go on and why, and where `out` holds
    the proof of other photos, another seed or preset, or is in use.
    """
    proof = PROOFS[preset]
    shown = hashlib.sha256("\n".join(path.name for path in photos).encode()).hexdigest()[:16]
    with run_errors(out), alone_in(out):
        claim(
            out / "settings.json",
            {"preset": preset, "seed": seed, "photos": shown, "proof": asdict(proof)},
        )
        base = _pretrained(photos, preset, seed, out, device, bar)
        model = load_model(base, device)
        size = model.native_side
        parts: tuple[Part, ...] = ("reward", "reward-validation", "judge", "judge-validation")
        pairs = {}
        for part in parts:
            prompts = prompts_of(part, photos, proof, size, seed, out, bar)
            pairs[part] = pairs_of(part, prompts, model, proof, seed, out, bar)
        reward = _trained(
            "reward", proof.reward, pairs["reward"], pairs["reward-validation"], out, bar
        )
        judge = _trained("judge", proof.judge, pairs["judge"], pairs["judge-validation"], out, bar)
        learned = prompts_of("align", photos, proof, size, seed, out, bar)
        runs = planned_runs(proof)
        folders = {run.name: out / "align" / run.name for run in runs}
        missing = [
            run for run in runs if not result_path(run.config.trained, folders[run.name]).exists()
        ]
        if missing:
            sized = [size_with_original(model, prompt) for prompt in learned]
            words = (base, sized, reward, pairs["reward"])
            _align_all(missing, words, out, device, processes, bar)
        test = prompts_of("test", photos, proof, size, seed, out, bar)
        settings = DiffusionSettings(
            steps=proof.steps,
            sampler=proof.methods[proof.aligned].sampler,
            eta=ETA,
            match_colour=False,
        )
        judges = load_reward(reward), load_reward(judge)
        evaluated = [run.contender(base, folders[run.name]) for run in runs if run.evaluated]
        filled = {}
        for one in (Contender(BASE, base), *evaluated):
            filled[one.name] = fill_prompts(
                one,
                *judges,
                test,
                Sampling(10, seed, settings),
                out / "fills" / one.name,
                device,
                bar(f"Fills: {one.name}"),
            )
        return Reproduced(
            preset,
            proof,
            seed,
            out,
            runs,
            {
                name: (folder / STOPPED).read_text().strip()
                for name, folder in folders.items()
                if (folder / STOPPED).exists()
            },
            [size_prompt(prompt, size) for prompt in learned],
            test,
            filled,
            compare(filled, BASE),
        )


def _pretrained(
    photos: Sequence[Path], preset: PresetName, seed: int, out: Path, device: DeviceName, bar: Bar
) -> Path:
    folder = out / "pretraining"
    if (folder / "pipeline" / "model_index.json").exists():
        return folder / "pipeline"
    learned = [path for path in photos if split_of(path) == "train"]
    held_out = [path for path in photos if split_of(path) == "validation"]
    return pretrain(learned, held_out, PRESETS[preset], seed, folder, pick_device(device), bar)


def _trained(
    name: str, config: RewardTrainingConfig, pairs: Path, validation: Path, out: Path, bar: Bar
) -> Path:
    """A reward's file, trained where it is not there yet."""
    file = out / name / REWARD_FILE
    if not file.exists():
        on_progress = bar(f"Training: {name}")
        made = train_reward(
            [pairs],
            [validation],
            out / name,
            config,
            lambda done: on_progress(done.step / done.steps),
        )
        made.save(file)
    return file


def _align_all(
    runs: Sequence[Run],
    words: tuple[Path, Sequence[SizedPrompt], Path, Path],
    out: Path,
    device: DeviceName,
    processes: int,
    bar: Bar,
) -> None:
    """words: what run_alignment takes of every run."""
    if processes == 1:
        for run in runs:
            on_progress = bar(f"Alignment: {run.name}")
            run_alignment(run, *words, out / "align" / run.name, device, on_progress)
        return
    threads = max(1, (os.cpu_count() or 1) // processes)
    spawn = multiprocessing.get_context("spawn")
    on_progress = bar(f"{len(runs)} alignments")
    with ProcessPoolExecutor(processes, spawn, _begin_process, (threads,)) as pool:
        waiting = [
            pool.submit(run_alignment, run, *words, out / "align" / run.name, device, _nothing)
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
