"""`prefpaint-train align`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.alignment.amplification import Amplification
from training.alignment.config import AlignmentConfig, Method
from training.alignment.policy import Trained
from training.commands.options import Out, Seed, progress
from training.inpainting.settings import DeviceName
from training.reward.scorer import builtin_reward_path

PAPER = AlignmentConfig()


def align(
    base: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Inpainting model: a folder or .safetensors.")
    ],
    prompts: Annotated[Path, typer.Argument(help="Folder made by `prefpaint-train prompts`.")],
    out: Out,
    reward: Annotated[
        str,
        typer.Option(
            help="Reward model: a file, a folder of several (their mean counts), or builtin."
        ),
    ] = "builtin",
    method: Annotated[
        Method,
        typer.Option(help="paper: policy gradient over denoising steps; nft: DiffusionNFT."),
    ] = PAPER.method,
    iterations: Annotated[int, typer.Option(min=1)] = PAPER.iterations,
    prompts_each: Annotated[int, typer.Option(help="Prompts an iteration.", min=1)] = PAPER.prompts,
    samples: Annotated[int, typer.Option(help="Fills of each prompt.", min=1)] = PAPER.samples,
    steps: Annotated[int, typer.Option(help="Denoising steps.", min=1)] = PAPER.steps,
    updated_steps: Annotated[
        int, typer.Option(help="How many of them are learned from.", min=1)
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
    trained: Annotated[
        Trained, typer.Option(help="lora: a small file beside the model; full: the whole UNet.")
    ] = PAPER.trained,
    rank: Annotated[int, typer.Option(help="Of the LoRA.", min=1)] = PAPER.rank,
    learning_rate: Annotated[float, typer.Option(min=0)] = PAPER.learning_rate,
    ema_decay: Annotated[
        float,
        typer.Option(
            help="Keep a moving average of the weights with this decay an iteration, such as 0.9, "
            "instead of the last ones; 0: off, as in the paper.",
            min=0,
            max=1,
        ),
    ] = PAPER.ema_decay,
    alarm: Annotated[
        float | None,
        typer.Option(
            help="Mean reward of untouched originals, above which the run stops: "
            "the reward is then being deceived.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Align a diffusion inpainter with a reward (PrefPaint, arXiv 2410.21966, Eq. 1, 2, 11, 12).

    Without options it runs with the paper's settings, through a LoRA. Writes the LoRA (or the
    pipeline), log.jsonl, and sheets of the same prompts and seeds over time. Run again with the
    same words to go on where it was interrupted.
    """
    from training.alignment.align import align as run
    from training.alignment.policy import Policy
    from training.alignment.rollouts import size_prompt
    from training.inpainting.diffusion.loading import load_model
    from training.prompts.incomplete import read_prompts
    from training.reward.ensemble import read_reward

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
        trained=trained,
        rank=rank,
        learning_rate=learning_rate,
        ema_decay=ema_decay,
        alarm=alarm,
        seed=seed,
    )
    found = read_prompts(prompts)
    judge = read_reward(builtin_reward_path() if reward == "builtin" else Path(reward))
    policy = Policy(load_model(base, device), trained, rank, seed)
    sized = [size_prompt(prompt, policy.model.native_side) for prompt in found]
    with progress("Aligning") as on_progress:
        made = run(policy, judge, sized, config, out, on_progress)
    Console().print(f"{made} is the aligned model.")
