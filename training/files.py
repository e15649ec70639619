"""Writing a file so that a crash, a full disk or a kill never leaves half of it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt


@contextmanager
def replaced_when_complete(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to; it takes the place of `path` only if the block succeeds.

    Until then it is a hidden file in the same folder, which is removed when anything goes wrong.
    A link is followed, and an existing file keeps its permissions. OSError passes through.
    """
    path = path.resolve()
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    temporary = path.with_name(f".prefpaint-{uuid.uuid4().hex[:12]}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write (h, w) or (h, w, 3 or 4) pixels, quickly compressed. OSError passes through."""
    from PIL import Image  # here, for not everyone who writes files writes pictures

    with replaced_when_complete(path) as file:
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
