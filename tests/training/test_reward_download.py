"""PrefPaint's reward from the hub and its V^-1 from beside its authors' code, made one file."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.fake_hub import REVISION, FakeHub, serve_hub
from training.errors import Cancelled, PrefPaintError
from training.inpainting.hub_plan import REWARD_PICKLE, V_INVERSE, DownloadPlan
from training.inpainting.model_entry import REWARD_FILE, REWARD_HUB_ID
from training.inpainting.model_store import ModelStore
from training.inpainting.request import Event

NEVER = threading.Event()
NAME = "prefpaint-reward"
MATRIX = b"a matrix" * 1000


class Converter:
    """Puts both files into one, and notes how often."""

    def __init__(self) -> None:
        self.count = 0
        self.cancelled = False

    def __call__(
        self, folder: Path, _tell: Callable[[Event], None], _cancel: threading.Event
    ) -> None:
        self.count += 1
        if self.cancelled:
            raise Cancelled
        parts = [folder / REWARD_PICKLE, folder / V_INVERSE.name]
        (folder / REWARD_FILE).write_bytes(b"".join(part.read_bytes() for part in parts))
        for part in parts:
            part.unlink()


@pytest.fixture
def converter() -> Converter:
    return Converter()


@pytest.fixture
def store(tmp_path: Path, converter: Converter) -> ModelStore:
    return ModelStore(tmp_path / "models", tmp_path / "no built-in models", converter)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serve_hub(monkeypatch, tmp_path / "hf-home") as hub:
        monkeypatch.setenv("HF_TOKEN", "hf_the_persons_own")
        hub.files[REWARD_HUB_ID] = {
            REWARD_PICKLE: b"weights",
            "README.md": b"A reward.",
            "text_tower.bin": b"unwanted",
        }
        hub.files["beside/code"] = {V_INVERSE.name: MATRIX}
        yield hub


def plan_of(store: ModelStore, hub: FakeHub) -> DownloadPlan:
    """The store's own plan, its V^-1 on this machine."""
    plan = store.plan(NAME, NEVER)
    assert plan.other_addresses == [V_INVERSE.url]
    assert plan.is_pickled
    here = replace(
        V_INVERSE,
        url=f"{hub.url}/beside/code/resolve/{REVISION}/{V_INVERSE.name}",
        size=len(MATRIX),
        digest=hashlib.sha256(MATRIX).hexdigest(),
    )
    return replace(plan, files=tuple(here if file == V_INVERSE else file for file in plan.files))


def ignore(_: Event) -> None:
    """For downloads whose progress is not looked at."""


def test_the_published_v_inverse_is_the_one_that_is_asked_for() -> None:
    file = Path("../shared/official") / V_INVERSE.name
    if not file.exists():
        pytest.skip("The published V^-1 is not here.")
    content = file.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (V_INVERSE.size, V_INVERSE.digest)


def test_the_reward_comes_from_two_places_and_becomes_one_file(
    store: ModelStore, hub: FakeHub
) -> None:
    entry = store.download(NAME, ignore, NEVER, plan=plan_of(store, hub))
    assert (entry.family, entry.state) == ("reward", "ready")
    assert entry.location == store.folder / NAME / REWARD_FILE
    assert entry.location.read_bytes() == b"weights" + MATRIX
    assert store.find(NAME) == entry
    logins = {request.path: request.login for request in hub.requests}
    assert logins == {
        "README.md": "Bearer hf_the_persons_own",
        REWARD_PICKLE: "Bearer hf_the_persons_own",
        V_INVERSE.name: None,
    }
    store.remove(NAME)
    assert not entry.location.exists()
    assert store.listed(NAME).state == "absent"  # type: ignore[union-attr]


def test_a_cancelled_conversion_is_begun_again_and_nothing_fetched(
    store: ModelStore, hub: FakeHub, converter: Converter
) -> None:
    plan, converter.cancelled = plan_of(store, hub), True
    with pytest.raises(Cancelled):
        store.download(NAME, ignore, NEVER, plan=plan)
    assert store.listed(NAME).state == "unfinished"  # type: ignore[union-attr]
    hub.requests.clear()
    converter.cancelled = False
    assert store.download(NAME, ignore, NEVER, plan=plan).state == "ready"
    assert hub.requests == []
    assert converter.count == 2


def test_another_matrix_in_the_place_of_the_published_one_is_refused(
    store: ModelStore, hub: FakeHub, converter: Converter
) -> None:
    plan = plan_of(store, hub)
    hub.files["beside/code"][V_INVERSE.name] = MATRIX[::-1]
    with pytest.raises(PrefPaintError, match="arrived damaged"):
        store.download(NAME, ignore, NEVER, plan=plan)
    assert converter.count == 0


def test_a_repository_without_the_reward_is_refused(store: ModelStore, hub: FakeHub) -> None:
    del hub.files[REWARD_HUB_ID][REWARD_PICKLE]
    with pytest.raises(PrefPaintError, match=f"holds no {REWARD_PICKLE}"):
        store.plan(NAME, NEVER)
