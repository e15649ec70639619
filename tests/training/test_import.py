"""Import is the inverse of export, and takes nothing from an archive that was tampered with."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.training.strips import make_strip
from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import Box
from training.preferences import writing
from training.preferences.export import FORMATS, export
from training.preferences.images import encode_png, pixel_hash
from training.preferences.importing import Imported, import_preferences
from training.preferences.records import Opinion, Presentation, ShownCandidate
from training.preferences.store import PreferenceStore

# --- the identity ---------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
numbers = st.floats(-1e6, 1e6) | st.none()
seeds = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(max_value=datetime(2026, 1, 1)).map(
    lambda time: time.isoformat(timespec="milliseconds") + "+00:00"
)


@st.composite
def strips(draw: st.DrawFn) -> Presentation:
    random = np.random.default_rng(draw(st.integers(0, 3)))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    shown = draw(st.lists(seeds, min_size=1, max_size=4, unique=True))
    size = draw(st.sampled_from([0, 3, 256]))
    photo = random.integers(0, 256, (7, 9, draw(st.sampled_from([3, 4]))), np.uint8)
    keeps_photo = draw(st.booleans())
    return Presentation(
        photo_sha256=pixel_hash(photo)
        if keeps_photo
        else draw(st.sampled_from(["0" * 64, "f" * 64])),
        photo=photo if keeps_photo else None,
        box=Box(*(draw(st.integers(0, 10**6)) for _ in range(2)), height, width),
        image=random.integers(0, 256, (height, width, 3), np.uint8),
        hole=random.random((height, width)) < 0.5,
        prompt=draw(names),
        reward_model=draw(names),
        candidates=tuple(
            ShownCandidate(
                rank=rank,
                seed=seed,
                model=draw(names),
                pixels=random.integers(0, 256, (height, width, 3), np.uint8),
                reward=draw(numbers),
                trust=draw(numbers),
                features=random.normal(size=size).astype(np.float32),
            )
            for rank, seed in enumerate(shown, 1)
        ),
        collection=draw(names),
        item=draw(names),
    )


@st.composite
def opinions(draw: st.DrawFn, strip: Presentation) -> Opinion:
    shown = [candidate.seed for candidate in strip.candidates]
    signals = ["up", "down", "accept", "none", "rating", "skip"]
    signal = draw(st.sampled_from(signals + ["order", "best"] * (len(shown) > 1)))
    orders = st.lists(st.sampled_from(shown), min_size=2, unique=True)
    criteria = st.integers(1, 7)
    return Opinion(
        signal,
        draw(st.sampled_from(shown)) if signal in ("up", "down", "accept", "rating") else None,
        tuple(draw(orders)) if signal in ("order", "best") else (),
        draw(st.tuples(criteria, criteria, criteria)) if signal == "rating" else None,
        tuple(draw(st.lists(words, max_size=2))),
        draw(words),
    )


def everything(store: PreferenceStore) -> list[Any]:
    """All that a store keeps, but for the numbers of records."""
    kept: list[Any] = []
    for key in store.presentation_ids():
        strip = store.read(key)
        shown = strip.presentation
        kept.append((strip.digest, shown.photo_sha256, shown.box, shown.prompt))
        kept.append((shown.reward_model, shown.collection, shown.item))
        kept.append((shown.image.tobytes(), shown.hole.tobytes()))
        for one in shown.candidates:
            kept.append((one.rank, one.seed, one.model, one.reward, one.trust))
            kept.append((one.pixels.tobytes(), one.features.tobytes()))
        kept.append([(said.opinion, said.recorded_at) for said in strip.opinions])
    for sha256 in sorted(store.whole_photos()):
        kept.append((sha256, store.photo(sha256).tobytes()))
    return kept


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_export_then_import_is_the_identity(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with PreferenceStore(folder / "one") as one, PreferenceStore(folder / "two") as two:
            for strip in data.draw(st.lists(strips(), min_size=1, max_size=3)):
                for opinion in data.draw(st.lists(opinions(strip), min_size=1, max_size=4)):
                    one.record(strip, opinion, data.draw(times))
            export(one, folder / "out", "jsonl", whole_photos=True)
            done = import_preferences(two, folder / "out")
            assert done.new == done.opinions
            assert everything(two) == everything(one)
            assert two.statistics() == one.statistics()
            assert import_preferences(two, folder / "out").new == 0
            assert everything(two) == everything(one)
            export(two, folder / "again", "jsonl", whole_photos=True)
        ours, theirs = (
            {path.name: path.read_bytes() for path in (folder / name).rglob("*") if path.is_file()}
            for name in ("out", "again")
        )
        assert ours == theirs


def test_a_score_of_minus_zero_is_zero(tmp_path: Path) -> None:
    drawn = make_strip(1)
    first = replace(drawn.candidates[0], reward=-0.0, trust=-0.0)
    strip = replace(drawn, candidates=(first, *drawn.candidates[1:]))
    with PreferenceStore(tmp_path / "one") as one, PreferenceStore(tmp_path / "two") as two:
        one.record(strip, Opinion("none"))
        export(one, tmp_path / "out", "jsonl")
        import_preferences(two, tmp_path / "out")
        assert everything(two) == everything(one)


# --- archives -------------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The folder of an export of two strips and three opinions."""
    with PreferenceStore(tmp_path / "source") as store:
        store.record(make_strip(1), Opinion("up", 0))
        store.record(make_strip(1), Opinion("order", order=(2, 1)))
        store.record(make_strip(2), Opinion("rating", 1, rating=(1, 2, 3), person="Zoe"))
        export(store, tmp_path / "archive", "jsonl")
    return tmp_path / "archive"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PreferenceStore]:
    """With one opinion of its own."""
    with PreferenceStore(tmp_path / "store") as store:
        store.record(make_strip(7), Opinion("down", 0))
        yield store


