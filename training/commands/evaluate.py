"""`prefpaint-train evaluate`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Out, Seed, several_bars
from training.errors import PrefPaintError
from training.evaluation.contenders import find_base, read_contenders
from training.inpainting.settings import DeviceName, DiffusionSettings, SamplerName
from training.reward.scorer import builtin_reward_path

USUAL = DiffusionSettings()


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Inpainting models, each a folder or .safetensors file: PATH, NAME=PATH, or "
            "NAME=PATH+LORA with what `align` wrote.",
            show_default=False,
        ),
    ],
    prompts: Annotated[
        Path,
        typer.Option(
            help="Folder made by `prefpaint-train prompts`, of photos that no model saw.",
            show_default=False,
        ),
    ],
    out: Out,
    base: Annotated[
        str | None,
        typer.Option(
            help="Name of the model that the others are compared with; the first by default.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Fills of each prompt: the largest S of the WinRate.", min=1)
    ] = 10,
    steps: Annotated[int, typer.Option(help="Denoising steps.", min=1)] = USUAL.steps,
    sampler: Annotated[SamplerName, typer.Option(help="How models denoise.")] = USUAL.sampler,
    eta: Annotated[
        float, typer.Option(help="With --sampler ddim: 0 (DDIM) to 1 (DDPM).", min=0, max=1)
    ] = USUAL.eta,
    seed: Seed = 0,
    reward: Annotated[
        str,
        typer.Option(
            help="The reward model that alignment used: a file, a folder of several (their mean "
            "counts), or builtin."
        ),
    ] = "builtin",
    judge: Annotated[
        Path | None,
        typer.Option(
            help="A reward model, or a folder of several, that alignment never saw, of other "
            "photos and another architecture or seed.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Compare inpainting models: any number, on the same prompts, with the same seeds.

    Writes report.md, report.json, charts and contact sheets to OUT. By the reward: the paper's
    WinRate for S = 1, 3 and 10 (how often the best of S fills beats one fill of the base), mean
    and variance over a prompt's fills, and who wins over whom. By what the reward does not know:
    the WinRate by an independent --judge, and where the prompts have originals KID, PSNR and SSIM.
    All with 95 % intervals over photos.

    The fills lie in OUT/fills/NAME and are made once: run again with the same words to go on where
    it was interrupted, or with another model, judge or base to use what is there. Make the prompts
    at the models' own size: fills are scaled to the prompt's.
    """
    reward_file = builtin_reward_path() if reward == "builtin" else Path(reward)
    if eta > 0 and sampler != "ddim":
        raise PrefPaintError(f"The sampler {sampler} has no eta. Leave it out, or take ddim.")
    contenders = read_contenders(models)
    name_of_base = find_base(base, contenders)

    from training.evaluation.compare import compare
    from training.evaluation.report import cautions, write_report
    from training.evaluation.samples import Sampling, check_prompts, digest_of, fill_prompts
    from training.prompts.incomplete import read_prompts
    from training.reward.ensemble import read_reward

    found = read_prompts(prompts)
    check_prompts(found)
    rewards = read_reward(reward_file)
    independent = None if judge is None else read_reward(judge)
    if independent is not None and digest_of(independent) == digest_of(rewards):
        raise PrefPaintError(
            f"{judge} is the reward itself and no independent judge. Leave it out."
        )
    settings = DiffusionSettings(steps=steps, sampler=sampler, eta=eta, match_colour=False)
    sampling = Sampling(samples, seed, settings)
    filled = {}
    with several_bars() as bar:
        for one in contenders:
            folder = out / "fills" / one.name
            filled[one.name] = fill_prompts(
                one, rewards, independent, found, sampling, folder, device, bar(one.name)
            )
    comparison = compare(filled, name_of_base)
    facts = {
        "command": shlex.join(["prefpaint-train", *sys.argv[1:]]),
        "seed": seed,
        "sampling": {"sampler": sampler, "steps": steps, "eta": eta},
        "reward": str(reward),
        "judge": None if judge is None else str(judge),
    }
    write_report(comparison, filled, found, facts, out)
    console = Console()
    for name, figures in comparison.models.items():
        if name != name_of_base:
            rate = figures.reward.win_rate[1]
            console.print(
                f"{name} over {name_of_base}: WinRate {rate.value:.1%} at S = 1 "
                f"(95 %: {rate.low:.1%} to {rate.high:.1%})"
            )
    for caution in cautions(comparison):
        console.print(caution)
    console.print(f"The report is {out / 'report.md'}.")
