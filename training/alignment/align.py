"""Alignment: fill prompts, score the fills, make the likelier ones better; again and again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator

from training.alignment.config import AlignmentConfig
from training.alignment.pairs import PreferencePair
from training.alignment.policy import Policy
from training.alignment.rollouts import SizedPrompt, noisy_steps
from training.alignment.run import Run
from training.alignment.run_folder import (
    AlignmentFolder,
    Refresh,
    run_settings,
)
from training.checkpoints import run_errors
from training.errors import PrefPaintError
from training.inpainting.diffusion.devices import is_out_of_memory
from training.processes import join_processes, refuse_to_split
from training.reward.ensemble import Reward, reward_models
from training.reward.labelled import LabelledSet, write_set_aside
from training.run_log import RunLog


def align(
    policy: Policy,
    reward: Reward | None,
    prompts: Sequence[SizedPrompt],
    config: AlignmentConfig,
    out: Path,
    on_progress: Callable[[float], None],
    *,
    pairs: Sequence[PreferencePair] = (),
    set_aside: Sequence[str] = (),
    refresh: Refresh | None = None,
) -> Path:
    """Align a policy; returns the LoRA file or pipeline folder that the app loads.

    Goes on from the checkpoint in `out`: an iteration depends on the weights, the seed and its
    number alone. reward: as the run began, also when it goes on, and moved to the policy's device;
    none for dpo, which learns from `pairs` and fills prompts for the sheets alone. set_aside: what
    else `read_pairs` found; it is written to `out`, once that is known to be this run's.

    Under `accelerate launch` or torchrun every process takes its part of each iteration's prompts
    and gradients are summed (data parallel, as DDP does it); all of them must see `out`. The UNet
    is whole in each, or split among them (`Policy.shard`); accelerate's own ways to split a model
    are refused. A run goes on with any number of processes, split or not.

    Raises PrefPaintError when the run collapses (its alarm is then in the log), when rewards are no
    numbers or all the same, when memory does not suffice, or when `out` holds another run.
    """
    accelerator = join_processes()
    _check(policy, config, reward, prompts, pairs, accelerator)
    if config.method == "nft":
        policy.keep_average("sampling")
    if config.ema_decay:
        policy.keep_average("smooth")
    if config.gradient_checkpointing:
        policy.unet.enable_gradient_checkpointing()
    optimiser = torch.optim.AdamW(
        policy.parameters,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    for model in reward_models(reward):
        model.network.to(policy.model.device)
    with run_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    settings = run_settings(config, policy, reward, prompts, pairs, refresh)
    folder = AlignmentFolder(out, settings, policy, optimiser, refresh)
    state = folder.resume()
    log = RunLog(out, "iteration")
    if accelerator.is_main_process:
        log.keep(state.done)
        with run_errors(out):
            write_set_aside(LabelledSet(set_aside=list(set_aside)), out / "set-aside-pairs.txt")
    run = Run(policy, reward, prompts, pairs, config, folder, optimiser, refresh, accelerator)
    try:
        with _memory_errors():
            return run.until_the_end(state, log, on_progress)
    finally:
        log.close()


def _check(
    policy: Policy,
    config: AlignmentConfig,
    reward: Reward | None,
    prompts: Sequence[SizedPrompt],
    pairs: Sequence[PreferencePair],
    accelerator: Accelerator,
) -> None:
    """Raise PrefPaintError for what cannot be run, before anything is written."""
    refuse_to_split(accelerator)
    if config.guidance > 1 and (config.method != "paper" or not config.text):
        raise PrefPaintError(
            "--guidance is of the paper's method and needs --text: nft and dpo learn the model "
            "as it is without guidance, and between no text and no text there is none."
        )
    if config.method == "paper" and config.sampler != "ddim":
        raise PrefPaintError(
            "The paper's method learns from DDIM's steps, which have a likelihood. Leave out "
            "--sampler, or choose another --method."
        )
    is_dpo = config.method == "dpo"
    there, what, how = (pairs, "pairs", "Collect") if is_dpo else (prompts, "prompts", "Make")
    if len(there) < config.prompts:
        raise PrefPaintError(
            f"An iteration takes {config.prompts} {what}, there are {len(there)}. "
            f"{how} more, or lower --prompts-each."
        )
    if config.prompts < accelerator.num_processes:
        raise PrefPaintError(
            f"{accelerator.num_processes} processes share {config.prompts} {what} an iteration. "
            "Raise --prompts-each, or start fewer."
        )
    if is_dpo:
        if config.patience is not None:
            raise PrefPaintError("--patience watches the reward, and dpo has none. Leave it out.")
        return
    if reward is None:
        raise PrefPaintError(f"The method {config.method} needs a reward. Name one.")
    if config.samples == 1 and (config.grouped or config.prompts == 1):
        within = "within a prompt" if config.grouped else "in an iteration"
        raise PrefPaintError(f"One fill {within} has none to compare with. Raise --samples.")
    if config.method == "paper" and not noisy_steps(policy.model, config.steps):
        raise PrefPaintError(
            "None of so few denoising steps draws noise with this model, so there is nothing to "
            "learn from. Raise --steps."
        )


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise PrefPaintError(
            "The run does not fit into the memory. Go on with --gradient-checkpointing, or with "
            "--shard in several processes; or begin anew, in another folder, with fewer "
            "--prompts-each or --samples, --precision bf16, or --trained lora."
        ) from error
