"""Diffusion behind the Inpainter protocol: regions, memory, precision, funnel, previews, cancel."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.photos import hole_at, make_photo
from tests.training.tiny_models import make_pipeline
from training.errors import Cancelled, PrefPaintError
from training.inpainting.diffusion.inpainter import DiffusionInpainter
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.scaling import match_colour, resize, resize_hole, working_size
from training.inpainting.region import make_request
from training.inpainting.request import Candidate, Dropped, Event, InpaintRequest, Preview, Progress
from training.inpainting.settings import DiffusionSettings

SETTINGS = DiffusionSettings(steps=6, sampler="ddim")


@pytest.fixture
def model() -> DiffusionModel:
    return DiffusionModel(make_pipeline(), torch.device("cpu"), torch.float32)


def make_inpainter(model: DiffusionModel, batch_size: int = 8, **options: Any) -> Any:
    inpainter = DiffusionInpainter(model, "tiny", **options)
    inpainter._batch_size = batch_size
    return inpainter


def ask(
    seeds: tuple[int, ...] = (1, 2, 3),
    settings: DiffusionSettings = SETTINGS,
    holes: Sequence[tuple[int, int, int, int]] = ((60, 70, 30, 40),),
) -> InpaintRequest:
    photo = make_photo(160, 400, seed=1)
    mask = np.any([hole_at((160, 400), *hole) for hole in holes], axis=0)
    request = make_request(photo, mask, job_id=7, seeds=seeds, padding=20)
    return replace(request, settings=settings)


def generate(
    inpainter: Any, request: InpaintRequest, events: list[Event] | None = None
) -> list[Candidate]:
    heard: list[Event] = [] if events is None else events
    return list(inpainter.generate(request, heard.append, threading.Event()))


def limit_memory(model: DiffusionModel, monkeypatch: pytest.MonkeyPatch, rows: int) -> list[int]:
    """Let the UNet run out of memory on more rows; gives the sizes of the batches that came."""
    sizes: list[int] = []
    forward = model.unet.forward

    def limited(inputs: torch.Tensor, *words: Any, **named: Any) -> Any:
        sizes.append(len(inputs))
        if len(inputs) > rows:
            raise torch.OutOfMemoryError("out of memory")
        return forward(inputs, *words, **named)

    monkeypatch.setattr(model.unet, "forward", limited)
    return sizes


def test_every_seed_gets_a_fill_and_the_rest_stays_bit_for_bit(model: DiffusionModel) -> None:
    request = ask()
    candidates = generate(make_inpainter(model), request)
    assert [candidate.seed for candidate in candidates] == [1, 2, 3]
    known = ~request.hole
    for candidate in candidates:
        assert candidate.model == "tiny"
        assert candidate.job_id == 7
        assert np.array_equal(candidate.pixels[known], request.image[known])
        assert not np.array_equal(candidate.pixels, request.image)
    assert len({candidate.pixels.tobytes() for candidate in candidates}) == 3


@pytest.mark.parametrize("keep", [None, 2])
def test_a_batchs_time_is_shared_among_its_candidates(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch, keep: int | None
) -> None:
    """By a clock on which the UNet takes a second for each of its rows."""
    rows = 0

    def pass_time(_: Any, words: Any) -> None:
        nonlocal rows
        rows += len(words[0])

    model.unet.register_forward_pre_hook(pass_time)
    clock = SimpleNamespace(perf_counter=lambda: float(rows))
    monkeypatch.setattr("training.inpainting.diffusion.inpainter.time", clock)
    request = ask((1, 2, 3, 4), replace(SETTINGS, keep=keep))
    inpainter = make_inpainter(model, 3, judge=lambda _, __, fills: [0.0] * len(fills))
    for candidate in generate(inpainter, request):
        assert candidate.seconds == pytest.approx(SETTINGS.steps)


def test_separate_holes_are_filled_each_from_its_own_surroundings(model: DiffusionModel) -> None:
    request = ask(holes=((60, 30, 20, 20), (60, 340, 25, 25)))
    assert len(request.parts) == 2
    (candidate,) = generate(make_inpainter(model), replace(request, seeds=(1,)))
    for part in request.parts:
        before, after = request.image[part.slices], candidate.pixels[part.slices]
        assert not np.array_equal(
            before[request.hole[part.slices]], after[request.hole[part.slices]]
        )


def test_short_memory_halves_the_batch_and_changes_no_picture(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(seeds=(1, 2, 3, 4))
    plenty = generate(make_inpainter(model), request)
    sizes = limit_memory(model, monkeypatch, rows=1)
    scarce = generate(make_inpainter(model), request)
    assert sizes[:3] == [4, 2, 1]
    for one, other in zip(plenty, scarce, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


def test_when_nothing_fits_the_model_is_offloaded_and_then_the_sentence_comes(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = limit_memory(model, monkeypatch, rows=0)
    with pytest.raises(PrefPaintError, match="does not fit into the memory"):
        generate(make_inpainter(model), ask(seeds=(1, 2)))
    assert sizes == [2, 1, 1]


def test_an_offloaded_model_gives_the_same_pictures(model: DiffusionModel) -> None:
    request = ask(seeds=(1,))
    before = generate(make_inpainter(model), request)
    assert model.offload()
    assert not model.offload()
    after = generate(make_inpainter(model), request)
    assert np.abs(before[0].pixels.astype(int) - after[0].pixels).max() <= 1


def test_nan_in_half_precision_begins_anew_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    model = DiffusionModel(make_pipeline(), torch.device("cpu"), torch.bfloat16)
    forward = model.unet.forward

    def overflowing(*words: Any, **named: Any) -> Any:
        output = forward(*words, **named)[0]
        return (output * float("nan") if output.dtype == torch.bfloat16 else output,)

    monkeypatch.setattr(model.unet, "forward", overflowing)
    events: list[Event] = []
    candidates = generate(make_inpainter(model), ask(seeds=(1, 2)), events)
    assert [candidate.seed for candidate in candidates] == [1, 2]
    assert model.dtype == torch.float32
    assert any(isinstance(e, Progress) and "fp32" in e.stage for e in events)


@pytest.mark.parametrize("failures", [1, 2])
def test_fp32_that_does_not_fit_is_tried_offloaded_and_then_the_sentence_comes(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    model = DiffusionModel(make_pipeline(), torch.device("cpu"), torch.bfloat16)
    forward, to, tries = model.unet.forward, model.unet.to, []

    def overflowing(*words: Any, **named: Any) -> Any:
        output = forward(*words, **named)[0]
        return (output * float("nan") if output.dtype == torch.bfloat16 else output,)

    def limited(*words: Any, **named: Any) -> Any:
        if torch.float32 in words:
            tries.append(1)
            if len(tries) <= failures:
                raise torch.OutOfMemoryError("out of memory")
        return to(*words, **named)

    monkeypatch.setattr(model.unet, "forward", overflowing)
    monkeypatch.setattr(model.unet, "to", limited)
    if failures == 1:
        assert len(generate(make_inpainter(model), ask(seeds=(1,)))) == 1
        assert model.dtype == torch.float32
    else:
        with pytest.raises(PrefPaintError, match="does not fit into the memory"):
            generate(make_inpainter(model), ask(seeds=(1,)))
    assert not model.offload(), "it is offloaded already"


def test_nan_in_fp32_is_said(model: DiffusionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = model.unet.forward
    monkeypatch.setattr(
        model.unet, "forward", lambda *w, **n: (forward(*w, **n)[0] * float("nan"),)
    )
    with pytest.raises(PrefPaintError, match="damaged"):
        generate(make_inpainter(model), ask(seeds=(1,)))


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_the_funnel_keeps_what_the_reward_likes(model: DiffusionModel, batch_size: int) -> None:
    def darkness(_image: Any, hole: Any, fills: Any) -> list[float]:
        return [-float(fill[hole].mean()) for fill in fills]

    seeds = tuple(range(8))
    everything = generate(make_inpainter(model), ask(seeds))
    request = ask(seeds, replace(SETTINGS, keep=3))
    passes: list[int] = []
    handle = model.unet.register_forward_pre_hook(lambda _, words: passes.append(len(words[0])))
    inpainter = make_inpainter(model, batch_size, judge=darkness)
    events: list[Event] = []
    kept = generate(inpainter, request, events)
    handle.remove()
    assert len(kept) == 3
    given_up = [event.seed for event in events if isinstance(event, Dropped)]
    assert sorted([*given_up, *(candidate.seed for candidate in kept)]) == list(seeds)
    assert sum(passes) < 0.7 * 8 * SETTINGS.steps
    whole = {candidate.seed: candidate.pixels.astype(int) for candidate in everything}
    for candidate in kept:
        assert np.abs(candidate.pixels - whole[candidate.seed]).max() <= 1
    mean = np.mean([darkness(None, request.hole, [c.pixels])[0] for c in everything])
    assert np.mean([darkness(None, request.hole, [c.pixels])[0] for c in kept]) > mean
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1, abs=0.05)


def test_the_funnel_judges_what_a_person_would_see(model: DiffusionModel) -> None:
    seen: list[Any] = []

    def outside(image: Any, hole: Any, fills: Any) -> list[float]:
        assert all(np.array_equal(fill[~hole], image[~hole]) for fill in fills)
        seen.append(np.array([fill[hole] for fill in fills]))
        return [0.0] * len(fills)

    for match in (True, False):
        settings = replace(SETTINGS, keep=1, match_colour=match)
        generate(make_inpainter(model, judge=outside), ask((1, 2), settings))
    assert not np.array_equal(seen[0], seen[2])


def test_a_funnel_that_runs_out_of_memory_goes_on_in_halves(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reddest(_image: Any, hole: Any, fills: Any) -> list[float]:
        return [float(fill[hole][:, 0].mean()) for fill in fills]

    request = ask(tuple(range(6)), replace(SETTINGS, keep=2))
    expected = generate(make_inpainter(model, judge=reddest), request)
    limit_memory(model, monkeypatch, rows=2)
    found = generate(make_inpainter(model, judge=reddest), request)
    assert {c.seed for c in found} == {c.seed for c in expected}


def test_previews_come_every_few_steps_in_the_hole_alone(model: DiffusionModel) -> None:
    request = ask(seeds=(1, 2), settings=replace(SETTINGS, steps=16))
    events: list[Event] = []
    generate(make_inpainter(model), request, events)
    previews = [event for event in events if isinstance(event, Preview)]
    assert {preview.seed for preview in previews} == {1, 2}
    assert 6 <= len(previews) / 2 <= 10
    known = ~request.hole
    for preview in previews:
        assert preview.job_id == 7
        assert np.array_equal(preview.pixels[known], request.image[known])
        assert not np.array_equal(preview.pixels, request.image)


def test_cancel_stops_within_one_step(model: DiffusionModel) -> None:
    cancel = threading.Event()
    passes: list[int] = []

    def count(*_: Any) -> None:
        passes.append(1)
        if len(passes) == 3:
            cancel.set()

    handle = model.unet.register_forward_pre_hook(count)
    with pytest.raises(Cancelled):
        list(make_inpainter(model).generate(ask(), lambda _: None, cancel))
    handle.remove()
    assert len(passes) == 3
    assert len(generate(make_inpainter(model), ask())) == 3


def test_resizing_there_and_back_shifts_nothing() -> None:
    """A ramp's centre of gravity moves with every half pixel."""
    ramp = np.linspace(0, 255, 101)[None, :, None].repeat(83, 0).repeat(3, 2)
    image = np.rint(ramp).astype(np.uint8)
    for native in (64, 128, 256):
        size = working_size(83, 101, native)
        assert all(side % 8 == 0 for side in size)
        back = resize(resize(image, *size), 83, 101)
        inner = (slice(8, -8), slice(8, -8))
        assert abs(float((back[inner].astype(float) - image[inner]).mean())) < 0.3


