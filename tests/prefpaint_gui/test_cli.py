"""`prefpaint` as a person or a script calls it: results, exit status, one sentence per error."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from prefpaint_gui.__main__ import main
from resources import SAMPLE_MASK, SAMPLE_PHOTO
from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from training.inpainting.request import Box
from training.preferences.database import FILE_NAME
from training.preferences.images import pixel_hash
from training.preferences.records import Opinion, Presentation, ShownCandidate
from training.preferences.store import PreferenceStore

COMMAND = [sys.executable, "-m", "prefpaint_gui"]
FILL_FIELDS = ["rank", "file", "seed", "reward", "trust", "model", "seconds", "bound"]


@dataclass(frozen=True)
class Job:
    """A small photo with a mask, a reward model and a folder for results."""

    folder: Path
    photo: Path
    mask: Path
    reward: Path
    out: Path

    def fill(self, *more: str) -> list[str]:
        named = {"--mask": self.mask, "--out": self.out, "--reward": self.reward}
        options = [part for name, value in named.items() for part in (name, str(value))]
        return ["fill", str(self.photo), *options, "--candidates", "2", *more]


@pytest.fixture(scope="session")
def reward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_reward(tmp_path_factory.mktemp("reward") / "tiny.safetensors")


@pytest.fixture
def job(tmp_path: Path, reward: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    job = Job(tmp_path, tmp_path / "photo.png", tmp_path / "mask.png", reward, tmp_path / "out")
    make_photo().save(job.photo)
    make_mask().save(job.mask)
    return job


def make_photo(mode: str = "RGB") -> Image.Image:
    rows, columns = np.indices((60, 80))
    noise = np.random.default_rng(0).integers(0, 40, (60, 80, 4))
    stripes = np.where((rows + columns) % 12 < 6, 180, 60)
    pixels = (stripes[..., None] + noise).astype(np.uint8)
    return (
        Image.fromarray(pixels, "RGBA").convert(mode) if mode != "RGBA" else Image.fromarray(pixels)
    )


def make_mask(value: int = 255) -> Image.Image:
    pixels = np.zeros((60, 80), np.uint8)
    pixels[25:37, 30:45] = value
    return Image.fromarray(pixels)


def pixels_of(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; nothing is on standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("prefpaint: ")
    return line


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("feather", [0, 3])
def test_fill_keeps_everything_outside_the_mask(job: Job, mode: str, feather: int) -> None:
    photo = make_photo(mode)
    if mode == "RGBA":
        photo.putalpha(255)
    photo.save(job.photo)
    assert main(job.fill("--feather", str(feather))) == 0
    mask = pixels_of(job.mask) > 0
    reach = cv2.dilate(mask.astype(np.uint8), np.ones((2 * feather + 1,) * 2, np.uint8)) > 0
    for name in ("01.png", "02.png"):
        filled = pixels_of(job.out / name)
        np.testing.assert_array_equal(filled[~reach], np.asarray(photo)[~reach])
        assert (filled[mask] != np.asarray(photo)[mask]).any()


def test_fill_writes_a_ranking_and_prints_the_same_as_json(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(job.fill("--json", "--seed", "7")) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert captured.err == ""
    assert rows == json.loads((job.out / "ranking.json").read_text())
    assert [list(row) for row in rows] == [FILL_FIELDS] * 2
    assert [row["rank"] for row in rows] == [1, 2]
    assert [row["file"] for row in rows] == ["01.png", "02.png"]
    assert sorted(row["seed"] for row in rows) == [7, 8]
    assert rows[0]["reward"] >= rows[1]["reward"]
    assert all(0 <= row["trust"] <= 1 and row["model"] == "patchmatch" for row in rows)
    names = sorted(path.name for path in job.out.iterdir())
    assert names == ["01.png", "02.png", "contact-sheet.png", "ranking.json"]
    sheet = Image.open(job.out / "contact-sheet.png")
    assert sheet.width > 3 * 250


def test_the_same_seed_gives_the_same_fill(job: Job) -> None:
    assert main(job.fill()) == 0
    first = pixels_of(job.out / "01.png")
    assert main([*job.fill(), "--out", str(job.folder / "again")]) == 0
    np.testing.assert_array_equal(pixels_of(job.folder / "again" / "01.png"), first)


def test_separate_holes_are_all_filled(job: Job) -> None:
    mask = np.zeros((60, 400), np.uint8)
    mask[20:30, 10:20] = mask[20:30, 380:390] = 255
    photo = np.tile(np.asarray(make_photo()), (1, 5, 1))
    photo[mask > 0] = (255, 0, 255)
    Image.fromarray(photo).save(job.photo)
    Image.fromarray(mask).save(job.mask)
    assert main(job.fill("--padding", "20")) == 0
    filled = pixels_of(job.out / "01.png")
    assert not (filled == (255, 0, 255)).all(-1).any()


def test_a_second_fill_replaces_the_first(job: Job) -> None:
    assert main([*job.fill(), "--candidates", "3"]) == 0
    assert main([*job.fill(), "--candidates", "1"]) == 0
    names = sorted(path.name for path in job.out.iterdir())
    assert names == ["01.png", "contact-sheet.png", "ranking.json"]


def test_the_sample_names_its_folder(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(job.folder)
    assert main(["fill", "--sample", "--candidates", "1", "--reward", str(job.reward)]) == 0
    assert "sample-fills" in capsys.readouterr().out.splitlines()[-1]
    filled = pixels_of(job.folder / "sample-fills" / "01.png")
    outside = pixels_of(SAMPLE_MASK) == 0
    np.testing.assert_array_equal(filled[outside], pixels_of(SAMPLE_PHOTO)[outside])


def test_score_ranks_given_fills(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    grey = pixels_of(job.photo)
    grey[pixels_of(job.mask) > 0] = 128
    Image.fromarray(grey).save(job.folder / "grey.png")
    files = [str(job.folder / "grey.png"), str(job.photo)]
    command = ["score", str(job.photo), "--mask", str(job.mask), "--reward", str(job.reward)]
    assert main([*command, *files, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [list(row) for row in rows] == [["rank", "file", "reward", "trust", "bound"]] * 2
    assert sorted(row["file"] for row in rows) == sorted(files)
    assert rows[0]["reward"] >= rows[1]["reward"]
    # What lies outside the mask is not the fill's to change, so it does not change the score.
    grey[:10] = 0
    Image.fromarray(grey).save(job.folder / "grey.png")
    assert main([*command, *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == rows


def _text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def _animated(path: Path) -> None:
    make_photo().save(path, save_all=True, append_images=[make_photo().rotate(180)])


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


BAD_PHOTOS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "does not exist"),
    "not an image": (_text("hello"), "not a picture"),
    "zero bytes": (_text(""), "empty"),
    "truncated": (_cut_short, "damaged"),
    "animated": (_animated, "animated"),
    "16-bit": (lambda path: cv2.imwrite(str(path), np.zeros((60, 80, 3), np.uint16)), "8 bits"),
    "1 x 1": (lambda path: Image.new("RGB", (1, 1)).save(path), "1 × 1"),
    "30,000 x 2": (lambda path: Image.new("RGB", (30_000, 2)).save(path), "30000 × 2"),
}


@pytest.mark.parametrize("case", BAD_PHOTOS)
def test_a_bad_photo_is_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    make, sentence = BAD_PHOTOS[case]
    make(job.photo)
    assert main(job.fill()) == 2
    line = error_of(capsys)
    assert sentence in line
    assert str(job.mask if "×" in sentence else job.photo) in line
    assert not job.out.exists()


BAD_MASKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "does not exist"),
    "not an image": (_text("hello"), "not a picture"),
    "another size": (lambda path: Image.new("L", (9, 7)).save(path), "9 × 7"),
    "empty": (lambda path: make_mask(127).save(path), "is empty"),
    "full": (lambda path: Image.new("L", (80, 60), 255).save(path), "covers everything"),
}


@pytest.mark.parametrize("command", ["fill", "score"])
@pytest.mark.parametrize("case", BAD_MASKS)
def test_a_bad_mask_is_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str], case: str, command: str
) -> None:
    make, sentence = BAD_MASKS[case]
    make(job.mask)
    arguments = ["score", str(job.photo), str(job.photo), "--mask", str(job.mask)]
    assert main(job.fill() if command == "fill" else arguments) == 2
    line = error_of(capsys)
    assert sentence in line
    assert str(job.mask) in line
    assert not job.out.exists()


@pytest.mark.parametrize("make", [lambda path: None, _text("damaged")], ids=["missing", "damaged"])  # noqa: ARG005
def test_bad_weights_are_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object]
) -> None:
    weights = job.folder / "weights.safetensors"
    make(weights)
    assert main([*job.fill(), "--reward", str(weights)]) == 2
    assert str(weights) in error_of(capsys)
    assert not job.out.exists()


def test_a_fill_of_another_size_is_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    other = job.folder / "other.png"
    Image.new("RGB", (9, 7)).save(other)
    command = ["score", str(job.photo), str(other), "--mask", str(job.mask)]
    assert main([*command, "--reward", str(job.reward)]) == 2
    assert f"{other} is 9 × 7" in error_of(capsys)


def test_other_files_in_the_folder_stay(job: Job) -> None:
    job.out.mkdir()
    for name in ("holiday.png", "09.png"):
        (job.out / name).write_bytes(b"mine")
    assert main(job.fill()) == 0
    assert (job.out / "01.png").exists()
    for name in ("holiday.png", "09.png"):
        assert (job.out / name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["01.png", "contact-sheet.png", "ranking.json"])
def test_a_file_of_the_persons_own_is_never_replaced(
    job: Job, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    job.out.mkdir()
    (job.out / name).write_bytes(b"mine" if name != "ranking.json" else b'[{"file": "01.png"}]')
    before = {path.name: path.read_bytes() for path in job.out.iterdir()}
    assert main(job.fill()) == 2
    assert str(job.out / name) in error_of(capsys)
    assert {path.name: path.read_bytes() for path in job.out.iterdir()} == before


def test_filling_a_fill_does_not_replace_it(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(job.fill()) == 0
    capsys.readouterr()
    before = (job.out / "01.png").read_bytes()
    again = [str(job.out / "01.png") if part == str(job.photo) else part for part in job.fill()]
    assert main(again) == 2
    assert "01.png" in error_of(capsys)
    assert (job.out / "01.png").read_bytes() == before


def test_a_failing_run_keeps_the_earlier_results(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(job.fill()) == 0
    before = {path.name: path.read_bytes() for path in job.out.iterdir()}
    make_mask(0).save(job.mask)
    capsys.readouterr()
    assert main(job.fill()) == 2
    assert {path.name: path.read_bytes() for path in job.out.iterdir()} == before


def test_an_unwritable_folder_is_one_sentence(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    (job.folder / "file").write_bytes(b"mine")
    assert main([*job.fill(), "--out", str(job.folder / "file" / "out")]) == 2
    assert str(job.folder / "file") in error_of(capsys)
    assert main([*job.fill(), "--out", str(job.folder / "file")]) == 2
    assert str(job.folder / "file") in error_of(capsys)
    assert (job.folder / "file").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ["fill"],
        ["fill", "photo.png"],
        ["fill", "--sample", "photo.png"],
        ["fill", "--candidates", "0"],
        ["fill", "--model", "unknown"],
        ["fill", "--bogus"],
        ["score", "photo.png"],
        ["open", "--sample", "photo.png"],
        ["preferences", "export"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    error_of(capsys)


@pytest.mark.parametrize("arguments", [[], ["photo.png"], ["--sample"], ["open", "photo.png"]])
def test_without_a_display_the_window_says_what_else_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(arguments) == 2
    assert "prefpaint fill" in error_of(capsys)


@pytest.mark.parametrize("command", ["fill", "score", "preferences", "open"])
def test_help_explains_every_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main(["--help"]) == 0
    assert command in capsys.readouterr().out
    assert main([command, "--help"]) == 0
    assert "Usage: prefpaint" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("prefpaint ")


def make_strip() -> Presentation:
    image, hole = np.asarray(make_photo()), np.asarray(make_mask()) > 0
    candidates = tuple(
        ShownCandidate(rank, seed, "patchmatch", image, 0.5, 0.5, np.zeros(256, np.float32))
        for rank, seed in ((1, 4), (2, 5))
    )
    return Presentation("0" * 64, Box(0, 0, 60, 80), image, hole, "", "builtin", candidates)


def test_preferences_are_counted_and_exported(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with PreferenceStore(job.folder / "data") as store:
        store.record(make_strip(), Opinion("accept", 5))
    assert main(["preferences", "stats", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["accepts"], counts["accepts_of_first"], counts["candidates"]) == (1, 0, 2)
    assert main(["preferences", "stats"]) == 0
    assert str(job.folder / "data") in capsys.readouterr().out
    assert main(["preferences", "export", str(job.folder / "exported")]) == 0
    assert str(job.folder / "exported") in capsys.readouterr().out
    assert len((job.folder / "exported" / "records.jsonl").read_text().splitlines()) == 1
    assert main(["preferences", "export", str(job.folder / "exported")]) == 2
    assert "exported" in error_of(capsys)


def test_an_archive_of_some_preferences_moves_to_another_machine(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, photo = str(job.folder / "archive"), str(job.photo)
    strip = replace(make_strip(), photo_sha256=pixel_hash(np.asarray(make_photo())))
    with PreferenceStore(job.folder / "data") as store:
        store.record(strip, Opinion("accept", 5), "2026-03-01T18:30:00.000+00:00")
        store.record(strip, Opinion("up", 4, person="Zoe"), "2026-03-02T09:00:00.000+00:00")
        store.record(make_strip(), Opinion("up", 4))
    filters = ["--signal", "accept", "--signal", "up", "--model", "patchmatch", "--photo", photo]
    for times, count in (
        (["--since", "2026-03-01", "--until", "2026-03-01"], "1 accepted"),
        (["--since", "2026-03-01T20:30+02:00", "--until", "2026-03-02T09:00"], "1 thumb up, 1 acc"),
        (["--person", "Zoe"], "1 thumb up"),
    ):
        shutil.rmtree(archive, ignore_errors=True)
        wanted = [archive, "--format", "jsonl", "--licence", "CC0 1.0", *filters, *times]
        assert main(["preferences", "export", *wanted]) == 0
        assert f"1 strip of 2 fills ({count}" in capsys.readouterr().out
    monkeypatch.setenv("PREFPAINT_DATA", str(job.folder / "another"))
    assert main(["preferences", "import", archive]) == 0
    assert "1 opinion of 1" in capsys.readouterr().out
    (job.folder / "archive" / "README.md").write_text("altered")
    assert main(["preferences", "import", archive]) == 2
    assert "README.md was altered" in error_of(capsys)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--since", "yesterday"], "yesterday is no time"),
        (["--signal", "love"], "love is no signal"),
        (["--licence", "mine"], "mine is no known licence"),
        (["--format", "csv"], "csv"),
        (["--photo", "absent.png"], "absent.png"),
        (["--person", "nobody"], "no such preferences"),
    ],
)
def test_a_wrong_filter_is_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str], option: list[str], says: str
) -> None:
    with PreferenceStore(job.folder / "data") as store:
        store.record(make_strip(), Opinion("accept", 5))
    assert main(["preferences", "export", str(job.folder / "exported"), *option]) == 2
    assert says in error_of(capsys)
    assert not (job.folder / "exported").exists()


def test_a_broken_preference_database_is_set_aside_and_work_goes_on(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    (job.folder / "data").mkdir()
    (job.folder / "data" / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert main(["preferences", "stats", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["presentations"] == 0
    (aside,) = (job.folder / "data").glob(f"{FILE_NAME}.broken-*")
    assert str(aside) in captured.err
    assert aside.read_bytes() == b"garbage" * 1000


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process as a terminal would")
def test_ctrl_c_stops_at_once_and_leaves_nothing(job: Job) -> None:
    make_photo().resize((480, 360)).save(job.photo)  # so that there is much to do
    make_mask().resize((480, 360)).save(job.mask)
    many = [*COMMAND, *job.fill(), "--candidates", "99"]
    child = subprocess.Popen(
        many,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell lets what it starts in the background ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    while child.poll() is None and not job.out.exists():  # filling has begun when it does
        os.sched_yield()
    os.killpg(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    assert out == b""
    assert not job.out.exists()


def test_the_command_loads_neither_qt_nor_torch() -> None:
    code = "import sys, prefpaint_gui.cli; print({'PySide6', 'torch'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_a_real_process_prints_errors_once_and_exits_with_2(tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    command = [*COMMAND, "score", str(missing), str(missing), "--mask", str(missing)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"prefpaint: {missing} does not exist. Check the name.\n"
