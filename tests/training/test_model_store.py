"""The model store: what it lists and finds, and what it fetches from a hub on this machine."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import save_file

from tests.training.checkpoints import ldm_shapes, lora_shapes, make_pipeline, save_tensors
from tests.training.fake_hub import FakeHub, serve_hub
from training.errors import Cancelled, PrefPaintError
from training.inpainting.checkpoint_files import identify
from training.inpainting.hub_download import LOCK
from training.inpainting.model_registry import FILE_NAME
from training.inpainting.model_store import ModelStore
from training.inpainting.request import Event, Progress

OFFERED = [
    "patchmatch",
    "prefpaint-v1.0",
    "prefpaint-reward",
    "sd-1.5-inpainting",
    "sdxl-inpainting",
]
HUB_ID = "someone/brick-walls"
UNET = "unet/diffusion_pytorch_model.safetensors"
NEVER = threading.Event()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models", tmp_path / "no built-in models")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serve_hub(monkeypatch, tmp_path / "hf-home") as hub:
        yield hub


@pytest.fixture
def published(hub: FakeHub, tmp_path: Path) -> Path:
    """A model on the hub whose UNet has 4 MB; returns the folder that it was published from."""
    folder = make_pipeline(tmp_path / "original")
    weights = np.random.default_rng(0).integers(0, 255, 4_000_000, np.uint8)
    save_file({"weight": weights}, folder / UNET)
    (folder / "README.md").write_text("A model of brick walls.")
    hub.publish(HUB_ID, folder)
    return folder


def names(store: ModelStore) -> list[str]:
    return [entry.name for entry in store.entries()]


def ignore(_: Event) -> None:
    """For downloads whose progress is not looked at."""


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK
    }


def break_off(store: ModelStore, hub: FakeHub) -> None:
    """Cancel a download while half of the UNet has arrived and nothing more comes."""
    hub.stall = UNET
    cancel = threading.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, Progress) and event.share > 0.2:
            cancel.set()

    with pytest.raises(Cancelled):
        store.download(HUB_ID, on_event, cancel)
    hub.stall = ""
    hub.requests.clear()


def test_patchmatch_and_the_offered_models_come_first(store: ModelStore, tmp_path: Path) -> None:
    assert names(store) == OFFERED
    assert not store.folder.exists()
    patchmatch, *offered = store.entries()
    assert patchmatch.is_builtin
    assert patchmatch.state == "ready"
    assert all(entry.state == "absent" and entry.location is None for entry in offered)
    store.add(make_pipeline(tmp_path / "mine"))
    assert names(store) == [*OFFERED, "mine"]


def test_nothing_but_a_download_goes_to_the_network(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    store.add(make_pipeline(tmp_path / "mine"))
    assert store.find("mine").family == "sd1"
    with pytest.raises(PrefPaintError, match="not on this computer"):
        store.find(HUB_ID)
    store.remove("mine")
    assert names(store) == OFFERED


def test_the_list_loads_neither_torch_nor_the_hub_s_library(store: ModelStore) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from training.inpainting.model_store import ModelStore; "
        f"ModelStore(Path({str(store.folder)!r})).entries(); "
        "print({'torch', 'diffusers', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_an_added_model_stays_where_it_is(store: ModelStore, tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "Old walls, 2nd", "StableDiffusionXLInpaintPipeline")
    before = files_in(folder)
    entry = store.add(folder)
    assert (entry.name, entry.family, entry.channels) == ("Old-walls-2nd", "sdxl", 9)
    assert entry.location == folder
    assert entry == ModelStore(store.folder).find("Old-walls-2nd") == store.find(str(folder))
    assert store.add(folder) == entry
    store.remove(entry.name)
    assert names(store) == OFFERED
    assert files_in(folder) == before


def test_names_stay_unique(store: ModelStore, tmp_path: Path) -> None:
    save_tensors(tmp_path / "patchmatch.safetensors", ldm_shapes())
    for parent in ("a", "b"):
        make_pipeline(tmp_path / parent / "walls")
        store.add(tmp_path / parent / "walls")
    store.add(tmp_path / "patchmatch.safetensors")
    assert names(store)[len(OFFERED) :] == ["walls", "walls-2", "patchmatch-2"]
    assert store.find("walls-2").location == tmp_path / "b" / "walls"


def test_a_path_needs_not_be_added(store: ModelStore, tmp_path: Path) -> None:
    path = save_tensors(tmp_path / "photo.safetensors", ldm_shapes("sd2", 4))
    entry = store.find(str(path))
    assert (entry.location, entry.family, entry.channels) == (path, "sd2", 4)
    assert names(store) == OFFERED


def test_what_cannot_be_found_is_said_with_what_to_do(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(PrefPaintError, match=r"patchmatch, prefpaint-v1.0.*models add PATH"):
        store.find("wals")
    for name in ("prefpaint-v1.0", "kd5678/prefpaint-v1.0"):
        with pytest.raises(PrefPaintError, match=r"prefpaint models download prefpaint-v1\.0"):
            store.find(name)
    with pytest.raises(PrefPaintError, match=f"prefpaint models download {HUB_ID}"):
        store.find(HUB_ID)
    folder = store.add(make_pipeline(tmp_path / "walls")).location
    assert folder is not None
    shutil.rmtree(folder)
    assert store.entries()[-1].state == "missing"
    with pytest.raises(PrefPaintError, match=f"{folder}.*nothing now.*models remove walls"):
        store.find("walls")
    store.remove("walls")
    assert names(store) == OFFERED


def test_only_models_are_added(store: ModelStore, tmp_path: Path) -> None:
    lora = save_tensors(tmp_path / "style.safetensors", lora_shapes("kohya", 768))
    for path, said in ((lora, "--lora"), (tmp_path / "typo", "nothing at"), (tmp_path, "pipeline")):
        with pytest.raises(PrefPaintError, match=said):
            store.add(path)
    assert names(store) == OFFERED


def test_what_is_not_here_cannot_be_removed(store: ModelStore) -> None:
    for name, said in (
        ("patchmatch", "built in"),
        ("sdxl-inpainting", "not on this computer"),
        ("walls", "no model walls"),
    ):
        with pytest.raises(PrefPaintError, match=said):
            store.remove(name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "models": []}',
        b'{"version": 1, "models": [1]}',
        b'{"version": 1, "models": [{"name": "x"}]}',
    ],
)
def test_a_damaged_list_is_set_aside(store: ModelStore, tmp_path: Path, content: bytes) -> None:
    store.add(make_pipeline(tmp_path / "walls"))
    (store.folder / FILE_NAME).write_bytes(content)
    again = ModelStore(store.folder, tmp_path / "no built-in models")
    assert names(again) == OFFERED
    (aside,) = store.folder.glob(f"{FILE_NAME}.broken-*")
    assert again.notice is not None
    assert str(aside) in again.notice
    assert aside.read_bytes() == content
    assert again.add(tmp_path / "walls").name == "walls"


@pytest.mark.parametrize("name", ["..", "../walls", "", "a/b", "/etc"])
def test_a_list_that_leads_out_of_the_folder_is_not_believed(
    store: ModelStore, tmp_path: Path, name: str
) -> None:
    store.add(make_pipeline(tmp_path / "walls"))
    kept = json.loads((store.folder / FILE_NAME).read_text())
    kept["models"][0] |= {"name": name, "path": None}
    (store.folder / FILE_NAME).write_text(json.dumps(kept))
    with pytest.raises(PrefPaintError):
        store.remove(name)
    assert store.notice is not None
    assert store.folder.exists()


def test_a_download_is_a_model(store: ModelStore, hub: FakeHub, published: Path) -> None:
    events: list[Progress] = []
    entry = store.download(HUB_ID, lambda event: events.append(event), NEVER)  # type: ignore[arg-type]
    assert entry.location == store.folder / "brick-walls"
    assert files_in(entry.location) == files_in(published)
    assert (entry.family, entry.channels, entry.licence) == ("sd1", 9, "apache-2.0")
    assert entry == ModelStore(store.folder).find(HUB_ID) == store.find("brick-walls")
    assert entry == store.listed(f"https://huggingface.co/{HUB_ID}")
    shares = [event.share for event in events]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any(UNET in event.stage and "of 4 MB" in event.stage for event in events)
    hub.requests.clear()
    assert store.download(HUB_ID, ignore, NEVER) == entry
    assert hub.requests == []
    store.remove("brick-walls")
    assert not (store.folder / "brick-walls").exists()
    assert names(store) == OFFERED


def test_an_offered_model_keeps_its_place(store: ModelStore, hub: FakeHub, published: Path) -> None:
    hub.publish("kd5678/prefpaint-v1.0", published)
    entry = store.download("prefpaint-v1.0", ignore, NEVER)
    assert names(store) == OFFERED
    assert store.entries()[1] == entry
    assert (entry.title, entry.state) == ("PrefPaint v1.0", "ready")
    assert entry.location == store.folder / "prefpaint-v1.0"
    store.remove("prefpaint-v1.0")
    assert store.entries()[1].state == "absent"
    assert not entry.location.exists()


@pytest.mark.parametrize("half_precision", [True, False])
def test_only_what_loading_needs_is_fetched(
    store: ModelStore, hub: FakeHub, tmp_path: Path, half_precision: bool
) -> None:
    folder = make_pipeline(tmp_path / "original")
    make_pipeline(folder, variant="fp16")
    unwanted = [
        "v1-5.ckpt",
        "v1-5.safetensors",
        "pipeline.py",
        "unet/model.py",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.bin",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_flax_model.msgpack",
        "unet/model.onnx",
        "unet/openvino_model.bin",
        "unet/deep/config.json",
        "safety_checker/model.safetensors",
        "unlisted/config.json",
    ]
    hub.publish(HUB_ID, folder, unwanted)
    plan = store.plan(HUB_ID, NEVER, half_precision)
    entry = store.download(HUB_ID, ignore, NEVER, plan=plan)
    assert entry.location is not None
    wanted = {
        name
        for name in files_in(folder)
        if not name.endswith(".safetensors") or (".fp16." in name) == half_precision
    }
    assert set(files_in(entry.location)) == wanted
    assert set(hub.fetched()) <= wanted
    assert identify(entry.location).variant == ("fp16" if half_precision else "")


def test_pickles_are_fetched_only_where_there_is_nothing_else(
    store: ModelStore, hub: FakeHub, tmp_path: Path
) -> None:
    folder = make_pipeline(tmp_path / "original")
    (folder / UNET).rename((folder / UNET).with_suffix(".bin"))
    hub.publish(HUB_ID, folder, ["vae/diffusion_pytorch_model.bin"])
    plan = store.plan(HUB_ID, NEVER)
    assert plan.is_pickled
    pickles = [file.name for file in plan.files if file.name.endswith(".bin")]
    assert pickles == ["unet/diffusion_pytorch_model.bin"]


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_cancelled_download_goes_on_where_it_was(
    store: ModelStore, hub: FakeHub, published: Path, ignores_ranges: bool
) -> None:
    break_off(store, hub)
    (entry,) = store.entries()[len(OFFERED) :]
    assert (entry.name, entry.state, entry.location) == ("brick-walls", "unfinished", None)
    with pytest.raises(PrefPaintError, match="prefpaint models download brick-walls"):
        store.find("brick-walls")
    (part,) = (store.folder / "brick-walls").rglob("*.part")
    arrived = part.stat().st_size
    assert arrived >= 1_000_000
    hub.ignores_ranges = ignores_ranges
    entry = store.download("brick-walls", ignore, NEVER)
    assert entry.location is not None
    assert files_in(entry.location) == files_in(published)
    fetched = [request for request in hub.requests if request.path == UNET]
    assert {request.start for request in fetched} == {arrived}


def test_a_cancelled_download_goes_on_in_its_precision(
    store: ModelStore, hub: FakeHub, published: Path
) -> None:
    make_pipeline(published, variant="fp16")
    hub.publish(HUB_ID, published)
    plan = store.plan(HUB_ID, NEVER, half_precision=False)
    hub.corrupt = UNET
    with pytest.raises(PrefPaintError, match="arrived damaged"):
        store.download(HUB_ID, ignore, NEVER, plan=plan)
    hub.corrupt = ""
    location = store.download(HUB_ID, ignore, NEVER).location
    assert location is not None
    assert not list(location.rglob("*.fp16.*"))
    assert (location / UNET).exists()


def test_a_cancelled_download_can_be_removed(
    store: ModelStore, hub: FakeHub, published: Path
) -> None:
    break_off(store, hub)
    store.remove("brick-walls")
    assert names(store) == OFFERED
    assert not (store.folder / "brick-walls").exists()
    assert published.exists()


def test_a_part_of_an_older_version_is_not_mixed_in(
    store: ModelStore, hub: FakeHub, published: Path
) -> None:
    break_off(store, hub)
    content = (published / UNET).read_bytes()
    (published / UNET).write_bytes(content[:-9] + bytes(9))
    hub.publish(HUB_ID, published)
    entry = store.download(HUB_ID, ignore, NEVER)
    assert entry.location is not None
    assert files_in(entry.location) == files_in(published)


def test_what_arrives_damaged_is_not_kept(store: ModelStore, hub: FakeHub, published: Path) -> None:
    hub.corrupt = UNET
    with pytest.raises(PrefPaintError, match=f"{UNET} of {HUB_ID} arrived damaged"):
        store.download(HUB_ID, ignore, NEVER)
    assert not list(store.folder.rglob("diffusion_pytorch_model.safetensors*"))
    assert store.entries()[-1].state == "unfinished"
    hub.corrupt = ""
    location = store.download(HUB_ID, ignore, NEVER).location
    assert location is not None
    assert files_in(location) == files_in(published)


def test_the_login_goes_to_the_hub_alone(
    store: ModelStore, hub: FakeHub, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    store.download(HUB_ID, ignore, NEVER)
    assert published.exists()
    logins = {(request.host, request.login) for request in hub.requests}
    assert logins == {("hub", "Bearer hf_mine"), ("cdn", None)}


def test_the_hub_learns_nothing_but_what_is_fetched(
    store: ModelStore, hub: FakeHub, published: Path
) -> None:
    store.download(HUB_ID, ignore, NEVER)
    assert len(hub.seen) > len(files_in(published))
    for path, agent in hub.seen:
        assert path.startswith((f"/api/models/{HUB_ID}", f"/{HUB_ID}/resolve/"))
        assert "torch" not in agent
        assert "agent" not in agent


def test_a_full_disk_is_said_before_anything_is_fetched(
    store: ModelStore, hub: FakeHub, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = store.plan(HUB_ID, NEVER)
    huge = replace(plan, files=(*plan.files, replace(plan.files[-1], size=5_000_000_000)))
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 0, 1_000_000_000))
    hub.requests.clear()
    with pytest.raises(PrefPaintError, match=r"needs 5.2 GB more.*1.0 GB are free: 4.2 GB are"):
        store.download(HUB_ID, ignore, NEVER, plan=huge)
    assert hub.requests == []
    assert names(store) == OFFERED
    assert published.exists()


def test_two_downloads_of_one_model_do_not_mix(
    store: ModelStore, hub: FakeHub, published: Path
) -> None:
    plan = store.plan(HUB_ID, NEVER)
    assert published.exists()
    hub.requests.clear()
    store.place_of(plan).mkdir(parents=True)
    with (
        FileLock(store.place_of(plan) / LOCK),
        pytest.raises(PrefPaintError, match="already being downloaded"),
    ):
        store.download(HUB_ID, ignore, NEVER, plan=plan)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("code", "said"),
    [("GatedRepo", r"accept its terms.*hf auth login"), ("Other", "did not answer")],
)
def test_a_hub_that_refuses_is_explained(
    store: ModelStore, hub: FakeHub, code: str, said: str
) -> None:
    hub.refuse = code
    with pytest.raises(PrefPaintError, match=said):
        store.download(HUB_ID, ignore, NEVER)
    assert names(store) == OFFERED


def test_models_that_cannot_be_had_are_explained(
    store: ModelStore, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish("a/audio", make_pipeline(tmp_path / "audio", "AudioLDM2Pipeline"))
    hub.publish("a/lora", tmp_path / "none", ["style.safetensors"])
    for hub_id, said in (
        ("a/typo", "no model a/typo"),
        ("a/audio", "AudioLDM2Pipeline"),
        ("a/lora", "no diffusers pipeline"),
        ("walls", "no hub id"),
        (str(tmp_path), "no hub id"),
    ):
        with pytest.raises(PrefPaintError, match=said):
            store.download(hub_id, ignore, NEVER)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PrefPaintError, match="HF_HUB_OFFLINE"):
        store.download("a/audio", ignore, NEVER)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PrefPaintError, match="Check the connection"):
        store.download("a/audio", ignore, NEVER)
    assert names(store) == OFFERED


def test_a_plan_is_cancelled_too(store: ModelStore) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        store.plan(HUB_ID, cancel)
