"""`prefpaint-train sample-pairs`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Out, Seed, progress
from training.inpainting.settings import DeviceName


def sample_pairs(
    model: Annotated[Path, typer.Argument(help="Inpainting model: a folder or .safetensors.")],
    prompts: Annotated[list[Path], typer.Argument(help="Folders made by `prompts`.")],
    out: Out,
    samples: Annotated[int, typer.Option(help="Fills of each prompt.", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="Denoising steps.", min=1)] = 30,
    size: Annotated[
        int, typer.Option(help="Of the pictures; the built-in reward sees 192.", min=16)
    ] = 192,
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Put a model's own fills beside the originals, for `reward` to learn from.

    A reward that never saw the fills of the model it aligns is soon deceived by them. Originals go
    through the model's autoencoder too, so that its traces tell nothing. Run again with the same
    words to go on where it was interrupted.
    """
    from training.alignment.sample_pairs import SamplePairs, write_sample_pairs
    from training.inpainting.diffusion.loading import load_model
    from training.prompts.incomplete import read_prompts

    found = [prompt for folder in prompts for prompt in read_prompts(folder)]
    loaded = load_model(model, device)
    with progress("Filling") as on_progress:
        settings = SamplePairs(samples, steps, size, seed)
        write_sample_pairs(loaded, found, settings, out, on_progress)
    Console().print(f"{len(found)} prompts lie in {out}.")
