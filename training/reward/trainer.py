"""Learn a reward from pairs whose order is known: ranking loss, cosine schedule, exact resume."""

import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.prompts.photos import Split
from training.reward.calibration import measure_trust, prompt_features
from training.reward.encoders import EncoderConfig
from training.reward.evaluation import PairAccuracy, network_judge, pair_accuracies
from training.reward.groups import Group, PairKind, draw_group
from training.reward.labelled import read_labelled, write_set_aside
from training.reward.losses import Objective, group_loss
from training.reward.model import RewardModel, load_reward
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt, load_prompts
from training.reward.pairs import MANIFEST
from training.reward.trust import inverse_covariance

FEATURE_PROMPTS = 2000
"""Prompts whose features, six each, make V: far more than its 256 dimensions need."""
LABELS = (
    "none by people: original over fill, weaker over stronger fault, everything over noise; "
    "where a reviewer's eye ranked fills, that reviewer was an AI model"
)
CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


@dataclass(frozen=True)
class RewardTrainingConfig:
    """batch_size: prompts a step. learning_rate: AdamW's highest, after `warmup_steps`.

    start: a reward model to go on from; without one the weights are drawn.
    ranked_share: of a step's prompts, those that someone ranked, where there are others too.
    objective: "ranking" learns from pairs; the other two from scores that people gave.
    pair_weights: how much a pair counts, by how its order is known.
    """

    steps: int = 1300
    batch_size: int = 16
    learning_rate: float = 6e-4
    weight_decay: float = 0.05
    warmup_steps: int = 100
    start: Path | None = None
    ranked_share: float = 0.2
    objective: Objective = "ranking"
    pair_weights: dict[PairKind, float] = field(
        default_factory=lambda: {"fill": 3.0, "fault": 1.0, "noise": 1.0, "eye": 3.0}
    )
    seed: int = 0
    checkpoint_every: int = 200
    bf16: bool = True
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


def train_reward(
    train_folders: list[Path],
    validation_folders: list[Path],
    out: Path,
    config: RewardTrainingConfig,
    on_progress: Callable[[float], None],
) -> RewardModel:
    """Train a reward network and measure its trust matrix and normalisation.

    Writes checkpoint.pt and log.jsonl to `out` and goes on from them when they are there: a step
    depends on the weights, the seed and its number alone. Raises PrefPaintError when `out` holds
    a run with other settings, or the folders are not readable.
    """
    size = config.encoder.image_size
    prompts = _read_all(train_folders, size, "train", out)
    validation = _read_all(validation_folders, size, "validation", out)
    torch.manual_seed(config.seed)
    begun = load_reward(config.start) if config.start else None
    network = begun.network if begun else RewardNetwork(config.encoder)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    out.mkdir(parents=True, exist_ok=True)
    step = _resume(out, config, network, optimiser)
    losses: list[float] = []
    with ThreadPoolExecutor(1) as executor:  # the next batch is drawn while this one is learned
        upcoming = executor.submit(_draw_batch, prompts, config, step)
        while step < config.steps:
            batch = upcoming.result()
            upcoming = executor.submit(_draw_batch, prompts, config, step + 1)
            losses.append(_train_step(network, optimiser, batch, config, step))
            step += 1
            on_progress(step / config.steps)
            if step % config.checkpoint_every == 0 or step == config.steps:
                measured = pair_accuracies(network_judge(network), validation, seed=config.seed)
                _log(out, step, float(np.mean(losses)), measured)
                _save(out, config, network, optimiser, step)
                losses = []
    return _finish(network.eval(), prompts, validation, config, begun)


def _read_all(folders: list[Path], size: int, split: Split, out: Path) -> list[Prompt]:
    """Folders of our own manifest, which hold one split, and labelled ones, which are split here.

    What a labelled folder cannot give is counted and kept in `out`.
    """
    prompts: list[Prompt] = []
    for folder in folders:
        if (folder / MANIFEST).exists() or not folder.is_dir():
            prompts += load_prompts(folder, size)
            continue
        found = read_labelled(folder, size, split)
        prompts += found.prompts
        write_set_aside(found, out / f"set-aside-{folder.name}-{split}.txt")
    if not prompts:
        raise PrefPaintError(f"No {split} prompts lie in {', '.join(map(str, folders))}.")
    return prompts