def test_a_hole_thinner_than_a_latent_cell_is_still_masked() -> None:
    hole = np.zeros((512, 512), bool)
    hole[100:400, 201] = True
    for size in ((512, 512), (128, 128), (768, 768)):
        scaled = resize_hole(hole, *size)
        assert scaled.shape == size
        centre = round(201 / 512 * size[1])
        assert scaled[size[0] // 2, centre]
        assert scaled.mean() < 0.1


def test_colours_are_matched_by_the_known_pixels_alone() -> None:
    image = make_photo(64, 64, seed=3)
    hole = hole_at((64, 64), 20, 20, 20, 20)
    shifted = np.clip(image.astype(int) * 0.95 + 6, 0, 255).astype(np.uint8)
    shifted[hole] = 128
    matched = match_colour(shifted, image, hole)
    assert np.abs(matched[~hole].astype(int) - image[~hole]).mean() < 1.5
    other = shifted.copy()
    other[hole] = 0
    assert np.array_equal(match_colour(other, image, hole)[~hole], matched[~hole])


def test_a_funnel_of_few_steps_gives_each_seed_its_own_picture(model: DiffusionModel) -> None:
    def brightest(_image: Any, hole: Any, fills: Any) -> list[float]:
        return [float(fill[hole].mean()) for fill in fills]

    few = replace(SETTINGS, steps=2)
    alone = {c.seed: c.pixels for c in generate(make_inpainter(model), ask(tuple(range(6)), few))}
    kept = generate(
        make_inpainter(model, judge=brightest), ask(tuple(range(6)), replace(few, keep=2))
    )
    assert len(kept) == 2
    for candidate in kept:
        assert np.abs(candidate.pixels.astype(int) - alone[candidate.seed]).max() <= 1


@pytest.mark.parametrize("name", ["encode", "decode"])
def test_encoding_and_decoding_go_on_offloaded_when_memory_is_short(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expected = generate(make_inpainter(model), ask(seeds=(1,)))
    whole, calls = getattr(model.vae, name), []

    def limited(*words: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("out of memory")
        return whole(*words, **named)

    monkeypatch.setattr(model.vae, name, limited)
    found = generate(make_inpainter(model), ask(seeds=(1,)))
    assert np.abs(found[0].pixels.astype(int) - expected[0].pixels).max() <= 1


@pytest.mark.parametrize("shape", [(8, 3000), (1, 3000), (3000, 8), (60, 5000)])
def test_extreme_shapes_keep_to_the_models_area_and_lose_no_hole(shape: tuple[int, int]) -> None:
    size = working_size(*shape, 512)
    assert size[0] * size[1] <= 1.1 * 512 * 512
    for place in range(3, max(shape) - 1, 97):
        hole = np.zeros(shape, bool)
        hole[(slice(None), place) if shape[1] > shape[0] else (place, slice(None))] = True
        assert resize_hole(hole, *size).any()