def members(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def pack_zip(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def pack_tar(files: dict[str, bytes], path: Path, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def assert_refused(store: PreferenceStore, path: Path, says: str) -> None:
    before = everything(store), members(store.folder / "images")
    with pytest.raises(PrefPaintError, match="was not imported") as refused:
        import_preferences(store, path)
    assert says in str(refused.value)
    assert str(path) in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (everything(store), members(store.folder / "images")) == before


@pytest.mark.parametrize("top", ["", "laptop/", "./"])
@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_a_packed_archive_is_imported(
    archive: Path, store: PreferenceStore, tmp_path: Path, pack: Callable, top: str
) -> None:
    files = {top + name: content for name, content in members(archive).items()}
    files["__MACOSX/._README.md"] = b"litter"
    path = pack(files, tmp_path / "packed")
    shares: list[float] = []
    assert import_preferences(store, path, shares.append) == Imported(2, 3, 3)
    assert shares[-1] == 1
    assert store.statistics().presentations == 3


def test_of_two_opinions_the_later_stays(archive: Path, tmp_path: Path) -> None:
    with PreferenceStore(tmp_path / "other") as store:
        store.record(make_strip(1), Opinion("down", 0), "2999-01-01T00:00:00.000+00:00")
        store.record(make_strip(1), Opinion("order", order=(0, 1)), "1999-01-01T00:00:00.000+00:00")
        assert import_preferences(store, archive).new == 2
        said = {one.opinion for one in store.read(1).opinions}
    assert said == {Opinion("down", 0), Opinion("order", order=(2, 1))}


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"jsonl"}))
def test_other_formats_say_what_can_be_imported(
    store: PreferenceStore, form: Any, tmp_path: Path
) -> None:
    export(store, tmp_path / "out", form)
    assert_refused(store, tmp_path / "out", "an untouched export in the format jsonl")


def test_what_is_no_archive_is_named(store: PreferenceStore, tmp_path: Path) -> None:
    assert_refused(store, tmp_path / "absent", "No such file")
    (tmp_path / "text").write_text("text")
    assert_refused(store, tmp_path / "text", "neither a folder nor a .zip or an unpacked .tar")
    (tmp_path / "empty").mkdir()
    assert_refused(store, tmp_path / "empty", "has no manifest.json")


# --- tampering ------------------------------------------------------------------------------------


def seal(folder: Path) -> None:
    """Make the manifest fit what the folder holds: a forger can do that."""
    files = {name: content for name, content in members(folder).items() if name != "manifest.json"}
    rows = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    manifest = {"format": "PrefPaint preferences", "version": 1, "files": rows}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_altered_or_missing_file_is_noticed(archive: Path, store: PreferenceStore) -> None:
    for name, content in members(archive).items():
        if name == "manifest.json":
            continue
        (archive / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert_refused(store, archive, f"{name} was altered")
        (archive / name).unlink()
        assert_refused(store, archive, f"{name} is missing")
        (archive / name).write_bytes(content)
    stray = archive / "images" / f"{'0' * 64}.png"
    stray.write_bytes(b"")
    assert_refused(store, archive, f"{stray.name} is not in manifest.json")


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "/etc/evil.png", "images/../../evil.png", "..\\evil.png", "C:/evil.png"],
)
@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_no_name_leads_out(
    archive: Path, store: PreferenceStore, tmp_path: Path, pack: Callable, name: str
) -> None:
    path = pack({**members(archive), name: b"evil"}, tmp_path / "packed")
    assert_refused(store, path, "would lie outside")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_no_other_file_is_unpacked(
    archive: Path, store: PreferenceStore, tmp_path: Path, pack: Callable
) -> None:
    path = pack({**members(archive), "images/run.sh": b"evil"}, tmp_path / "packed")
    assert_refused(store, path, "images/run.sh does not belong there")


