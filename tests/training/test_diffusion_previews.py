"""What is shown of a candidate while it is made: where it lies, and by what it is decoded."""

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny

from tests.training.photos import hole_at, make_photo
from tests.training.tiny_models import make_pipeline, save_pipeline
from training.inpainting.diffusion.inpainter import DiffusionInpainter
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.previews import load_tiny_decoder
from training.inpainting.diffusion.regions import cut
from training.inpainting.region import make_request
from training.inpainting.request import InpaintRequest, Preview
from training.inpainting.settings import DiffusionSettings


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a model loses more by waiting for a second thread than it gains."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def save_tiny_decoder(folder: Path) -> None:
    torch.manual_seed(0)
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).save_pretrained(folder / "vae_tiny")


def ask() -> InpaintRequest:
    photo, hole = make_photo(160, 160, seed=1), hole_at((160, 160), 60, 70, 30, 41)
    settings = DiffusionSettings(steps=4, sampler="ddim")
    return make_request(photo, hole, job_id=7, seeds=(1, 2), settings=settings, padding=40)


def previews_of(inpainter: DiffusionInpainter, request: InpaintRequest) -> list[Preview]:
    events: list[object] = []
    list(inpainter.generate(request, events.append, threading.Event()))
    return [event for event in events if isinstance(event, Preview)]


def test_a_tiny_decoder_beside_the_model_makes_the_previews_finer(tmp_path: Path) -> None:
    save_tiny_decoder(tmp_path)
    decoder = load_tiny_decoder(tmp_path)
    assert decoder is not None
    seen: list[torch.Size] = []
    decoder.decoder.register_forward_pre_hook(lambda _, words: seen.append(words[0].shape))
    request = ask()
    finer, plain = (
        previews_of(
            DiffusionInpainter(
                DiffusionModel(make_pipeline(), torch.device("cpu"), torch.float32, tiny), "tiny"
            ),
            request,
        )
        for tiny in (decoder, None)
    )
    assert len(finer) == len(plain) == 6
    known = ~request.hole
    for preview, other in zip(finer, plain, strict=True):
        assert np.array_equal(preview.pixels[known], request.image[known])
        assert not np.array_equal(preview.pixels, other.pixels)
    cells = (128 // 8) ** 2  # of the whole picture; only the hole and its rim are decoded
    assert all(shape[2] * shape[3] < 0.8 * cells for shape in seen)


def test_a_folder_that_holds_one_is_loaded_with_it(tmp_path: Path) -> None:
    save_pipeline(tmp_path)
    assert load_tiny_decoder(tmp_path) is None
    save_tiny_decoder(tmp_path)
    inpainter = load_inpainter(tmp_path, "tiny", device="cpu")
    assert isinstance(inpainter, DiffusionInpainter)
    assert inpainter._model.tiny_decoder is not None
    assert previews_of(inpainter, ask())


@pytest.mark.parametrize("native_side", [128, 256, 512])
@pytest.mark.parametrize("cell", [1, 8])
def test_a_preview_lies_where_the_photo_lies(native_side: int, cell: int) -> None:
    """A ramp in both directions, previewed by its own pixels or cells, is nearly itself."""
    down, right = np.mgrid[0:200, 0:230]
    photo = np.stack([down, right, (down + right) // 2], axis=2).astype(np.uint8)
    hole = hole_at((200, 230), 83, 61, 41, 77)
    request = make_request(photo, hole, job_id=1, seeds=(1,), padding=50)
    (box,) = request.parts
    region = cut(request, box, native_side, 8)
    focus = region.image[region.focus.slices]
    small = cv2.resize(
        focus,
        (focus.shape[1] // cell, focus.shape[0] // cell),
        interpolation=cv2.INTER_AREA,
    )
    shown = region.preview(request.image, np.asarray(small, np.uint8))
    assert np.array_equal(shown[~request.hole], request.image[~request.hole])
    inner = cv2.erode(request.hole.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    shift = (shown[inner].astype(float) - request.image[inner]).mean(axis=0)
    assert np.abs(shift).max() < 0.35
