"""A pipeline from nothing, of a few thousand weights and steps that a test can wait for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForInpainting, StableDiffusionInpaintPipeline
from PIL import Image
from typer.testing import CliRunner

from resources import SAMPLE_PHOTO
from tests.training.full_disk import full_disk
from tests.training.photos import hole_at
from tests.training.tiny_preset import TINY
from training.cli import app
from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import identify
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.sampler import denoise
from training.inpainting.settings import SAMPLERS, SamplerName
from training.pretraining import run, stage
from training.pretraining.networks import make_autoencoder, make_pipeline, make_unet
from training.pretraining.presets import Preset
from training.pretraining.run import pretrain
from training.prompts.photos import read_rgb
from training.run_log import alone_in


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    sample = read_rgb(SAMPLE_PHOTO)
    paths = [folder / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        Image.fromarray(sample[number * 40 : number * 40 + 200, :260]).save(path)
    return paths


def _run(photos: list[Path], out: Path, preset: Preset = TINY, seed: int = 0) -> Path:
    device = torch.device("cpu")
    return pretrain(photos, photos[:1], preset, seed, out, device, lambda _: lambda _: None)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(folder, dtype=torch.float32)
    return {**pipeline.unet.state_dict(), **pipeline.vae.state_dict()}


def _logged(out: Path) -> list[tuple[str, int]]:
    lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return [(line["stage"], line["step"]) for line in lines]


def test_it_ends_as_a_pipeline_that_diffusers_opens_and_a_sheet(
    tmp_path: Path, photos: list[Path]
) -> None:
    folder = _run(photos, tmp_path / "out")
    info = identify(folder)
    assert info.channels == 9
    card = (folder / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert "crops of 2 photographs" in card
    pipeline = AutoPipelineForInpainting.from_pretrained(folder, dtype=torch.float32)
    assert isinstance(pipeline, StableDiffusionInpaintPipeline)
    picture = Image.fromarray(read_rgb(photos[0])[:64, :64])
    mask = Image.new("L", (64, 64), 255)
    filled = pipeline("", image=picture, mask_image=mask, num_inference_steps=2).images[0]
    assert filled.size == (64, 64)
    assert list((tmp_path / "out" / "sheets").glob("*.png"))
    lines = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    assert {json.loads(line)["stage"] for line in lines} == {"autoencoder", "denoiser"}


def test_an_interrupted_run_ends_like_one_that_was_not(
    tmp_path: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SAVE_EVERY", 2)
    monkeypatch.setattr(stage, "LOG_EVERY", 1)
    whole = _weights(_run(photos, tmp_path / "whole"))
    losses = stage.finite

    def pulled_plug(loss: torch.Tensor, plan: stage.Plan, step: int, checkpoint: Path) -> None:
        if plan.name == "denoiser" and step == 3:
            raise KeyboardInterrupt
        losses(loss, plan, step, checkpoint)

    monkeypatch.setattr(stage, "finite", pulled_plug)
    with pytest.raises(KeyboardInterrupt):
        _run(photos, tmp_path / "cut")
    monkeypatch.setattr(stage, "finite", losses)
    resumed = _weights(_run(photos, tmp_path / "cut"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert _logged(tmp_path / "cut") == _logged(tmp_path / "whole")


def test_a_folder_of_another_run_and_a_damaged_checkpoint_are_refused(
    tmp_path: Path, photos: list[Path]
) -> None:
    out = tmp_path / "out"
    _run(photos, out)
    with pytest.raises(PrefPaintError, match="other settings"):
        _run(photos, out, replace(TINY, unet_rate=1.0))
    with pytest.raises(PrefPaintError, match="other settings"):
        _run(photos[::-1], out)
    (out / "denoiser.pt").write_bytes(b"no checkpoint")
    with pytest.raises(PrefPaintError, match=r"denoiser\.pt is damaged"):
        _run(photos, out)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoint(
    tmp_path: Path, photos: list[Path]
) -> None:
    with pytest.raises(PrefPaintError, match="Lower its rate"):
        _run(photos, tmp_path / "out", replace(TINY, autoencoder_rate=1e12, autoencoder_steps=60))


def test_too_few_photos_are_told_before_anything_is_learned(
    tmp_path: Path, photos: list[Path]
) -> None:
    device = torch.device("cpu")
    for learned, held_out, split in (([], photos, "train"), (photos, [], "validation")):
        with pytest.raises(PrefPaintError, match=f"in the {split} split"):
            pretrain(learned, held_out, TINY, 0, tmp_path / "out", device, lambda _: lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_one_sentence(tmp_path: Path, photos: list[Path]) -> None:
    with full_disk(), pytest.raises(PrefPaintError, match="Free some space"):
        _run(photos, tmp_path / "out")


def test_a_folder_has_one_run(
    tmp_path: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "pretrain", lambda *_: tmp_path)
    with alone_in(tmp_path / "out"):
        result = CliRunner().invoke(
            app, ["pretrain", str(photos[0].parent), "--out", str(tmp_path / "out")]
        )
    assert isinstance(result.exception, PrefPaintError)
    assert "trains in" in str(result.exception)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_goes_evenly_from_pure_noise(sampler: SamplerName) -> None:
    networks = make_autoencoder(TINY), make_unet(TINY)
    model = DiffusionModel(make_pipeline(*networks), torch.device("cpu"), torch.float32)
    scheduler = model.scheduler(sampler)
    scheduler.set_timesteps(10)
    times = scheduler.timesteps.tolist()
    assert times[0] == 999
    np.testing.assert_allclose(-np.diff(times), 100, atol=2)
    size = TINY.size
    hole = hole_at((size, size), 8, 8, 16, 16)
    photo = model.encode_photo(np.full((size, size, 3), 90, np.uint8), hole)
    generators = [torch.Generator().manual_seed(0)]
    start, words = model.start(photo, generators), model.conditioning("", "", 1.0, size, size)
    *_, last = denoise(
        model.unet,
        model.scheduler(sampler),
        start,
        words,
        steps=10,
        eta=0.0,
        generators=generators,
    )
    assert torch.isfinite(last.latents).all()


@pytest.mark.parametrize("has_instructions", [True, False])
def test_a_processor_computes_in_bf16_only_where_it_gains(
    monkeypatch: pytest.MonkeyPatch, has_instructions: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_instructions})
    with stage.autocast(torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if has_instructions else torch.float32)