def test_a_name_that_comes_twice_is_refused(
    archive: Path, store: PreferenceStore, tmp_path: Path
) -> None:
    path = pack_tar(members(archive), tmp_path / "packed")
    with tarfile.open(path, "a") as packed:
        packed.addfile(tarfile.TarInfo("README.md"), io.BytesIO())
    assert_refused(store, path, "it holds README.md twice")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_refused(archive: Path, store: PreferenceStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((archive / "README.md").read_bytes())
    with tarfile.open(tmp_path / "links.tar", "w") as packed:
        info = tarfile.TarInfo("README.md")
        info.type, info.linkname = tarfile.SYMTYPE, str(secret)
        packed.addfile(info)
    assert_refused(store, tmp_path / "links.tar", "README.md is a link")
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as zipped:
        link = zipfile.ZipInfo("README.md")
        link.external_attr = 0o120777 << 16
        zipped.writestr(link, str(secret))
    assert_refused(store, tmp_path / "links.zip", "README.md is a link")
    (archive / "README.md").unlink()
    (archive / "README.md").symlink_to(secret)
    assert_refused(store, archive, "README.md is a link")


def test_a_bomb_is_refused_before_it_is_unpacked(
    store: PreferenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.preferences.unpack.FREE_GROWTH", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = pack_zip({"README.md": bytes(50_000_000)}, tmp_path / "bomb")
    assert path.stat().st_size < 60_000
    assert_refused(store, path, "would unpack to far more than its own size")
    assert not list((tmp_path / "temporary").iterdir())


def test_a_packed_tar_is_refused_unread(
    archive: Path, store: PreferenceStore, tmp_path: Path
) -> None:
    """A header of a packed one may be of any size, and is read whole."""
    path = pack_tar(members(archive), tmp_path / "packed", "w:gz")
    assert_refused(store, path, "neither a folder nor a .zip or an unpacked .tar")


def test_a_size_that_lies_is_noticed(archive: Path, store: PreferenceStore, tmp_path: Path) -> None:
    path = pack_zip(members(archive), tmp_path / "packed")
    content = path.read_bytes()
    length = len((archive / "README.md").read_bytes())
    # The size of README.md in the directory at the end, where readers look.
    at = content.index(b"PK\x01\x02") + 24
    assert int.from_bytes(content[at : at + 4], "little") == length
    path.write_bytes(content[:at] + (5).to_bytes(4, "little") + content[at + 4 :])
    assert_refused(store, path, "README.md")


@pytest.mark.parametrize("cut", [0.2, 0.7, 0.99])
@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_half_a_file_is_refused(
    archive: Path, store: PreferenceStore, tmp_path: Path, pack: Callable, cut: float
) -> None:
    path = pack(members(archive), tmp_path / "packed")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    before = everything(store)
    if cut > 0.9 and pack is pack_tar:  # only the padding at its end is gone
        return
    with pytest.raises(PrefPaintError, match="Nothing was changed"):
        import_preferences(store, path)
    assert everything(store) == before


def change(*keys: str | int, to: Any) -> Callable[[dict], None]:
    def spoil(row: dict) -> None:
        for key in keys[:-1]:
            row = row[key]
        row[keys[-1]] = to

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (change("candidates", 0, "reward", to=float("nan")), "candidates.0.reward"),
        (change("candidates", 0, "features", 3, to=float("inf")), "candidates.0.features.3"),
        (change("candidates", 0, "features", 3, to=1e300), "too large"),
        (change("candidates", 0, "seed", to=2**63), "candidates.0.seed"),
        (change("candidates", 0, "seed", to=1), "same seed"),
        (change("candidates", 0, "rank", to="1"), "candidates.0.rank"),
        (change("candidates", 0, "pixels", to="../../secret"), "candidates.0.pixels"),
        (change("candidates", 0, "pixels", to="0" * 64), "is missing"),
        (change("candidates", to=[]), "candidates"),
        (change("opinions", to=[]), "opinions"),
        (change("opinions", 0, "seed", to=99), "not shown"),
        (change("opinions", 0, "seed", to=None), '"up" with seed None'),
        (change("opinions", 0, "signal", to="love"), "opinions.0.signal"),
        (change("opinions", 0, "person", to=""), "opinions.0.person"),
        (change("opinions", 0, "person", to="\x1b[2J"), "opinions.0.person"),
        (change("opinions", 0, "person", to="a" * 65), "opinions.0.person"),
        (change("opinions", 0, "time", to="9999-01-01T00:00:00.000+00:00"), "in the future"),
        (change("candidates", 0, "features", to=[1.0]), "features of different lengths"),
        (change("opinions", 0, "time", to="yesterday"), "opinions.0.time"),
        (change("opinions", 0, "time", to="2026-13-01T00:00:00+00:00"), "opinions.0.time"),
        (change("opinions", 1, "order", to=[2, 2]), "with order"),
        (change("opinions", 1, "rating", to=[1, 2, 3]), "with rating"),
        (change("box", "height", to=-1), "box.height"),
        (change("box", "path", to="/home"), "box.path"),
        (change("hole", to="1" * 64), "is missing"),
    ],
)
def test_a_forged_row_is_refused(
    archive: Path, store: PreferenceStore, spoil: Callable[[dict], None], says: str
) -> None:
    path = archive / "strips.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    spoil(rows[0])
    path.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    seal(archive)
    assert_refused(store, archive, says)


