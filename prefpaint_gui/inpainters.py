"""Which inpainter a model's name stands for. No Qt, no torch."""

from pathlib import Path
from typing import Protocol

from training.inpainting.model_store import ModelStore

from prefpaint_gui.paths import data_folder
from training.inpainting.patchmatch import PatchMatchInpainter
from training.inpainting.request import Inpainter
from training.inpainting.settings import DeviceName, DtypeName
from training.process_inpainter import ModelSource, ProcessInpainter

PATCHMATCH = PatchMatchInpainter.name


class OwnedInpainter(Inpainter, Protocol):
    """An inpainter that is closed when its owner is."""

    def start(self) -> None:
        """Start its processes ahead of the first request."""

    def close(self) -> None:
        """End its processes at once."""


def model_store() -> ModelStore:
    """The models of this person on this machine."""
    return ModelStore(data_folder() / "models")


def make_inpainter(
    model: str,
    reward: Path,
    loras: tuple[Path, ...] = (),
    device: DeviceName = "auto",
    dtype: DtypeName = "auto",
) -> OwnedInpainter:
    """model: a name of the store, a folder or a file. reward: judges candidates on the way.

    Raises PrefPaintError when there is no such model on this machine.
    """
    if model == PATCHMATCH:
        return PatchMatchInpainter()
    entry = model_store().find(model)
    assert entry.location is not None  # `find` gives only what is there
    return ProcessInpainter(ModelSource(entry.name, entry.location, reward, loras, device, dtype))
