"""`prefpaint preferences` deletes what its owner names, and shows the names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from prefpaint_gui.__main__ import main
from tests.training.strips import make_strip, with_photo
from training.preferences.records import Opinion
from training.preferences.store import PreferenceStore


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where three records on strips of two photos lie."""
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    with PreferenceStore(tmp_path / "data") as store:
        store.record(make_strip(1), Opinion("up", 0))
        store.record(make_strip(1), Opinion("none", person="Ann"))
        store.record(make_strip(2), Opinion("accept", 1))
    return tmp_path / "data"


@pytest.fixture(params=[True, False])
def answer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """What a person at a terminal says to the question."""
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda text: asked.append(text) or request.param)
    yield request.param
    assert len(asked) == 1


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["preferences", "list", "--json"]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return rows


@pytest.mark.usefixtures("folder")
def test_the_list_names_every_record(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    assert [(row["record"], row["signal"], row["seed"], row["person"]) for row in rows] == [
        (1, "up", 0, "me"),
        (2, "none", None, "Ann"),
        (3, "accept", 1, "me"),
    ]
    assert main(["preferences", "list"]) == 0
    assert f"{2:064x}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--record", "3"], [1, 2]),
        (["--photo", f"{1:064x}"], [3]),
        (["--all"], []),
    ],
)
def test_what_is_named_is_deleted(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], left: list[int]
) -> None:
    assert main(["preferences", "delete", *arguments, "--yes"]) == 0
    assert "deleted" in capsys.readouterr().out
    assert [row["record"] for row in listed(capsys)] == left
    pictures = [path for path in (folder / "images").rglob("*") if path.is_file()]
    assert len(pictures) == 5 * len({row["photo_sha256"] for row in listed(capsys)})


def test_whole_photos_are_counted_exported_and_deleted(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    with PreferenceStore(folder) as store:
        store.record(with_photo(make_strip(3)), Opinion("up", 0))
    assert main(["preferences", "stats", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["whole_photos"] == 1
    assert counts["bytes_of_whole_photos"] > 1000
    out = folder.parent / "out"
    assert main(["preferences", "export", str(out), "--whole-photos"]) == 0
    assert "1 photo is with them whole" in capsys.readouterr().out
    assert len(list((out / "photos").glob("*.png"))) == 1
    assert main(["preferences", "delete", "--whole-photos", "--yes"]) == 0
    assert "1 whole photo deleted" in capsys.readouterr().out
    assert len(listed(capsys)) == 4
    with PreferenceStore(folder) as store:
        assert store.whole_photos() == []


@pytest.mark.usefixtures("folder")
def test_nothing_is_deleted_before_the_person_agrees(
    capsys: pytest.CaptureFixture[str], answer: bool
) -> None:
    assert main(["preferences", "delete", "--all"]) == 0
    assert ("Nothing was deleted" in capsys.readouterr().out) is not answer
    assert len(listed(capsys)) == (0 if answer else 3)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say what"),
        (["--all", "--record", "1"], "Say what"),
        (["--record", "9"], "no such record"),
        (["--photo", "f" * 64], "no such record"),
        (["--all"], "--yes"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["preferences", "delete", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert len(listed(capsys)) == 3


def test_a_paused_training_goes_with_what_it_holds_copies_of(folder: Path) -> None:
    copies = folder / "training" / "20260101-000000" / "data" / "inpaint"
    copies.mkdir(parents=True)
    assert main(["preferences", "delete", "--record", "1", "--yes"]) == 0
    assert not copies.exists()


def test_no_records_are_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path))
    assert main(["preferences", "list"]) == 0
    assert "no preferences yet" in capsys.readouterr().out
    assert listed(capsys) == []
