"""Opens an archive that anybody may have made, and lets nothing of it out of its own folder."""

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Literal

NAMES = re.compile(r"README\.md|manifest\.json|strips\.jsonl|images/[0-9a-f]{64}\.png")
"""The files that an archive may hold."""
MOST_FILES = 2_000_000
MOST_BYTES = 1 << 40
MOST_GROWTH = 100
"""How many times its own size an archive may unpack to; pictures hardly shrink when packed."""
FREE_GROWTH = 64 << 20
"""Bytes that it may unpack to in any case: small archives are mostly names."""
PLAIN: Literal["r:"] = "r:"
"""Only tar that is not packed: tarfile reads a header whole, which in a packed one can be of any
size; pictures hardly shrink anyway."""
_CHUNK = 1 << 20


class Refused(Exception):  # noqa: N818 - what is wrong with an archive; the caller names it
    """A few words on why an archive is not read."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the files of an archive, which is a folder or a .zip or .tar of one.

    Nothing is written but the files of NAMES, in a temporary folder. Raises Refused for links,
    other names, damage, and what would unpack to far more than its size; OSError passes through.
    """
    if path.is_dir():
        _check_folder(path)
        yield path
        return
    with TemporaryDirectory(prefix="prefpaint-import-") as folder:
        _unpack(path, Path(folder))
        yield Path(folder)


def _unpack(path: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(path):
            _unpack_zip(path, folder)
        elif _is_tar(path):
            _unpack_tar(path, folder)
        else:
            raise Refused("it is neither a folder nor a .zip or an unpacked .tar file")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise Refused(f"it is damaged ({error})") from error
    except (RuntimeError, NotImplementedError, ValueError) as error:
        # zipfile's for what is encrypted or packed in a way that it does not know.
        raise Refused(f"it cannot be unpacked ({error})") from error


def _check_folder(folder: Path) -> None:
    if not (folder / "manifest.json").is_file():
        raise Refused("it has no manifest.json")
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise Refused(f"{name} is a link")
        if not path.is_dir() and not _is_litter(name):
            _checked_name(name, "")


class _Intake:
    """Counts what an archive holds, before it is unpacked, and copies it."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self._folder = folder
        self._room = min(MOST_BYTES, FREE_GROWTH + MOST_GROWTH * archive.stat().st_size)
        self._top: str | None = None
        """The folder that all files lie in, as when a folder itself was packed; "" for none."""
        self._names: set[str] = set()

    def admit(self, name: str, size: int) -> str | None:
        """The name to unpack a file under; None for what the desktop put beside it."""
        if _is_litter(name):
            return None
        if self._top is None:
            first, _, rest = name.removeprefix("./").partition("/")
            self._top = first if rest and first != "images" else ""
        inner = _checked_name(name.removeprefix("./"), self._top)
        self._room -= size
        if size < 0 or self._room < 0 or len(self._names) >= MOST_FILES:
            raise Refused("it would unpack to far more than its own size")
        if inner in self._names:
            raise Refused(f"it holds {inner} twice")
        self._names.add(inner)
        return inner

    def copy(self, name: str, size: int, source: IO[bytes]) -> None:
        """Write the file, which must have the size that was told."""
        target = self._folder / name
        target.parent.mkdir(exist_ok=True)
        left = size
        with target.open("xb") as file:
            while chunk := source.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise Refused(f"{name} is larger than it says")
                file.write(chunk)


def _unpack_zip(path: Path, folder: Path) -> None:
    intake = _Intake(path, folder)
    with zipfile.ZipFile(path) as archive:
        admitted = []
        for info in archive.infolist():
            # As it stands in the file: zipfile itself mends some names.
            name = info.orig_filename
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Refused(f"{name} is a link")
            if not info.is_dir() and (inner := intake.admit(name, info.file_size)) is not None:
                admitted.append((inner, info))
        for inner, info in admitted:
            with archive.open(info) as source:
                intake.copy(inner, info.file_size, source)


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, PLAIN):
            return True
    except tarfile.ReadError:
        return False


def _unpack_tar(path: Path, folder: Path) -> None:
    intake = _Intake(path, folder)
    with tarfile.open(path, PLAIN) as archive:
        for member in archive:
            if member.isdir():
                continue
            if not member.isreg():
                raise Refused(f"{member.name} is a link or no file at all")
            # Before the next header is looked for, as that unpacks what lies in between.
            inner = intake.admit(member.name, member.size)
            source = archive.extractfile(member)
            if inner is not None and source is not None:
                with source:
                    intake.copy(inner, member.size, source)


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return ".." not in parts and (parts[:1] == ("__MACOSX",) or parts[-1:] == (".DS_Store",))


def _checked_name(name: str, top: str) -> str:
    """The name within the archive's own folder."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
        raise Refused(f"{name} would lie outside of its folder")
    inner = name.removeprefix(f"{top}/") if top else name
    if not NAMES.fullmatch(inner):
        raise Refused(f"{name} does not belong there")
    return inner
