"""A diffusion model in a process of its own: streaming, cancelling, giving memory back."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from tests.training.photos import hole_at, make_photo
from tests.training.tiny_models import save_pipeline
from training.errors import Cancelled, PrefPaintError
from training.inpainting.region import make_request
from training.inpainting.request import Event, InpaintRequest, Preview, Progress
from training.inpainting.settings import DiffusionSettings
from training.process_inpainter import ModelSource, ProcessInpainter


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tmp_path_factory.mktemp("model")
    reward = save_tiny_reward(folder / "reward.safetensors")
    return ModelSource("tiny", save_pipeline(folder / "tiny"), reward, device="cpu")


@pytest.fixture
def inpainter(source: ModelSource) -> Iterator[ProcessInpainter]:
    made = ProcessInpainter(source)
    yield made
    made.close()


def ask(steps: int = 4, **changes: object) -> InpaintRequest:
    photo = make_photo(120, 140, seed=1)
    mask = hole_at((120, 140), 40, 50, 30, 30)
    settings = DiffusionSettings(steps=steps, sampler="ddim", **changes)  # type: ignore[arg-type]
    return make_request(photo, mask, job_id=3, seeds=(1, 2, 3), settings=settings)


def test_candidates_previews_and_progress_come_from_the_other_process(
    inpainter: ProcessInpainter,
) -> None:
    request, events = ask(steps=16), []
    candidates = list(inpainter.generate(request, events.append, threading.Event()))
    assert [candidate.seed for candidate in candidates] == [1, 2, 3]
    known = ~request.hole
    for candidate in candidates:
        np.testing.assert_array_equal(candidate.pixels[known], request.image[known])
    assert {event.seed for event in events if isinstance(event, Preview)} == {1, 2, 3}
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages[0] == "Loading tiny"
    assert stages[-1] == "Step 16 of 16 · CPU"


def test_the_reward_prunes_in_the_other_process(inpainter: ProcessInpainter) -> None:
    kept = list(inpainter.generate(ask(keep=1), lambda _: None, threading.Event()))
    assert len(kept) == 1


def test_cancel_ends_the_run_and_the_model_stays_loaded(inpainter: ProcessInpainter) -> None:
    list(inpainter.generate(ask(), lambda _: None, threading.Event()))
    process = inpainter._pool._workers[0].process
    cancel = threading.Event()

    def cancel_at_a_step(event: Event) -> None:
        if isinstance(event, Progress) and event.stage.startswith("Step 5"):
            cancel.set()

    with pytest.raises(Cancelled):
        list(inpainter.generate(ask(steps=900), cancel_at_a_step, cancel))
    assert inpainter._pool._workers[0].process is process
    assert len(list(inpainter.generate(ask(), lambda _: None, threading.Event()))) == 3


def test_cancel_while_loading_ends_the_process(inpainter: ProcessInpainter) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        list(inpainter.generate(ask(), lambda _: cancel.set(), cancel))
    assert len(list(inpainter.generate(ask(), lambda _: None, threading.Event()))) == 3


def test_an_idle_model_gives_its_memory_back(source: ModelSource) -> None:
    inpainter = ProcessInpainter(source, idle_seconds=0.05)
    first = list(inpainter.generate(ask(), lambda _: None, threading.Event()))
    process = inpainter._pool._workers[0].process
    assert inpainter._idle is not None
    inpainter._idle.join()
    assert not process.is_alive()
    again = list(inpainter.generate(ask(), lambda _: None, threading.Event()))
    np.testing.assert_array_equal(first[0].pixels, again[0].pixels)
    inpainter.close()


def test_a_folder_that_is_no_model_is_said(source: ModelSource, tmp_path: Path) -> None:
    inpainter = ProcessInpainter(replace(source, path=tmp_path))
    with pytest.raises(PrefPaintError, match=str(tmp_path)):
        list(inpainter.generate(ask(), lambda _: None, threading.Event()))
    inpainter.close()
