"""Diffusion models that come with the program: how they are listed, and that a tiny one fills."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForInpainting, StableDiffusionInpaintPipeline
from torch.nn import functional

from tests.training.checkpoints import make_pipeline
from tests.training.photos import hole_at, make_photo
from tests.training.tiny_builtin import PROVENANCE, save_builtin
from training.errors import Cancelled, PrefPaintError
from training.inpainting import builtin_models
from training.inpainting.builtin_models import read_card
from training.inpainting.diffusion.inpainter import DiffusionInpainter
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.diffusion.previews import linear_previewer
from training.inpainting.diffusion.regions import cut
from training.inpainting.diffusion.sampler import Start
from training.inpainting.diffusion.scaling import working_size
from training.inpainting.model_entry import OFFERED
from training.inpainting.model_store import ModelStore
from training.inpainting.region import make_request
from training.inpainting.request import Dropped, Event, InpaintRequest, Preview
from training.inpainting.settings import SAMPLERS, DiffusionSettings, SamplerName


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What resources/models holds once there is such a model."""
    return save_builtin(tmp_path_factory.mktemp("resources"))


@pytest.fixture
def store(tmp_path: Path, builtin: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", builtin)


def test_one_is_listed_after_patchmatch_with_what_its_card_says(store: ModelStore) -> None:
    patchmatch, nano, offered, *_ = store.entries()
    assert (patchmatch.name, offered.state) == ("patchmatch", "absent")
    assert (nano.name, nano.title, nano.licence) == ("nano", "Nano", "Apache-2.0")
    assert nano.provenance == PROVENANCE
    assert nano.is_builtin
    assert nano.channels == 9
    assert store.find("nano") == nano


def test_without_such_a_folder_the_list_is_as_before(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", tmp_path / "nothing")
    assert [entry.name for entry in store.entries() if entry.is_builtin] == ["patchmatch"]
    assert store.notice is None


def test_it_can_be_neither_removed_nor_downloaded(store: ModelStore, builtin: Path) -> None:
    with pytest.raises(PrefPaintError, match="built in and stays"):
        store.remove("nano")
    with pytest.raises(PrefPaintError, match="nothing to download"):
        store.plan("nano", threading.Event())
    assert (builtin / "nano" / "model_index.json").exists()


def test_a_person_s_own_model_of_its_name_keeps_the_name(tmp_path: Path, builtin: Path) -> None:
    before = ModelStore(tmp_path / "models", tmp_path / "nothing")
    before.add(make_pipeline(tmp_path / "nano"))
    store = ModelStore(tmp_path / "models", builtin)
    assert store.find("nano").location == tmp_path / "nano"
    assert store.find("nano-2").is_builtin
    assert store.add(make_pipeline(tmp_path / "other" / "nano")).name == "nano-3"


def test_a_damaged_one_is_told_and_hides_nothing_else(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "resources" / "nano")
    (folder / "unet" / "config.json").write_text("{")
    store = ModelStore(tmp_path / "models", tmp_path / "resources")
    assert len(store.entries()) == 1 + len(OFFERED)
    assert store.notice is not None
    assert "built-in model is damaged" in store.notice


@pytest.mark.parametrize(
    ("text", "licence"),
    [("", "unknown"), ("---\nlicense: [", "unknown"), ("---\nlicense: mit\n---\n", "mit")],
)
def test_a_poor_card_is_no_error(text: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text)
    card = read_card(tmp_path / "README.md")
    assert (card.title, card.licence, card.provenance) == ("", licence, "")


# --- filling with it ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inpainter(builtin: Path) -> DiffusionInpainter:
    torch.set_num_threads(1)
    loaded = load_inpainter(
        builtin / "nano",
        "nano",
        device="cpu",
        judge=lambda _image, hole, fills: [float(fill[hole].mean()) for fill in fills],
    )
    assert isinstance(loaded, DiffusionInpainter)
    assert loaded._model.native_side == 64
    return loaded


def ask(
    settings: DiffusionSettings, seeds: tuple[int, ...] = (1, 2), height: int = 50
) -> InpaintRequest:
    """For a wide hole in a photo of 300 x 420."""
    photo, hole = make_photo(300, 420, seed=1), hole_at((300, 420), 120, 90, height, 220)
    return make_request(photo, hole, job_id=7, seeds=seeds, settings=settings)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("prompt", ["", "a red door"])
def test_so_small_a_model_fills_and_shows_previews(
    inpainter: DiffusionInpainter, sampler: SamplerName, prompt: str
) -> None:
    request = ask(DiffusionSettings(prompt, steps=4, sampler=sampler))
    events: list[Event] = []
    made = list(inpainter.generate(request, events.append, threading.Event()))
    assert sorted(candidate.seed for candidate in made) == [1, 2]
    previews = [event for event in events if isinstance(event, Preview)]
    assert len(previews) == 6
    known = ~request.hole
    for shown in (*made, *previews):
        assert np.array_equal(shown.pixels[known], request.image[known])
        assert not np.array_equal(shown.pixels, request.image)


def test_the_weak_are_dropped_and_a_cancel_ends_it(inpainter: DiffusionInpainter) -> None:
    settings = DiffusionSettings(steps=4, keep=1)
    events: list[Event] = []
    request = ask(settings, (1, 2, 3))
    (kept,) = inpainter.generate(request, events.append, threading.Event())
    dropped = {event.seed for event in events if isinstance(event, Dropped)}
    assert dropped | {kept.seed} == {1, 2, 3}
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        list(inpainter.generate(ask(replace(settings, keep=None)), events.append, cancel))


@pytest.mark.parametrize("height", [20, 60, 90, 120, 150])
def test_a_crop_of_any_shape_is_filled(inpainter: DiffusionInpainter, height: int) -> None:
    request = ask(DiffusionSettings(steps=1), (1,), height)
    (made,) = inpainter.generate(request, lambda _: None, threading.Event())
    assert made.pixels.shape == request.image.shape


def test_a_wide_crop_keeps_its_shape() -> None:
    assert working_size(300, 300, 64) == (64, 64)
    assert working_size(150, 600, 64) == (32, 128)
    assert working_size(196, 300, 64, 16) == (48, 80)
    assert working_size(150, 600, 512) == (256, 1024)


@pytest.mark.parametrize("cell", [4, 8])
def test_previews_show_the_cells_of_the_hole(cell: int) -> None:
    """Latents that are the cells' own colours are shown as those colours, in their places."""
    request = ask(DiffusionSettings())
    region = cut(request, request.parts[0], 128, 8)
    image = torch.from_numpy(region.image).permute(2, 0, 1)[None].float()
    latents = functional.avg_pool2d(image, cell) / 255
    start = Start(latents, torch.zeros(1), known_latents=latents)
    (shown,) = linear_previewer(start, region)(latents)
    focus = region.image[region.focus.slices].astype(np.float64)
    height, width = focus.shape[0] // cell, focus.shape[1] // cell
    cells = focus.reshape(height, cell, width, cell, 3).mean(axis=(1, 3))
    assert shown.shape == cells.shape
    assert np.abs(shown - cells).mean() < 4


# --- the one that ships ---------------------------------------------------------------------------


def test_the_one_that_ships_opens_in_diffusers_and_is_small() -> None:
    (entry,) = [entry for entry in ModelStore(Path("nowhere")).entries() if entry.name == "nano"]
    assert entry.location is not None
    pipeline = AutoPipelineForInpainting.from_pretrained(entry.location)
    assert isinstance(pipeline, StableDiffusionInpaintPipeline)
    assert pipeline.unet.config.in_channels == 9
    assert entry.size_bytes <= 40_000_000
    assert "636 photographs" in entry.provenance


def test_the_one_that_ships_fills_a_plain_surface_with_its_colour() -> None:
    green = np.full((96, 96, 3), (70, 140, 60), np.uint8)
    hole = hole_at((96, 96), 36, 36, 24, 24)
    settings = DiffusionSettings(steps=10, sampler="ddim", eta=1.0, match_colour=False)
    request = make_request(green, hole, job_id=1, seeds=(1, 2), settings=settings)
    inpainter = load_inpainter(builtin_models.FOLDER / "nano", "nano", device="cpu")
    for made in inpainter.generate(request, lambda _event: None, threading.Event()):
        filled = made.pixels[..., :3][request.hole].astype(int)
        assert np.abs(filled.mean(axis=0) - green[0, 0]).max() < 40
