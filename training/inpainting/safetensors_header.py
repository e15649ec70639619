"""The header of a .safetensors file: names and shapes of its tensors, none of its data.

The format: https://huggingface.co/docs/safetensors. Eight bytes hold the header's length, little
endian; then comes the header as JSON; then the data, whose end the header tells.
"""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import PrefPaintError

LARGEST_HEADER = 100_000_000
"""Bytes; what the safetensors library itself accepts."""
_STARTS_OF_OTHER_FILES = {
    b"PK\x03\x04": "a file of pickled weights that was renamed",
    b"\x80\x02": "a file of pickled weights that was renamed",
    b"version ": "a git-lfs pointer, not the file itself (`git lfs pull` fetches it)",
    b"<!DOCTYP": "a web page that was saved instead of the file",
    b"<html": "a web page that was saved instead of the file",
}


@dataclass(frozen=True)
class Header:
    """shapes: of every tensor, by its name. metadata: what the file's maker wrote beside them."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """Read the header and hold it against the file's size.

    Raises PrefPaintError for a file that is empty, cut short or something else, OSError where it
    cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if not start:
            raise PrefPaintError(f"{path} is empty. Copy or download it again.")
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > LARGEST_HEADER:  # a sound file's length may begin with any bytes
            for beginning, what in _STARTS_OF_OTHER_FILES.items():
                if start.startswith(beginning):
                    raise PrefPaintError(f"{path} is {what}. Get the .safetensors file instead.")
            raise PrefPaintError(
                f"{path} is no safetensors file, whatever its name says. Get the model's "
                ".safetensors file instead."
            )
        if 8 + length > size:
            raise _cut_short(path, size, 8 + length)
        content = file.read(length)
    shapes, metadata, data_size = _parse(path, content)
    if 8 + length + data_size != size:
        raise _cut_short(path, size, 8 + length + data_size)
    return Header(shapes, metadata)


def _parse(path: Path, content: bytes) -> tuple[dict[str, tuple[int, ...]], dict[str, str], int]:
    """Shapes, metadata and the end of the data, in bytes from its start."""
    try:
        header: dict[str, Any] = json.loads(content)
        metadata = {str(name): str(text) for name, text in header.pop("__metadata__", {}).items()}
        shapes = {name: tuple(map(int, tensor["shape"])) for name, tensor in header.items()}
        ends = [int(tensor["data_offsets"][1]) for tensor in header.values()]
        sizes = [math.prod(shape) for shape in shapes.values()]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise PrefPaintError(
            f"{path} is no safetensors file: its header cannot be read. Download it again."
        ) from error
    if not any(sizes):
        raise PrefPaintError(f"{path} holds no weights at all. Get the model's file again.")
    return shapes, metadata, max(ends)


def _cut_short(path: Path, size: int, expected: int) -> PrefPaintError:
    how = "cut short" if size < expected else "damaged"
    return PrefPaintError(
        f"{path} is {how}: it has {size} bytes, its header says {expected}. Download it again."
    )
