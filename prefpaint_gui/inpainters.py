"""Which inpainter a model's name stands for. No Qt, no torch."""

from pathlib import Path

from prefpaint_gui.paths import data_folder
from training.inpainting.model_store import ModelStore
from training.inpainting.patchmatch import PatchMatchInpainter
from training.inpainting.request import OwnedInpainter
from training.inpainting.settings import DeviceName, DtypeName
from training.process_inpainter import ModelSource, ProcessInpainter

PATCHMATCH = PatchMatchInpainter.name


def model_store() -> ModelStore:
    """The models of this person on this machine."""
    return ModelStore(data_folder() / "models")


def make_inpainter(
    model: str,
    reward: Path,
    loras: tuple[Path, ...] = (),
    device: DeviceName = "auto",
    dtype: DtypeName = "auto",
    compiled: bool = False,
) -> OwnedInpainter:
    """model: a name of the store, a folder or a file. reward: judges candidates on the way.
    compiled: torch.compile the model, slower at first and faster after.

    Raises PrefPaintError when there is no such model on this machine.
    """
    if model == PATCHMATCH:
        return PatchMatchInpainter()
    entry = model_store().find(model)
    assert entry.location is not None  # `find` gives only what is there
    source = ModelSource(entry.name, entry.location, reward, loras, device, dtype, compiled)
    return ProcessInpainter(source)
