"""`prefpaint models` as a person or a script calls it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from prefpaint_gui.__main__ import main
from tests.training.checkpoints import lora_shapes, make_pipeline, save_tensors
from tests.training.fake_hub import FakeHub, serve_hub
from tests.training.tiny_builtin import PROVENANCE, save_builtin
from training.inpainting import builtin_models
from training.inpainting.checkpoint_files import identify
from training.inpainting.model_registry import FILE_NAME

HUB_ID = "someone/brick-walls"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where downloads lie."""
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "models"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serve_hub(monkeypatch, tmp_path / "hf-home") as hub:
        hub.publish(HUB_ID, make_pipeline(tmp_path / "original"))
        hub.licence = "openrail"
        yield hub


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    """What the list says as JSON, by name."""
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return {entry["name"]: entry for entry in json.loads(captured.out)}


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["models", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def answer(monkeypatch: pytest.MonkeyPatch, said: bool) -> list[str]:
    """Be a person at a terminal who says the same to every question; returns the questions."""
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return said

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


def test_the_list_tells_what_there_is_and_how_to_get_the_rest(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert main(["models", "list"]) == 0
    head, patchmatch, *others, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "family", "size", "licence", "where"]
    assert patchmatch.startswith("patchmatch")
    (prefpaint,) = [line for line in others if line.startswith("prefpaint-v1.0")]
    assert prefpaint.endswith("prefpaint models download prefpaint-v1.0")
    assert last == f"Downloads lie in {folder}"


def test_a_built_in_model_is_listed_with_what_its_card_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(builtin_models, "FOLDER", save_builtin(tmp_path))
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("nano ")
    assert "Apache-2.0" in lines[2]
    assert lines[2].endswith("built in")
    assert f"nano: {PROVENANCE} See {tmp_path / 'nano' / 'README.md'}" in lines
    assert "built in and stays" in error_of(capsys, "remove", "nano")


def test_a_model_is_added_and_taken_off_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = make_pipeline(tmp_path / "walls", "StableDiffusionXLInpaintPipeline")
    assert main(["models", "add", str(model)]) == 0
    assert f"it stays in {model}" in capsys.readouterr().out
    entry = listed(capsys)["walls"]
    assert (entry["family"], entry["location"], entry["state"]) == ("sdxl", str(model), "ready")
    assert main(["models", "remove", "walls"]) == 0
    assert str(model) in capsys.readouterr().out
    assert "walls" not in listed(capsys)
    assert (model / "model_index.json").exists()


def test_what_is_no_model_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lora = save_tensors(tmp_path / "style.safetensors", lora_shapes("kohya", 768))
    assert "--lora" in error_of(capsys, "add", str(lora))
    assert "nothing at" in error_of(capsys, "add", str(tmp_path / "typo"))
    assert "no model walls" in error_of(capsys, "remove", "walls")
    assert "built in" in error_of(capsys, "remove", "patchmatch")
    assert "no hub id" in error_of(capsys, "download", "walls")


def test_a_download_says_first_what_it_will_fetch(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    hub: FakeHub,
    folder: Path,
) -> None:
    asked = answer(monkeypatch, False)
    assert main(["models", "download", HUB_ID]) == 0
    shown = capsys.readouterr().out
    assert f"https://huggingface.co/{HUB_ID}" in shown
    assert "openrail" in shown
    assert str(folder / "brick-walls") in shown
    assert asked == ["Download it?"]
    assert hub.fetched() == ["model_index.json"]
    assert not folder.exists()

    answer(monkeypatch, True)
    assert main(["models", "download", HUB_ID]) == 0
    assert f"is ready in {folder / 'brick-walls'}" in capsys.readouterr().out
    entry = listed(capsys)["brick-walls"]
    assert (entry["state"], entry["licence"], entry["source"]) == ("ready", "openrail", HUB_ID)
    hub.requests.clear()
    assert main(["models", "download", HUB_ID]) == 0
    assert "already here" in capsys.readouterr().out
    assert hub.requests == []


@pytest.mark.parametrize(
    ("model", "hub_id", "name"),
    [
        (HUB_ID, HUB_ID, "brick-walls"),
        (f"https://huggingface.co/{HUB_ID}", HUB_ID, "brick-walls"),
        ("prefpaint-v1.0", "kd5678/prefpaint-v1.0", "prefpaint-v1.0"),
    ],
)
def test_what_is_added_from_the_hub_is_fetched_after_consent(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    hub: FakeHub,
    tmp_path: Path,
    folder: Path,
    model: str,
    hub_id: str,
    name: str,
) -> None:
    hub.publish(hub_id, tmp_path / "original")
    asked = answer(monkeypatch, False)
    assert main(["models", "add", model]) == 0
    assert f"https://huggingface.co/{hub_id}" in capsys.readouterr().out
    assert asked == ["Download it?"]
    assert hub.fetched() == ["model_index.json"]
    assert main(["models", "add", model, "--yes"]) == 0
    assert f"is ready in {folder / name}" in capsys.readouterr().out
    assert main(["models", "add", name]) == 0
    assert "already here" in capsys.readouterr().out


def test_an_added_path_that_is_gone_is_not_looked_for_on_the_hub(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = make_pipeline(tmp_path / "walls")
    assert main(["models", "add", str(model)]) == 0
    model.rename(tmp_path / "elsewhere")
    assert f"nothing at {model}" in error_of(capsys, "add", str(model))


def test_nobody_to_ask_needs_yes(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    hub: FakeHub,
    folder: Path,
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert "--yes" in error_of(capsys, "download", HUB_ID)
    assert hub.fetched() == ["model_index.json"]
    assert main(["models", "download", HUB_ID, "--yes"]) == 0
    assert "--yes" in error_of(capsys, "remove", "brick-walls")
    assert (folder / "brick-walls" / "model_index.json").exists()
    assert main(["models", "remove", "brick-walls", "--yes"]) == 0
    assert not (folder / "brick-walls").exists()


@pytest.mark.parametrize(("words", "variant"), [([], ".fp16"), (["--full-precision"], "")])
def test_the_precision_is_the_person_s_choice(
    hub: FakeHub, tmp_path: Path, folder: Path, words: list[str], variant: str
) -> None:
    hub.publish(HUB_ID, make_pipeline(tmp_path / "original", variant="fp16"))
    assert main(["models", "download", HUB_ID, "--yes", *words]) == 0
    (weights,) = (folder / "brick-walls" / "unet").glob("*.safetensors")
    assert weights.name == f"diffusion_pytorch_model{variant}.safetensors"


def test_full_precision_is_fetched_after_half_precision(
    capsys: pytest.CaptureFixture[str], hub: FakeHub, tmp_path: Path, folder: Path
) -> None:
    hub.publish(HUB_ID, make_pipeline(tmp_path / "original", variant="fp16"))
    assert main(["models", "download", HUB_ID, "--yes"]) == 0
    hub.requests.clear()
    assert main(["models", "download", HUB_ID, "--yes", "--full-precision"]) == 0
    weights = {Path(name).name for name in hub.fetched() if name.endswith(".safetensors")}
    assert weights == {"diffusion_pytorch_model.safetensors", "model.safetensors"}
    assert identify(folder / "brick-walls").variant == ""
    hub.requests.clear()
    page = f"https://huggingface.co/{HUB_ID}"
    for words in ([HUB_ID, "--full-precision"], [page]):
        capsys.readouterr()
        assert main(["models", "download", *words]) == 0
        assert "already here" in capsys.readouterr().out
    assert hub.requests == []


def test_a_damaged_list_is_told_once(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text("{")
    assert main(["models", "list"]) == 0
    assert "was damaged; it is kept as" in capsys.readouterr().err
    assert "patchmatch" in listed(capsys)
