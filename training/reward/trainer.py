"""Learn a reward: one process or several, cosine schedule, early stop, exact resume."""

import copy
import hashlib
import json
import logging
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.distributed.tensor import DTensor

from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion.devices import computes_in_bf16
from training.processes import gathered, join_processes, refuse_to_split, sum_gradients
from training.reward.batches import Batches, read_prompts, with_scores
from training.reward.config import RewardTrainingConfig
from training.reward.embedding import Embedder
from training.reward.encoders import ComparingEncoder
from training.reward.evaluation import JUDGED, PairAccuracy, network_judge, pair_accuracies
from training.reward.finish import finish
from training.reward.groups import Group
from training.reward.lite_stages import lite_weights, read_lite
from training.reward.losses import group_loss
from training.reward.model import RewardModel, load_reward
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt
from training.reward.run_folder import CHECKPOINT, RunFolder
from training.reward.sharded import split, whole_network
from training.sharding import whole

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepDone:
    """step: how many of `steps` are done. logged: the line of log.jsonl (see RunFolder.log) where
    this step was measured; its checkpoint is on disk by then."""

    step: int
    steps: int
    logged: dict[str, float] | None = None


def train_reward(
    train_folders: list[Path],
    validation_folders: list[Path],
    out: Path,
    config: RewardTrainingConfig,
    on_step: Callable[[StepDone], None],
    pause: threading.Event | None = None,
    held_out_folders: Sequence[Path] = (),
    *,
    shard: bool = False,
) -> RewardModel:
    """Train a reward network and measure its trust matrix and normalisation.

    Writes to `out` (see RunFolder) and goes on from there: a step depends on the weights, the seed
    and its number alone. Under `accelerate launch` or torchrun every process takes its part of
    each step's prompts. pause: looked at between steps, where there is one process.
    held_out_folders: what the result will be measured on; of their photos' test split nothing is
    learned. shard: split the network among the processes (see `split`); a run may go on either
    way, and gives the same. Raises Cancelled once `pause` is set and a checkpoint is on disk, and
    PrefPaintError when `out` holds a run with other settings or cannot be written, the folders are
    not readable, or the processes cannot give what one gives.
    """
    accelerator = join_processes()
    refuse_to_split(accelerator)
    if config.of_start and not config.start:
        raise PrefPaintError("`of_start` is a share of `start`. Give both, or neither.")
    begun = load_reward(config.start) if config.start else None
    torch.manual_seed(config.seed)
    network = copy.deepcopy(begun.network) if begun else _drawn(config)
    if network.config.kind == "resnet":
        _refuse_batch_normalisation(config, accelerator.num_processes)
    size, resample = network.config.image_size, network.config.resample
    folders = [*train_folders, *validation_folders, *held_out_folders]
    prompts = read_prompts(train_folders, size, "train", out, folders, resample)
    validation = read_prompts(validation_folders, size, "validation", out, folders, resample)
    shared = {prompt.photo for prompt in prompts} & {prompt.photo for prompt in validation}
    if shared:
        _log.warning(
            "%d photos are learned from and validate too: the accuracy will look too good. "
            "Validate with other photos.",
            len(shared),
        )
    if config.objective != "ranking":
        prompts = with_scores(prompts, config.objective, out)
    batches = Batches(
        prompts,
        config.batch_size,
        config.ranked_share,
        config.seed,
        config.augment,
        accelerator.process_index,
        accelerator.num_processes,
    )
    network.freeze(config.freeze)
    if config.gradient_checkpointing:
        network.encoder.checkpoint_gradients()
    if shard:
        split(network, accelerator, batches.prompts_a_step)
    network.to(accelerator.device)  # before the optimiser, whose state follows the parameters
    optimiser = torch.optim.AdamW(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    run = RunFolder(out, _settings(config, prompts, validation))
    state = run.resume(network, optimiser)
    bf16 = config.bf16 and computes_in_bf16(accelerator.device)
    # split, every process has to compute as often as the others
    keep = config.freeze > 0 and not config.augment and not shard
    embedder = Embedder(network, bf16, keep)
    if begun and not state.step and config.patience is not None:
        measured = pair_accuracies(network_judge(network), validation, config.seed)
        state.best = gathered([_overall(measured)], accelerator)[0]
        run.save(network, optimiser, state, is_best=True)  # nothing may come of the training
    with ThreadPoolExecutor(1) as executor:  # the next batch is drawn while this one is learned
        upcoming = executor.submit(batches.draw, state.step)
        while state.step < config.steps and not _is_stale(state.stale, config):
            if pause is not None and pause.is_set() and accelerator.num_processes == 1:
                run.save(network, optimiser, state)
                raise Cancelled
            groups = upcoming.result()
            upcoming = executor.submit(batches.draw, state.step + 1)
            loss = _train_step(embedder, optimiser, groups, config, state.step, accelerator, out)
            state.losses.append(loss)
            state.step += 1
            logged = None
            if state.step % config.checkpoint_every == 0 or state.step == config.steps:
                measured = pair_accuracies(network_judge(network), validation, seed=config.seed)
                # one process's, so that all stop early together
                accuracy = gathered([_overall(measured)], accelerator)[0]
                loss = float(np.mean(state.losses))
                state.stale = 0 if accuracy > state.best else state.stale + 1
                state.best = max(accuracy, state.best)
                state.losses = []
                if accelerator.is_main_process:
                    logged = run.log(state.step, loss, accuracy, measured)
                run.save(network, optimiser, state, is_best=state.stale == 0)
                accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                on_step(StepDone(state.step, config.steps, logged))
    learned = whole_network(network).eval()
    if config.patience is not None:
        run.load_best(learned)
    return finish(learned, prompts, validation, config, begun)


def _refuse_batch_normalisation(config: RewardTrainingConfig, processes: int) -> None:
    if processes > 1:
        raise PrefPaintError(
            "A resnet learns in one process: batch normalisation would see another part of each "
            "batch in every one. Start one process, or choose another kind of encoder."
        )
    if config.of_start:
        raise PrefPaintError(
            "Of a resnet `of_start` has no meaning: what its batch normalisation counted belongs "
            "to its own weights. Leave it out, or choose another kind of encoder."
        )


def _drawn(config: RewardTrainingConfig) -> RewardNetwork:
    network = RewardNetwork(config.encoder)
    if config.encoder.kind == "lite" and isinstance(network.encoder, ComparingEncoder):
        read_lite(lite_weights(), network.encoder.stem, network.encoder.stages)
    return network


def _settings(
    config: RewardTrainingConfig, prompts: Sequence[Prompt], validation: Sequence[Prompt]
) -> str:
    """All on which a run's course depends, as JSON; of files and prompts a few bytes. Its end
    alone depends on `of_start`: run again with another, it gives another mixture."""
    shown = {
        **({"start": config.start.read_bytes()} if config.start else {}),
        "the prompts": repr([(p.name, p.looks, p.scores) for p in prompts]).encode(),
        "the validation prompts": repr([(p.name, p.looks, p.scores) for p in validation]).encode(),
    }
    digests = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in shown.items()}
    settings = {**asdict(config), **digests}
    del settings["of_start"]
    return json.dumps(settings)