@pytest.mark.parametrize("line", ["", "[" * 100_000, '{"a": ' * 100_000, "nonsense", "[1]", "{}"])
def test_a_line_that_is_no_row_is_refused(archive: Path, store: PreferenceStore, line: str) -> None:
    (archive / "strips.jsonl").write_text(f"{line}\n")
    seal(archive)
    assert_refused(store, archive, "strips.jsonl, line 1")


def test_a_manifest_of_something_else_is_refused(archive: Path, store: PreferenceStore) -> None:
    for content, says in (
        ("{", "manifest.json, Invalid JSON"),
        ('{"format": "PrefPaint preferences", "version": 2, "files": {}}', "version"),
        ('{"format": "PrefPaint preferences", "version": 1, "files": {}}', "names no strips.jsonl"),
    ):
        (archive / "manifest.json").write_text(content)
        assert_refused(store, archive, says)


def replace_fill(archive: Path, name: str, content: bytes) -> None:
    """Put other bytes in the place of the first fill, under a name of choice."""
    path = archive / "strips.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["candidates"][0]["pixels"] = name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (archive / "images" / f"{name}.png").write_bytes(content)
    seal(archive)


def test_pictures_that_cannot_be_are_refused(archive: Path, store: PreferenceStore) -> None:
    grey, large = np.zeros((20, 30), np.uint8), np.zeros((21, 30, 3), np.uint8)
    replace_fill(archive, pixel_hash(grey), encode_png(grey))
    assert_refused(store, archive, "is no picture of 3 x 8 bits")
    replace_fill(archive, pixel_hash(large), encode_png(large))
    assert_refused(store, archive, "is 30 x 21 pixels, which cannot be")
    replace_fill(archive, "0" * 64, encode_png(np.zeros((20, 30, 3), np.uint8)))
    assert_refused(store, archive, "shows another picture than its name says")
    replace_fill(archive, "0" * 64, b"no picture")
    assert_refused(store, archive, "cannot be read")
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20)).save(buffer, "JPEG")
    replace_fill(archive, "0" * 64, buffer.getvalue())
    assert_refused(store, archive, "cannot be read")


def test_a_huge_picture_is_refused_before_it_is_decoded(
    archive: Path, store: PreferenceStore
) -> None:
    content = bytearray(encode_png(np.zeros((20, 30, 3), np.uint8)))
    content[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height in the header
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    replace_fill(archive, "0" * 64, bytes(content))
    assert_refused(store, archive, f"images/{'0' * 64}.png")


# --- all or nothing -------------------------------------------------------------------------------


def test_a_full_disk_in_the_middle_leaves_nothing(
    archive: Path, store: PreferenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def keep_image(folder: Path, sha256: str, pixels: np.ndarray) -> None:
        written.append(sha256)
        if len(written) == 7:
            raise OSError(28, "No space left on device")
        real(folder, sha256, pixels)

    real = writing.keep_image
    monkeypatch.setattr(writing, "keep_image", keep_image)
    before = everything(store), members(store.folder / "images")
    with pytest.raises(PrefPaintError, match="No space left"):
        import_preferences(store, archive)
    assert (everything(store), members(store.folder / "images")) == before
    monkeypatch.undo()
    assert import_preferences(store, archive).new == 3


def test_cancelling_leaves_nothing(archive: Path, store: PreferenceStore) -> None:
    cancel = threading.Event()
    before = everything(store), members(store.folder / "images")
    with pytest.raises(Cancelled):
        import_preferences(store, archive, lambda _: cancel.set(), cancel)
    assert (everything(store), members(store.folder / "images")) == before
