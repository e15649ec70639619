"""Which inpainter and which reward a name stands for. No Qt, no torch."""

from pathlib import Path

from prefpaint_gui.paths import data_folder
from prefpaint_gui.rewards import convert_download
from prefpaint_gui.state.models import BUILTIN
from training.errors import PrefPaintError
from training.inpainting.model_store import ModelStore
from training.inpainting.patchmatch import PatchMatchInpainter
from training.inpainting.request import OwnedInpainter
from training.inpainting.settings import DeviceName, DtypeName
from training.process_inpainter import ModelSource, ProcessInpainter
from training.reward.scorer import builtin_reward_path

PATCHMATCH = PatchMatchInpainter.name


def model_store() -> ModelStore:
    """The models of this person on this machine."""
    return ModelStore(data_folder() / "models", convert_reward=convert_download)


def reward_path(reward: str) -> Path:
    """The file, or an ensemble's folder, of a reward: BUILTIN, a name of the store, or a path.

    Raises PrefPaintError when the store lists it and has not got it; a path is not looked at.
    """
    if reward == BUILTIN:
        return builtin_reward_path()
    path, store = Path(reward), model_store()
    entry = None if path.exists() else store.listed(reward)
    if entry is None or entry.family != "reward":
        return path
    location = store.find(reward).location
    assert location is not None  # `find` gives only what is there
    return location


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
    if entry.family == "reward":
        raise PrefPaintError(
            f"{model} ranks fills and makes none. Choose another model, and this one with --reward."
        )
    assert entry.location is not None  # `find` gives only what is there
    source = ModelSource(entry.name, entry.location, reward, loras, device, dtype, compiled)
    return ProcessInpainter(source)
