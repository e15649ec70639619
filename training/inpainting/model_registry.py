"""models.json: the models that a person has added or downloaded, one file in the store's folder."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.inpainting.checkpoint_files import Family

FILE_NAME = "models.json"
VERSION = 1
NAME = re.compile(r"\w[\w.\-]*")
"""A download lies in the folder of its name, so a name must not lead anywhere else."""


@dataclass(frozen=True)
class Record:
    """One model. source: hub id, or the path it was added from. path: where the person keeps it;
    None for a download, which lies in the store's folder under its name. size_bytes: on disk.
    is_complete: False while a download is not. half_precision: a download takes fp16 weights where
    there are any. Raises ValueError for anything else.
    """

    name: str
    title: str
    source: str
    path: str | None
    family: Family
    channels: int | None
    size_bytes: int
    licence: str
    is_complete: bool
    half_precision: bool = True

    def __post_init__(self) -> None:
        texts = (self.name, self.title, self.source, self.licence)
        valid = (
            all(isinstance(text, str) for text in texts)
            and NAME.fullmatch(self.name)
            and isinstance(self.path, str | None)
            and self.family in get_args(Family)
            and isinstance(self.channels, int | None)
            and isinstance(self.size_bytes, int)
            and isinstance(self.is_complete, bool)
            and isinstance(self.half_precision, bool)
        )
        if not valid:
            raise ValueError(f"not valid: {self}")


def read_records(folder: Path) -> tuple[list[Record], str | None]:
    """The records in the order in which they were added; also one sentence if a file was set aside.

    A damaged file is renamed, never deleted. Raises PrefPaintError where it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        kept = json.loads(content)
        if kept["version"] != VERSION:
            raise ValueError(f"version {kept['version']}")
        return [Record(**item) for item in kept["models"]], None
    except (ValueError, TypeError, KeyError, AttributeError):
        aside = path.with_name(f"{FILE_NAME}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
        try:
            path.rename(aside)
        except OSError as error:
            raise _unusable(path, error) from error
        return [], (
            f"The list of models was damaged; it is kept as {aside} and a new one has begun. "
            "Model files are untouched: add or download them again to list them."
        )


def write_records(folder: Path, records: list[Record]) -> None:
    """Write all records in one stroke. Raises PrefPaintError where that cannot be done."""
    content = {"version": VERSION, "models": [asdict(record) for record in records]}
    try:
        with replaced_when_complete(folder / FILE_NAME) as file:
            file.write(json.dumps(content, indent=2, ensure_ascii=False).encode())
    except OSError as error:
        raise _unusable(folder / FILE_NAME, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with the list: the window and a command may both be changing it. Makes the folder."""
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".models.lock"):
            yield
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(path: Path, error: OSError) -> PrefPaintError:
    return PrefPaintError(
        f"{path} cannot be used ({error.strerror or error}). Make it readable and writable for "
        "yourself, or free some space."
    )
