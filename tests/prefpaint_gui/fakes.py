"""A scripted inpainter, scorer and preference store."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from prefpaint_gui.backends import Backends
from tests.prefpaint_gui.fake_models import FakeModels
from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import (
    Candidate,
    Dropped,
    Event,
    InpaintRequest,
    Mask,
    Pixels,
    Preview,
    Progress,
)
from training.preferences.records import (
    Filter,
    JudgedStrip,
    Opinion,
    Presentation,
    Signal,
    StoredOpinion,
    StoredPresentation,
)
from training.reward.score import Score


def red_of(seed: int) -> int:
    """The red that the fake inpainter fills with; more red is a higher reward."""
    return 50 + 37 * seed % 200


def preview_red_of(seed: int) -> int:
    """The red of the preview, which no fill has."""
    return red_of(seed) // 2


class FakeInpainter:
    """Fills with one colour a seed. While `gate` is not set, it waits before each candidate.

    With `previews`, it sends one of each seed before that. It keeps the last of the seeds, where
    fewer are to be kept.
    """

    name = "fake"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.drafts = False
        self.previews = False
        self.requests: list[InpaintRequest] = []
        self.error: str | None = None
        self.cancelled = threading.Event()
        self.is_closed = False

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Iterator[Candidate]:
        self.requests.append(request)
        if self.error:
            raise PrefPaintError(self.error)
        if self.drafts:
            for seed in request.seeds:
                yield self._candidate(request, seed, is_draft=True)
        if self.previews:
            for seed in request.seeds:
                pixels = np.full_like(request.image, (preview_red_of(seed), 0, 0))
                on_event(Preview(request.job_id, seed, pixels))
        kept = request.seeds[-(request.settings.keep or 0) :]
        for seed in set(request.seeds) - set(kept):
            on_event(Dropped(request.job_id, seed))
        for done, seed in enumerate(kept):
            while not self.gate.wait(0.002):
                if cancel.is_set():
                    self.cancelled.set()
                    raise Cancelled
            on_event(Progress((done + 1) / len(kept), "Filling on CPU"))
            yield self._candidate(request, seed, is_draft=False)

    def _candidate(self, request: InpaintRequest, seed: int, *, is_draft: bool) -> Candidate:
        pixels = request.image.copy()
        pixels[request.hole] = (red_of(seed), 0 if is_draft else 9, 200)
        return Candidate(request.job_id, seed, pixels, self.name, 0.1, is_draft)

    def close(self) -> None:
        self.is_closed = True


class FakeScorer:
    """The reward is the redness of the fill."""

    name = "redness"

    def __init__(self) -> None:
        self.is_closed = False
        self.bound = 0.0
        self.features: Callable[[float], list[float]] = lambda _: []
        """The first features of a fill with this red; the others are 0."""

    def score(
        self, image: Pixels, hole: Mask, fills: Sequence[Pixels], cancel: threading.Event
    ) -> list[Score]:
        del image, cancel
        reds = [float(fill[hole][0, 0]) for fill in fills]
        return [Score(red / 100, self.bound, red / 255, self._all_features(red)) for red in reds]

    def _all_features(self, red: float) -> npt.NDArray[np.float32]:
        features = np.zeros(256, np.float32)
        first = self.features(red)
        features[: len(first)] = first
        return features

    def close(self) -> None:
        self.is_closed = True


class FakeStore:
    """Keeps records in a dictionary."""

    def __init__(self) -> None:
        self.notice: str | None = None
        self.kept: dict[int, tuple[Presentation, Opinion]] = {}
        self.numbers = iter(range(1, 10_000))
        self.error: str | None = None
        self.is_closed = False
        self.version = 1
        self.gate = threading.Event()
        self.gate.set()
        """While it is not set, nothing is written."""

    def record(self, presentation: Presentation, opinion: Opinion) -> int:
        self.gate.wait(10)
        if self.error:
            raise PrefPaintError(self.error)
        number = next(self.numbers)
        self.kept[number] = (presentation, opinion)
        return number

    def withdraw(self, record_id: int) -> None:
        del self.kept[record_id]

    def judged_strips(
        self, person: str, reward_model: str, since: str | None = None
    ) -> list[JudgedStrip]:
        """Of all that is kept now, whenever it was said, unless only later answers count."""
        return [
            JudgedStrip(
                str(number),
                tuple(shown.seed for shown in presentation.candidates),
                np.array([shown.reward for shown in presentation.candidates]),
                np.stack([shown.features for shown in presentation.candidates]),
                (opinion,),
            )
            for number, (presentation, opinion) in self.kept.items()
            if (opinion.person, presentation.reward_model, since) == (person, reward_model, None)
        ]

    def presentation_ids(self, which: Filter) -> list[int]:
        return [key for key, (_, said) in self.kept.items() if said.person in which.persons]

    def read(self, presentation_id: int, _which: Filter) -> StoredPresentation:
        presentation, opinion = self.kept[presentation_id]
        stored = StoredOpinion(presentation_id, opinion, "2026-01-01T00:00:00.000+00:00")
        return StoredPresentation(str(presentation_id), presentation, (stored,))

    def persons(self) -> list[str]:
        return sorted({opinion.person for _, opinion in self.kept.values()})

    def data_version(self) -> int:
        return self.version

    def close(self) -> None:
        self.is_closed = True

    def collection_opinions(
        self, _collection: str, _person: str | None = None
    ) -> dict[str, tuple[StoredOpinion, ...]]:
        return {}

    @property
    def answers(self) -> list[tuple[int | None, Signal]]:
        return [(opinion.seed, opinion.signal) for _, opinion in self.kept.values()]


def fake_backends(**given: Any) -> Backends:
    """What a window needs to be built, with nothing real behind it but what is given."""

    def nothing() -> Any:
        raise PrefPaintError("There is nothing of this kind in this test.")

    backends = Backends(
        inpainter=lambda *_: FakeInpainter(),
        scorer=lambda _: FakeScorer(),
        store=FakeStore,
        models=list,
        library=FakeModels,
        training=nothing,
    )
    return replace(backends, **given)