def _is_stale(stale: int, config: RewardTrainingConfig) -> bool:
    return config.patience is not None and stale >= config.patience


def _overall(measured: list[PairAccuracy]) -> float:
    """What early stopping watches: what people ranked where they did, else all known orders."""
    judged = [entry.share for entry in measured if entry.name == JUDGED]
    return judged[0] if judged else float(np.mean([entry.share for entry in measured]))


def _train_step(
    embedder: Embedder,
    optimiser: torch.optim.Optimizer,
    groups: list[Group],
    config: RewardTrainingConfig,
    step: int,
    accelerator: Accelerator,
    out: Path,
) -> float:
    """One step on the groups of all processes; gives the mean loss over all their pairs.

    Raises PrefPaintError before the weights change when it or its gradients are no numbers.
    """
    torch.manual_seed(config.seed * 1_000_003 + step)
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * _schedule(step, config)
    network = embedder.network
    network.train()
    optimiser.zero_grad()
    total, weight = _step_loss(embedder, groups, config)
    every: Tensor = accelerator.reduce(weight.detach(), reduction="sum")
    if float(every) == 0:
        raise PrefPaintError("No pair of this step has a visible difference. Give more prompts.")
    (total / every).backward()
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not isinstance(learning[0], DTensor):  # else they are sums already
        sum_gradients(learning, accelerator)
    norm = whole(torch.nn.utils.clip_grad_norm_(learning, 1.0))
    loss = float(accelerator.reduce(total.detach(), reduction="sum") / every)
    if not (math.isfinite(loss) and torch.isfinite(norm)):
        raise PrefPaintError(
            f"The loss became {loss} at step {step}, or its gradients are no numbers. Lower "
            f"learning_rate, in another folder; {out / CHECKPOINT} holds the run as it was before, "
            "if it was saved."
        )
    optimiser.step()
    return loss


def _step_loss(
    embedder: Embedder, groups: list[Group], config: RewardTrainingConfig
) -> tuple[Tensor, Tensor]:
    """(weighted sum of the losses, sum of the weights) of this process's groups."""
    if not groups:  # fewer prompts than processes
        nothing = next(p for p in embedder.network.parameters() if p.requires_grad).sum() * 0
        return nothing, nothing.detach()
    rewards = embedder.rewards(groups)
    return group_loss(rewards, groups, config.objective, config.pair_weights)


def _schedule(step: int, config: RewardTrainingConfig) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * share))
