"""The alignment runs of a proof, each by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.alignment.align import align
from training.alignment.config import AlignmentConfig
from training.alignment.measures import CollapseError
from training.alignment.pairs import read_pairs
from training.alignment.policy import Policy
from training.alignment.refresh import RewardRefresh
from training.alignment.rollouts import SizedPrompt
from training.inpainting.diffusion.loading import load_model
from training.inpainting.settings import DeviceName
from training.reproduction.presets import Proof
from training.reward.model import load_reward
from training.reward.pair_data import load_prompts

ALIGNED, UNGUARDED = "aligned", "unguarded"
"""The run that the claims are about, and the same without KL, refreshed reward and alarms."""
EVALUATED = (ALIGNED, "nft", "dpo", UNGUARDED)
"""The runs whose fills of the test prompts are judged; of the ablation's the curves tell enough."""
DONE, STOPPED = "pytorch_lora_weights.safetensors", "stopped.txt"
"""What a run ends with, and the alarm's sentence where one ended it."""


@dataclass(frozen=True)
class Run:
    """refreshed: the reward goes on learning the policy's fills."""

    name: str
    config: AlignmentConfig
    refreshed: bool = False


def planned_runs(proof: Proof) -> list[Run]:
    """The main run first, then the other methods, what goes without guards, and the ablation."""
    main, short = proof.alignment, proof.ablation
    runs = [
        Run(ALIGNED, main, refreshed=True),
        Run("nft", replace(main, method="nft"), refreshed=True),
        Run("dpo", replace(main, method="dpo")),
        Run(UNGUARDED, replace(main, divergence=0.0, alarms=False)),
    ]
    for seed in proof.ablation_seeds:
        runs += [
            Run(f"{kind}-{seed}", replace(short, amplification=kind, seed=seed))
            for kind in ("none", "static", "exponential")
        ]
    return runs


def run_alignment(
    run: Run,
    base: Path,
    prompts: Sequence[SizedPrompt],
    reward_file: Path,
    pairs: Path,
    out: Path,
    device: DeviceName,
    on_progress: Callable[[float], None],
) -> None:
    """Align in `out`, going on where it was. Where an alarm stops the run, what its last checkpoint
    holds is the result, and the alarm is kept beside it."""
    model = load_model(base, device, "fp32")  # not rounded before it learns
    reward = load_reward(reward_file)
    refresh = None
    if run.refreshed:
        known = load_prompts(pairs, reward.network.config.image_size)
        refresh = RewardRefresh(reward, prompts, known, run.config.seed)
    config = run.config
    policy = Policy(model, config.trained, config.rank, config.seed, config.precision)
    is_dpo = config.method == "dpo"
    preferred, set_aside = read_pairs(pairs, model.native_side) if is_dpo else ([], [])
    try:
        align(
            policy,
            None if is_dpo else reward,
            prompts,
            config,
            out,
            on_progress,
            pairs=preferred,
            set_aside=set_aside,
            refresh=refresh,
        )
    except CollapseError as collapse:
        (out / STOPPED).write_text(f"{collapse}\n")
        if collapse.kept == 0:
            Policy(load_model(base, device), config.trained, config.rank, config.seed).save(out)
            return
        earlier = replace(run, config=replace(run.config, iterations=collapse.kept))
        run_alignment(earlier, base, prompts, reward_file, pairs, out, device, on_progress)