def _draw_batch(prompts: Sequence[Prompt], config: RewardTrainingConfig, step: int) -> list[Group]:
    """The groups of a step, which depend on the seed and the step's number alone."""
    rng = np.random.default_rng([config.seed, step])
    ranked = [index for index, prompt in enumerate(prompts) if prompt.tiers]
    built = [index for index, prompt in enumerate(prompts) if not prompt.tiers]
    share = config.ranked_share if ranked and built else float(bool(ranked))
    wanted = round(config.batch_size * share)
    chosen = [
        *rng.choice(built, size=min(config.batch_size - wanted, len(built)), replace=False),
        *rng.choice(ranked, size=min(wanted, len(ranked)), replace=False),
    ]
    return [draw_group(prompts, int(index), rng) for index in chosen]


def _train_step(
    network: RewardNetwork,
    optimiser: torch.optim.Optimizer,
    groups: list[Group],
    config: RewardTrainingConfig,
    step: int,
) -> float:
    torch.manual_seed(config.seed * 1_000_003 + step)
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * _schedule(step, config)
    network.train()
    rewards = _judge_groups(network, groups, config.bf16)
    loss = group_loss(rewards, groups, config.objective, config.pair_weights)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _judge_groups(network: RewardNetwork, groups: list[Group], bf16: bool) -> Tensor:
    """Rewards of all pictures of the groups, group after group.

    bf16 serves the encoder alone: two fills differ by less than it can tell after the pooling.
    """
    sizes = [len(group.pictures) for group in groups]
    pictures = np.concatenate([g.pictures for g in groups] + [np.stack([g.prompt for g in groups])])
    owners = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor(sizes))
    holes = torch.from_numpy(np.stack([group.hole for group in groups])).float().unsqueeze(1)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        embeddings = network.encode(images, torch.cat([holes[owners], holes]))
    fills, prompt = embeddings.split([len(owners), len(groups)])
    return network.judge(fills, prompt[owners]).rewards


def _schedule(step: int, config: RewardTrainingConfig) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * share))


def _finish(
    network: RewardNetwork,
    prompts: Sequence[Prompt],
    validation: Sequence[Prompt],
    config: RewardTrainingConfig,
    begun: RewardModel | None,
) -> RewardModel:
    """V^-1 from the training features; rewards in units of the fills of held-out photos."""
    seen = prompts[:: max(1, len(prompts) // FEATURE_PROMPTS)]
    features = prompt_features(network, seen)
    judge = network_judge(network)
    rewards = np.concatenate([judge(prompt, prompt.pictures[1:]) for prompt in validation])
    mean, deviation = float(rewards.mean()), float(rewards.std())
    return RewardModel(
        network=network,
        mean=mean,
        deviation=deviation,
        trust=measure_trust(network, inverse_covariance(features), features, validation, deviation),
        provenance={
            "labels": LABELS,
            "training photos": len({prompt.photo for prompt in prompts}),
            "training prompts": len(prompts),
            "of these ranked by a reviewer's eye": sum(bool(prompt.tiers) for prompt in prompts),
            "steps": config.steps,
            "prompts a step": config.batch_size,
            "seed": config.seed,
            "torch": torch.__version__,
            **({"continued from": begun.provenance} if begun else {}),
        },
    )


def _log(out: Path, step: int, loss: float, measured: list[PairAccuracy]) -> None:
    line = {"step": step, "loss": loss, **{entry.name: entry.share for entry in measured}}
    with (out / LOG).open("a") as file:
        file.write(json.dumps(line) + "\n")


def _words(config: RewardTrainingConfig) -> str:
    return json.dumps(asdict(config), default=str)


def _save(
    out: Path,
    config: RewardTrainingConfig,
    network: RewardNetwork,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    state = {
        "config": _words(config),
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    with replaced_when_complete(out / CHECKPOINT) as file:
        torch.save(state, file)


def _resume(
    out: Path,
    config: RewardTrainingConfig,
    network: RewardNetwork,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Load what an interrupted run left; gives the number of steps that are done."""
    path = out / CHECKPOINT
    if not path.exists():
        (out / LOG).unlink(missing_ok=True)
        return 0
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise PrefPaintError(f"{path} is damaged ({error}). Delete it to begin anew.") from error
    if state["config"] != _words(config):
        raise PrefPaintError(
            f"{out} holds a run with other settings. Name another folder, or delete it."
        )
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
