"""Pipelines of other families behind the Inpainter protocol: fills, cancel, keep, memory."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.training.photos import hole_at, make_photo
from tests.training.tiny_families import Family, make_family
from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion import general, general_previews
from training.inpainting.diffusion.general import GeneralInpainter
from training.inpainting.diffusion.general_loading import can_inpaint, load_general
from training.inpainting.diffusion.general_previews import encode, predictions_of, unpacked
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.region import make_request
from training.inpainting.request import Candidate, Event, InpaintRequest, Preview, Progress
from training.inpainting.settings import DiffusionSettings

SETTINGS = DiffusionSettings("a cat", "blurry", steps=3)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And one thread: so small a model loses more by waiting for a second one than it gains."""
    monkeypatch.setattr(GeneralInpainter, "native_side", 128)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_inpainter(family: Family = "sd3-inpaint", **options: Any) -> Any:
    return GeneralInpainter(make_family(family), "tiny", CPU, **options)


def ask(seeds: tuple[int, ...] = (1, 2), **changes: Any) -> InpaintRequest:
    photo = make_photo(160, 400, seed=1)
    mask = hole_at((160, 400), 60, 30, 20, 20) | hole_at((160, 400), 60, 340, 25, 25)
    settings = replace(SETTINGS, **changes)
    return make_request(photo, mask, job_id=7, seeds=seeds, settings=settings, padding=20)


def generate(
    inpainter: Any, request: InpaintRequest, events: list[Event] | None = None
) -> list[Candidate]:
    heard: list[Event] = [] if events is None else events
    return list(inpainter.generate(request, heard.append, threading.Event()))


def count_passes(inpainter: Any) -> list[int]:
    passes: list[int] = []
    transformer = inpainter._pipeline.transformer
    transformer.register_forward_pre_hook(lambda *_: passes.append(1))
    return passes


@pytest.mark.parametrize("family", ["flux-fill", "sd3-inpaint", "kandinsky"])
def test_every_seed_gets_a_fill_of_its_own_and_the_rest_stays_bit_for_bit(family: Family) -> None:
    request, events = ask(), list[Event]()
    assert len(request.parts) == 2
    inpainter = make_inpainter(family)
    candidates = generate(inpainter, request, events)
    assert [candidate.seed for candidate in candidates] == [1, 2]
    for candidate in candidates:
        assert (candidate.model, candidate.job_id) == ("tiny", 7)
        known = ~request.hole
        assert np.array_equal(candidate.pixels[known], request.image[known])
        for part in request.parts:
            hole = request.hole[part.slices]
            before, after = request.image[part.slices][hole], candidate.pixels[part.slices][hole]
            assert not np.array_equal(before, after)
    assert not np.array_equal(candidates[0].pixels, candidates[1].pixels)
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    (again,) = generate(inpainter, replace(request, seeds=(2,)))
    assert np.array_equal(again.pixels, candidates[1].pixels)


@pytest.mark.parametrize("family", ["flux-fill", "sd3-inpaint", "kandinsky"])
def test_previews_come_near_to_what_is_made(family: Family) -> None:
    """The last one is of latents one step before the end."""
    request, events = ask((1, 2), steps=4), list[Event]()
    candidates = generate(make_inpainter(family), request, events)
    previews = [event for event in events if isinstance(event, Preview)]
    parts = len(request.parts)
    assert [preview.seed for preview in previews] == [1] * 3 * parts + [2] * 3 * parts
    known = ~request.hole
    for preview in previews:
        assert np.array_equal(preview.pixels[known], request.image[known])
    assert not np.array_equal(previews[0].pixels, previews[1].pixels)
    assert len(candidates) == 2


