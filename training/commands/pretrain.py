"""`prefpaint-train pretrain`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.options import Out, Seed, several_bars
from training.inpainting.settings import DeviceName
from training.pretraining.presets import PRESETS, PresetName
from training.prompts.photos import find_photos, split_of


def pretrain(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photographs.")],
    out: Out,
    preset: Annotated[
        PresetName,
        typer.Option(
            help="nano: 64 x 64, for two processor cores in under 90 minutes; "
            "mini: 256 x 256, for one GPU in under 30."
        ),
    ] = "nano",
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Train a small diffusion inpainting pipeline from nothing, on the train split of PHOTOS.

    Writes OUT/pipeline, a diffusers folder that `prefpaint models add` takes, and OUT/sheets, where
    its fills of held-out photos stand next to PatchMatch's and Telea's while it learns. Run again
    with the same words to go on where it was interrupted.
    """
    from training.inpainting.diffusion.devices import pick_device  # torch, slow to import
    from training.pretraining.run import pretrain as run
    from training.run_log import alone_in

    found = find_photos(photos)
    learned = [path for path in found if split_of(path) == "train"]
    held_out = [path for path in found if split_of(path) == "validation"]
    with alone_in(out), several_bars() as bar:
        folder = run(learned, held_out, PRESETS[preset], seed, out, pick_device(device), bar)
    Console().print(f"The pipeline lies in {folder}.")
