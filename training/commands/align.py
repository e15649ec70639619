"""`prefpaint-train align`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.alignment.config import AlignmentConfig, Amplification, Method, Precision, Trained
from training.commands.options import Out, Seed, progress
from training.errors import PrefPaintError
from training.inpainting.settings import DeviceName, SamplerName
from training.processes import is_main_process, join_processes
from training.reward.scorer import builtin_reward_path

PAPER = AlignmentConfig()


def align(
    base: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Inpainting model: a folder or .safetensors.")
    ],
    prompts: Annotated[
        Path,
        typer.Argument(
            help="Folder made by `prefpaint-train prompts`, or in the paper's layout; for dpo only "
            "the sheets are of them."
        ),
    ],
    out: Out,
    reward: Annotated[
        str,
        typer.Option(
            help="Reward model: a file, a folder of several (their mean counts), or builtin."
        ),
    ] = "builtin",
    method: Annotated[
        Method,
        typer.Option(
            help="paper: policy gradient over denoising steps; nft: DiffusionNFT, with any "
            "--sampler; dpo: Diffusion-DPO on --pairs, without a reward."
        ),
    ] = PAPER.method,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="For dpo, fills of which one is better: an export of the app (--format pairs, "
            "paper or datasets), labels in the paper's layout, or what `pairs` or `eye-pairs` "
            "made. Their own texts are not used.",
            show_default=False,
        ),
    ] = None,
    iterations: Annotated[int, typer.Option(min=1)] = PAPER.iterations,
    prompts_each: Annotated[
        int, typer.Option(help="Prompts an iteration, or pairs; in all processes.", min=1)
    ] = PAPER.prompts,
    samples: Annotated[int, typer.Option(help="Fills of each prompt.", min=1)] = PAPER.samples,
    steps: Annotated[int, typer.Option(help="Denoising steps.", min=1)] = PAPER.steps,
    updated_steps: Annotated[
        int,
        typer.Option(
            help="How many of them are learned from; of nft and dpo, how often noise is drawn.",
            min=1,
        ),
    ] = PAPER.updated_steps,
    grouped: Annotated[
        bool, typer.Option(help="Advantages within each prompt's fills (GRPO).")
    ] = PAPER.grouped,
    amplification: Annotated[
        Amplification, typer.Option(help="How the reward's trust scales a step (gamma, Eq. 11).")
    ] = PAPER.amplification,
    divergence: Annotated[
        float, typer.Option(help="Weight of the KL to the model as it began.", min=0)
    ] = PAPER.divergence,
    preference_beta: Annotated[
        float, typer.Option(help="How closely dpo holds to the model as it began.", min=0)
    ] = PAPER.preference_beta,
    trained: Annotated[
        Trained, typer.Option(help="lora: a small file beside the model; full: the whole UNet.")
    ] = PAPER.trained,
    rank: Annotated[int, typer.Option(help="Of the LoRA.", min=1)] = PAPER.rank,
    learning_rate: Annotated[float, typer.Option(min=0)] = PAPER.learning_rate,
    accumulation: Annotated[
        int, typer.Option(help="Updates that make one step of the optimiser.", min=1)
    ] = PAPER.accumulation,
    gradient_checkpointing: Annotated[
        bool,
        typer.Option(
            "--gradient-checkpointing",
            help="Less memory, more time for learning, the same result.",
        ),
    ] = PAPER.gradient_checkpointing,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Of the passes through the UNet; weights, optimiser and losses are always fp32."
        ),
    ] = PAPER.precision,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Split the UNet among the processes (FSDP): for one that a GPU cannot hold.",
        ),
    ] = False,
    sampler: Annotated[
        SamplerName,
        typer.Option(
            help="How fills are drawn: ddim draws noise at every step (eta 1); the others, for nft "
            "and the sheets of dpo, need fewer steps."
        ),
    ] = PAPER.sampler,
    text: Annotated[
        str, typer.Option(help="What every fill is asked for; none in the paper.")
    ] = PAPER.text,
    guidance: Annotated[
        float,
        typer.Option(
            help="Towards --text (classifier-free), for the paper's method: twice the passes.",
            min=1,
        ),
    ] = PAPER.guidance,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop when the mean reward over so many iterations is no better than over as many "
            "before, and keep the weights of before.",
            min=1,
            show_default=False,
        ),
    ] = PAPER.patience,
    ema_decay: Annotated[
        float,
        typer.Option(
            help="Keep a moving average of the weights with this decay an iteration, such as 0.9, "
            "instead of the last ones; 0: off, as in the paper.",
            min=0,
            max=1,
        ),
    ] = PAPER.ema_decay,
    refresh: Annotated[
        Path | None,
        typer.Option(
            help="Let the reward go on learning: originals over the newest fills, beside these "
            "pairs (a folder of `sample-pairs`). The prompts need their originals.",
            show_default=False,
        ),
    ] = None,
    alarms: Annotated[
        bool,
        typer.Option(
            help="Stop when the fills are rewarded above their own originals, where the prompts "
            "have them (the reward is then being deceived), or drift far from where they began in "
            "brightness, contrast or diversity; --no-alarms goes on, to see what comes of it.",
        ),
    ] = PAPER.alarms,
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Align a diffusion inpainter with a reward (PrefPaint, arXiv 2410.21966, Eq. 1, 2, 11, 12).

    Without options it runs with the paper's settings, through a LoRA. Writes to OUT the LoRA (or
    the pipeline), log.jsonl, TensorBoard's events, and sheets of the same prompts and seeds over
    time. Run again with the same words to go on where it was interrupted.

    For several GPUs: accelerate launch -m training align ... Each holds the whole model, as with
    DDP, or with --shard a part of it, as with FSDP, and is sent the rest block by block in every
    pass. Both give the same as one process within rounding (tested with two), and a run may go on
    either way. --precision bf16 is for GPUs that compute in it, where memory or time is short.
    """
    from training.alignment.align import align as run
    from training.alignment.originals import size_with_original
    from training.alignment.pairs import read_pairs
    from training.alignment.policy import Policy
    from training.alignment.refresh import RewardRefresh
    from training.alignment.rollouts import size_prompt
    from training.inpainting.diffusion.devices import pick_device
    from training.inpainting.diffusion.loading import load_model
    from training.prompts.incomplete import read_prompts
    from training.reward.ensemble import read_reward
    from training.reward.model import RewardModel
    from training.reward.pair_data import load_prompts
    from training.run_log import alone_in

    if (pairs is not None) != (method == "dpo"):
        raise PrefPaintError("--pairs and --method dpo go together. Give both, or neither.")
    config = replace(
        PAPER,
        method=method,
        iterations=iterations,
        prompts=prompts_each,
        samples=samples,
        steps=steps,
        updated_steps=updated_steps,
        grouped=grouped,
        amplification=amplification,
        divergence=divergence,
        preference_beta=preference_beta,
        trained=trained,
        rank=rank,
        precision=precision,
        learning_rate=learning_rate,
        accumulation=accumulation,
        gradient_checkpointing=gradient_checkpointing,
        patience=patience,
        ema_decay=ema_decay,
        alarms=alarms,
        sampler=sampler,
        text=text,
        guidance=guidance,
        seed=seed,
    )
    join_processes()  # before anything goes to a GPU: each process has its own
    found = read_prompts(prompts)
    judge = None
    if method != "dpo":
        judge = read_reward(builtin_reward_path() if reward == "builtin" else Path(reward))
    model = load_model(base, "cpu" if shard else device, "fp32")  # not rounded before it learns
    policy = Policy(model, trained, rank, seed, precision)
    if shard:
        policy.shard(pick_device(device))
    side = policy.model.native_side
    if method == "dpo":  # scores no fills, so that it needs no originals
        sized = [size_prompt(prompt, side) for prompt in found]
    else:
        sized = [size_with_original(policy.model, prompt) for prompt in found]
    with alone_in(out), _bar() as on_progress:
        preferred, set_aside = read_pairs(pairs, side) if pairs is not None else ([], [])
        newest = None
        if refresh is not None:
            if not isinstance(judge, RewardModel):
                raise PrefPaintError("--refresh teaches one reward. Name a single file.")
            seen = judge.network.config
            known = load_prompts(refresh, seen.image_size, seen.resample)
            newest = RewardRefresh(judge, sized, known, seed)
        made = run(
            policy,
            judge,
            sized,
            config,
            out,
            on_progress,
            pairs=preferred,
            set_aside=set_aside,
            refresh=newest,
        )
    if is_main_process():
        Console().print(f"{made} is the aligned model.")


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    if not is_main_process():
        yield lambda _: None
        return
    with progress("Aligning") as on_progress:
        yield on_progress