def test_a_prediction_is_exact_for_a_straight_way() -> None:
    """x(s) = (1 - s) x0 + s noise, as in flow matching: x0 comes back from any step."""
    scheduler = make_family("sd3-inpaint").scheduler
    scheduler.set_timesteps(5)
    wanted, noise = torch.randn(2, 1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    latents = noise * scheduler.sigmas[0] + (1 - scheduler.sigmas[0]) * wanted
    with predictions_of(scheduler) as heard:
        for timestep in scheduler.timesteps:
            latents = scheduler.step(noise - wanted, timestep, latents, return_dict=False)[0]
            assert heard.x0 is not None
            assert torch.allclose(heard.x0, wanted, atol=1e-5)
    heard.x0 = None
    scheduler.set_timesteps(5)
    scheduler.step(noise, scheduler.timesteps[0], latents)
    assert heard.x0 is None


def test_a_scheduler_that_is_listened_to_takes_what_it_took() -> None:
    scheduler = diffusers.DDPMScheduler()
    scheduler.set_timesteps(5)
    latents, output = torch.randn(2, 1, 4, 4, 4)
    before = signature(scheduler.step)
    with predictions_of(scheduler) as heard:
        assert signature(scheduler.step) == before  # pipelines ask it whether to give a generator
        result = scheduler.step(
            model_output=output, timestep=scheduler.timesteps[0], sample=latents
        )
        assert heard.x0 is result.pred_original_sample
    assert "step" not in vars(scheduler)


def test_the_photo_of_qwen_image_is_encoded_as_its_pipeline_does() -> None:
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKLQwenImage(
        base_dim=24,
        z_dim=4,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=1,
        latents_mean=[0.1, -0.2, 0.3, 0.4],
        latents_std=[1.0, 2.0, 0.5, 3.0],
    ).eval()
    pixels = torch.rand(1, 3, 32, 48) * 2 - 1
    pipeline = SimpleNamespace(vae=vae, vae_scale_factor=8)
    kind = diffusers.QwenImageInpaintPipeline
    with torch.no_grad():
        theirs = kind._encode_vae_image(pipeline, pixels[:, :, None], torch.Generator())
        mode = vae.encode(pixels[:, :, None]).latent_dist
        noise = (mode.sample(torch.Generator()) - mode.mode())[:, :, 0]
        std = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1)
        assert torch.allclose(encode(vae, pixels) + noise / std, theirs[:, :, 0], atol=1e-4)
    packed = kind._pack_latents(theirs[:, :, 0][:, None], 1, 4, 4, 6)
    pipeline._unpack_latents = kind._unpack_latents
    found = unpacked(pipeline, packed, 32, 48)
    assert found is not None
    assert torch.equal(found, theirs[:, :, 0])
    assert unpacked(pipeline, packed, 64, 48) is None  # a pipeline that chose another size


def test_a_family_of_which_it_is_not_known_how_to_shows_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inpainter, events = make_inpainter("flux-fill"), list[Event]()
    monkeypatch.setattr(general_previews, "AutoencoderKL", diffusers.AutoencoderTiny)
    monkeypatch.delattr(general, "unpacked")  # which not every pipeline's latents can be
    generate(inpainter, ask((1,)), events)
    assert not [event for event in events if isinstance(event, Preview)]


def test_a_picture_of_another_size_than_asked_is_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    inpainter = make_inpainter()
    monkeypatch.setattr(GeneralInpainter, "native_side", 192)
    for word in ("height", "width"):  # without them the pipeline makes 128 x 128
        del inpainter._takes[word]
    request = ask((1,))
    (candidate,) = generate(inpainter, request)
    assert np.array_equal(candidate.pixels[~request.hole], request.image[~request.hole])
    assert not np.array_equal(candidate.pixels, request.image)


def test_the_size_is_one_that_the_pipeline_takes() -> None:
    sizes = {"flux-fill": 16, "sd3-inpaint": 16, "kandinsky": 64}
    assert {f: make_inpainter(f).granularity for f in sizes} == sizes  # type: ignore[arg-type]


def test_the_native_size_is_the_pipelines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sides = {"flux-fill": 1024, "sd3-inpaint": 128, "kandinsky": 512}
    assert {f: make_inpainter(f).native_side for f in sides} == sides  # type: ignore[arg-type]


def test_the_prompts_reach_the_pipeline() -> None:
    inpainter = make_inpainter()
    request = ask(seeds=(1,))
    pictures = {
        generate(inpainter, replace(request, settings=replace(SETTINGS, **words)))[
            0
        ].pixels.tobytes()
        for words in ({}, {"prompt": "a dog"}, {"negative_prompt": "sharp"}, {"guidance": 2.0})
    }
    assert len(pictures) == 4


def test_cancel_stops_within_one_step() -> None:
    inpainter, cancel = make_inpainter(), threading.Event()
    passes = count_passes(inpainter)

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and "Step 2" in event.stage:
            cancel.set()

    with pytest.raises(Cancelled):
        list(inpainter.generate(ask(steps=8), stop, cancel))
    assert len(passes) == 3
    assert len(generate(inpainter, ask())) == 2


def test_the_best_of_the_finished_are_kept() -> None:
    def darkness(_image: Any, hole: Any, fills: Any) -> list[float]:
        return [-float(fill[hole].mean()) for fill in fills]

    inpainter = make_inpainter(judge=darkness)
    request = ask((1, 2, 3))
    everything = {candidate.seed: candidate for candidate in generate(inpainter, request)}
    rewards = {
        seed: darkness(None, request.hole, [candidate.pixels])[0]
        for seed, candidate in everything.items()
    }
    kept = generate(inpainter, ask((1, 2, 3), keep=2))
    assert [candidate.seed for candidate in kept] == sorted(rewards, key=lambda s: -rewards[s])[:2]
    assert np.array_equal(kept[0].pixels, everything[kept[0].seed].pixels)


