"""The built-in inpainter, through its worker processes."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.training.photos import hole_at, make_photo
from training.errors import Cancelled, PrefPaintError
from training.inpainting.patchmatch import DRAFT_PIXELS, PatchMatchInpainter
from training.inpainting.process_pool import ProcessPool
from training.inpainting.region import make_request
from training.inpainting.request import Candidate, Event, InpaintRequest, Progress


@pytest.fixture(scope="module")
def inpainter() -> Iterator[PatchMatchInpainter]:
    inpainter = PatchMatchInpainter(workers=2)
    yield inpainter
    inpainter.close()


def generate(inpainter: PatchMatchInpainter, request: InpaintRequest) -> list[Candidate]:
    return list(inpainter.generate(request, lambda _: None, threading.Event()))


def test_one_final_per_seed_and_known_pixels_stay(inpainter: PatchMatchInpainter) -> None:
    photo = make_photo(160, 200, seed=1)
    mask = hole_at((160, 200), 60, 70, 40, 50)
    request = make_request(photo, mask, job_id=5, seeds=(3, 4, 5))
    finals = [c for c in generate(inpainter, request) if not c.is_draft]
    assert sorted(c.seed for c in finals) == [3, 4, 5]
    for candidate in finals:
        assert candidate.job_id == 5
        assert candidate.pixels.shape == request.image.shape
        np.testing.assert_array_equal(candidate.pixels[~request.hole], request.image[~request.hole])


def test_seeds_differ_visibly_and_repeat_exactly(inpainter: PatchMatchInpainter) -> None:
    photo = make_photo(160, 160, seed=2)
    mask = hole_at((160, 160), 50, 50, 60, 60)
    request = make_request(photo, mask, job_id=1, seeds=(0, 1, 2, 3))
    first = {c.seed: c.pixels for c in generate(inpainter, request)}
    again = {c.seed: c.pixels for c in generate(inpainter, replace(request, seeds=(3, 1)))}
    for seed, pixels in again.items():
        np.testing.assert_array_equal(pixels, first[seed])
    for a in range(4):
        for b in range(a):
            apart = np.abs(first[a].astype(int) - first[b].astype(int))[request.hole]
            assert apart.mean() > 2


def test_separate_holes_are_all_filled(inpainter: PatchMatchInpainter) -> None:
    photo = make_photo(300, 900, seed=3)
    mask = hole_at((300, 900), 20, 20, 30, 30) | hole_at((300, 900), 200, 800, 40, 40)
    marked = photo.copy()
    marked[mask] = (255, 0, 255)
    request = make_request(marked, mask, job_id=1, seeds=(0,))
    assert len(request.parts) == 2
    (candidate,) = [c for c in generate(inpainter, request) if not c.is_draft]
    left = (candidate.pixels == (255, 0, 255)).all(axis=-1)
    assert not left[request.hole].any()


def test_a_large_hole_shows_a_draft_first(inpainter: PatchMatchInpainter) -> None:
    photo = make_photo(360, 360, seed=4)
    mask = hole_at((360, 360), 90, 90, 160, 160)
    assert mask.sum() > DRAFT_PIXELS
    request = make_request(photo, mask, job_id=1, seeds=(1,))
    draft, final = generate(inpainter, request)
    assert draft.is_draft
    assert not final.is_draft
    np.testing.assert_array_equal(draft.pixels[~request.hole], request.image[~request.hole])


@pytest.mark.parametrize("shape", [(2, 3000), (1, 40), (5, 5), (40, 3)])
def test_tiny_and_thin_photos_are_filled(
    inpainter: PatchMatchInpainter, shape: tuple[int, int]
) -> None:
    photo = make_photo(*shape, seed=5)
    mask = hole_at(shape, 0, 1, 1, 1)
    request = make_request(photo, mask, job_id=1, seeds=(0,))
    candidate = generate(inpainter, request)[-1]
    assert candidate.pixels.shape == request.image.shape


def test_progress_rises_to_one(inpainter: PatchMatchInpainter) -> None:
    photo = make_photo(120, 120, seed=6)
    request = make_request(photo, hole_at((120, 120), 40, 40, 30, 30), job_id=1, seeds=(0, 1))
    events: list[Event] = []
    for _ in inpainter.generate(request, events.append, threading.Event()):
        pass
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_cancel_stops_the_processes_and_the_next_request_works(
    inpainter: PatchMatchInpainter,
) -> None:
    photo = make_photo(120, 120, seed=7)
    request = make_request(photo, hole_at((120, 120), 40, 40, 30, 30), job_id=1, seeds=(0,))
    cancel = threading.Event()
    many = replace(request, seeds=tuple(range(50)))
    candidates = inpainter.generate(many, lambda _: None, cancel)
    next(candidates)
    cancel.set()
    with pytest.raises(Cancelled):
        list(candidates)
    assert generate(inpainter, request)


def test_a_process_that_dies_is_an_error_and_is_replaced() -> None:
    pool = ProcessPool(1)
    try:
        with pytest.raises(PrefPaintError, match="ended unexpectedly"):
            list(pool.run(die, [()], threading.Event()))
        assert list(pool.run(count, [(3,)], threading.Event())) == [(0, 0), (0, 1), (0, 2)]
    finally:
        pool.close()


def test_a_sleeping_call_is_killed() -> None:
    pool = ProcessPool(1)
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    try:
        with pytest.raises(Cancelled):
            list(pool.run(sleep, [()], cancel))
    finally:
        pool.close()


def die() -> Iterator[None]:
    import os

    os._exit(1)
    yield None


def count(limit: int) -> Iterator[int]:
    yield from range(limit)


def sleep() -> Iterator[None]:
    time.sleep(600)
    yield None
