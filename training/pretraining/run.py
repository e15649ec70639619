"""From photographs to a pipeline folder."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from training.checkpoints import run_errors
from training.errors import PrefPaintError
from training.inpainting.diffusion.quiet import quiet_libraries
from training.pretraining.autoencoder import autoencoder_loss, latent_scale
from training.pretraining.card import write_card
from training.pretraining.crops import Batch, Crops
from training.pretraining.denoiser import denoiser_loss
from training.pretraining.networks import (
    make_autoencoder,
    make_pipeline,
    make_scheduler,
    make_unet,
)
from training.pretraining.presets import Preset
from training.pretraining.sheet import draw_sheet
from training.pretraining.stage import Plan, run_stage


def pretrain(
    photos: Sequence[Path],
    held_out: Sequence[Path],
    preset: Preset,
    seed: int,
    out: Path,
    device: torch.device,
    progress: Callable[[str], Callable[[float], None]],
) -> Path:
    """Train an autoencoder, then a denoiser on its latents; returns the pipeline's folder.

    held_out: photos for the sheets of fills, of which training sees none. progress: makes a
    callback for the share done of a stage with this title. An interrupted run goes on where it
    was. Raises PrefPaintError without photos of either kind, for one that cannot be read, and for
    a folder of another run or that cannot be written.
    """
    for given, split in ((photos, "train"), (held_out, "validation")):
        if not given:
            raise PrefPaintError(f"None of these photographs is in the {split} split. Give more.")
    quiet_libraries()
    with run_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    shown = hashlib.sha256("\n".join(photo.name for photo in photos).encode()).hexdigest()[:16]
    settings = f"{preset} seed={seed} photos={shown}"
    crops = Crops(photos, preset.size, seed, progress("Reading photos"))
    torch.manual_seed(seed)
    autoencoder, unet, scheduler = make_autoencoder(preset), make_unet(preset), make_scheduler()

    def batch(step: int, count: int) -> Batch:
        made = crops.batch(step, count)
        pixels = made.pixels.to(device).contiguous(memory_format=torch.channels_last)
        return replace(made, pixels=pixels, mask=made.mask.to(device))

    plan = Plan("autoencoder", settings, preset.autoencoder_steps, preset.autoencoder_rate, seed)
    run_stage(
        autoencoder,
        lambda step: autoencoder_loss(autoencoder, batch(step, preset.autoencoder_batch).pixels),
        plan,
        out,
        device,
        progress("Autoencoder"),
    )
    scale = latent_scale(autoencoder, crops, device)
    autoencoder.register_to_config(scaling_factor=scale)

    def show(step: int) -> None:
        unet.eval()
        pipeline = make_pipeline(autoencoder, unet)
        draw_sheet(pipeline, held_out, preset.size, out / "sheets" / f"{step:06d}.png", device)

    plan = Plan("denoiser", settings, preset.unet_steps, preset.unet_rate, seed)
    run_stage(
        unet,
        lambda step: denoiser_loss(unet, autoencoder, scheduler, batch(step, preset.unet_batch)),
        plan,
        out,
        device,
        progress("Denoiser"),
        on_saved=lambda step: show(step) if step % 2000 == 0 or step == plan.steps else None,
    )
    folder = out / "pipeline"
    pipeline = make_pipeline(autoencoder, unet).to("cpu", torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    write_card(folder, preset, len(photos), seed)
    return folder