def test_to_keep_the_best_a_reward_is_needed() -> None:
    with pytest.raises(PrefPaintError, match="a reward is needed"):
        generate(make_inpainter(), ask((1, 2), keep=1))


def test_a_folder_is_loaded_as_the_pipeline_that_fills(tmp_path: Path) -> None:
    """A plain SD3 has an inpainting sibling; its third text encoder may be left out."""
    expected = generate(make_inpainter("sd3-inpaint"), ask((1,)))
    make_family("sd3").save_pretrained(tmp_path)
    inpainter = load_general(tmp_path, "tiny", CPU, torch.float32, [])
    (candidate,) = generate(inpainter, ask((1,)))
    assert np.array_equal(candidate.pixels, expected[0].pixels)


def test_a_lora_of_other_sizes_is_refused_by_its_name(tmp_path: Path) -> None:
    make_family("sd3").save_pretrained(tmp_path / "model")
    layer, lora = "transformer.transformer_blocks.0.attn.to_q", tmp_path / "other.safetensors"
    pair = {f"{layer}.lora_A.weight": (4, 48), f"{layer}.lora_B.weight": (48, 4)}
    save_file({name: torch.ones(shape) for name, shape in pair.items()}, lora)
    with pytest.raises(PrefPaintError, match=r"other\.safetensors does not fit the model"):
        load_inpainter(tmp_path / "model", "tiny", loras=[lora])


def test_a_class_that_diffusers_does_not_list_for_inpainting_is_loaded_too(tmp_path: Path) -> None:
    make_family("flux-fill").save_pretrained(tmp_path, variant="fp16")
    inpainter = load_general(tmp_path, "tiny", CPU, torch.float32, [])
    assert len(generate(inpainter, ask((1,)))) == 1


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("PixArtSigmaPipeline", "makes pictures from text alone and has no inpainting variant"),
        ("NoSuchPipeline", "the installed diffusers does not know"),
        (["program.py", "Own"], "asks to run a program"),
    ],
)
def test_what_cannot_fill_is_refused(tmp_path: Path, pipeline: Any, words: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    with pytest.raises(PrefPaintError, match=words):
        load_general(tmp_path, "tiny", CPU, torch.float32, [])


def test_a_pipeline_that_asks_for_more_than_a_photo_and_a_mask_is_not_taken() -> None:
    assert can_inpaint(diffusers.FluxFillPipeline)
    assert not can_inpaint(diffusers.FluxControlInpaintPipeline)
    assert not can_inpaint(diffusers.KandinskyV22InpaintPipeline)
    assert not can_inpaint(diffusers.FluxPipeline)


def test_short_memory_offloads_once_and_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    inpainter = make_inpainter()
    inpainter.device = torch.device("meta")  # any that is not the processor
    offloads: list[torch.device] = []

    def offload(device: torch.device) -> None:
        offloads.append(device)

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(inpainter._pipeline, "enable_model_cpu_offload", offload)
    monkeypatch.setattr(inpainter._pipeline.transformer, "forward", lambda *_, **__: full())
    with pytest.raises(PrefPaintError, match="does not fit into the memory"):
        generate(inpainter, ask((1,)))
    assert offloads == [inpainter.device]


def test_fp32_that_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    inpainter = make_inpainter()
    transformer = inpainter._pipeline.to(dtype=torch.bfloat16).transformer
    forward = transformer.forward

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(transformer, "forward", lambda *w, **n: (forward(*w, **n)[0] * np.nan,))
    monkeypatch.setattr(transformer, "to", full)
    with pytest.raises(PrefPaintError, match="does not fit into the memory"):
        generate(inpainter, ask((1,)))


def test_nan_in_half_precision_begins_anew_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    inpainter = make_inpainter()
    inpainter._pipeline.to(dtype=torch.bfloat16)
    transformer = inpainter._pipeline.transformer
    forward = transformer.forward

    def overflowing(*words: Any, **named: Any) -> Any:
        output = forward(*words, **named)[0]
        return (output * float("nan") if output.dtype == torch.bfloat16 else output,)

    monkeypatch.setattr(transformer, "forward", overflowing)
    events: list[Event] = []
    assert len(generate(inpainter, ask((1,)), events)) == 1
    assert any(isinstance(e, Progress) and "fp32" in e.stage for e in events)
    monkeypatch.setattr(transformer, "forward", lambda *w, **n: (forward(*w, **n)[0] * np.nan,))
    with pytest.raises(PrefPaintError, match="damaged"):
        generate(inpainter, ask((1,)))
