"""What an interrupted run left: written whole, read back safely and only into the same run."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from training.errors import PrefPaintError
from training.files import replaced_when_complete


@contextmanager
def run_errors(folder: Path) -> Iterator[None]:
    """What writing to a run's folder can end in, as one sentence for people."""
    try:
        yield
    except OSError as error:
        raise PrefPaintError(
            f"The run cannot be kept in {folder} ({error.strerror or error}). Free some "
            "space; it goes on from its last checkpoint."
        ) from error


def write_checkpoint(path: Path, content: object) -> None:
    """Replace a checkpoint at once. Raises PrefPaintError when the disk is full or not writable;
    the one before stays."""
    with run_errors(path.parent), replaced_when_complete(path) as file:
        buffer = io.BytesIO()  # torch.save tells of a full disk in words that no one acts on
        torch.save(content, buffer)
        file.write(buffer.getbuffer())


def read_checkpoint(path: Path, settings: str) -> dict[str, Any] | None:
    """The content of a checkpoint, on the processor; None when there is none.

    settings: what its "settings" must be, JSON. Raises PrefPaintError when it is damaged or of a
    run with other settings; nothing but weights is unpickled.
    """
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        theirs = content["settings"]
    except Exception as error:
        raise PrefPaintError(f"{path} is damaged ({error}). Delete it to begin anew.") from error
    _refuse_others(f"{path.parent} holds a run", theirs, settings)
    return content


def claim(file: Path, settings: Mapping[str, Any]) -> str:
    """Keep in a folder's file what its content depends on; gives it as text.

    The folder is made where there is none. Raises PrefPaintError that names what differs where it
    was begun with other settings, or that it cannot be written.
    """
    ours = json.dumps(settings, indent=1, default=str) + "\n"
    with run_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            with replaced_when_complete(file) as opened:
                opened.write(ours.encode())
        _refuse_others(f"{file.parent} was begun", file.read_text(), ours)
    return ours


def _refuse_others(begun: str, theirs: str, ours: str) -> None:
    """Raise PrefPaintError where settings, JSON objects, differ in more than how they are written;
    null is as good as nothing."""
    try:
        one, other = json.loads(theirs), json.loads(ours)
        different = [name for name in one | other if one.get(name) != other.get(name)]
    except (ValueError, TypeError, AttributeError):
        different = ["they cannot be read"] if theirs != ours else []
    if different:
        raise PrefPaintError(
            f"{begun} with other settings ({', '.join(different)}). Name another folder, or delete "
            "it."
        )
