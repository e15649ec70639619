"""What stands behind the window: models, reward, preferences and training.

Everything heavy is imported where it is used, in a worker's thread: the window shows before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefpaint_gui.state.models import PATCHMATCH, ModelChoice
from prefpaint_gui.workers.generation import MakeInpainter, OwnedScorer
from prefpaint_gui.workers.models import Models
from prefpaint_gui.workers.preloaded import PreloadedScorer
from training.inpainting.request import OwnedInpainter
from training.inpainting.settings import DeviceName

if TYPE_CHECKING:
    from training.inpainting.model_entry import ModelEntry
    from training.preferences.store import PreferenceStore
    from training.reward.finetune import Place


@dataclass(frozen=True)
class Backends:
    """What the window works with; each is made in a worker's thread, when it is first needed.

    inpainter: takes the name of a ModelChoice, LoRA files for it, a device and, as scorer, the
    reward that judges (see Training). store: opens the person's preferences. models: those there
    are now, PatchMatch first. library: lists, fetches and removes models. training: where runs of
    the reward's training lie.
    """

    inpainter: MakeInpainter
    scorer: Callable[[str], OwnedScorer]
    store: "Callable[[], PreferenceStore]"
    models: Callable[[], list[ModelChoice]]
    library: Callable[[], Models]
    training: "Callable[[], Place]"


def real_backends() -> Backends:
    """Those of this person on this machine; torch runs in processes of its own."""

    @cache
    def library() -> Models:
        from prefpaint_gui.inpainters import model_store

        return model_store()

    def models() -> list[ModelChoice]:
        return [PATCHMATCH] + [
            ModelChoice(entry.name, _title(entry), True, entry.state == "ready")
            for entry in library().entries()
            if entry.name != PATCHMATCH.name and entry.family != "reward"
        ]

    def inpainter(
        model: str, loras: tuple[Path, ...], reward: str, device: DeviceName
    ) -> OwnedInpainter:
        from prefpaint_gui.inpainters import make_inpainter, reward_path

        made = make_inpainter(model, reward_path(reward), loras, device)
        made.start()
        return made

    def scorer(reward: str) -> OwnedScorer:
        from prefpaint_gui.inpainters import reward_path
        from training.reward.scorer import ProcessScorer

        return PreloadedScorer(ProcessScorer(reward_path(reward)))

    def store() -> "PreferenceStore":
        from prefpaint_gui.paths import data_folder
        from training.preferences.store import PreferenceStore

        return PreferenceStore(data_folder())

    def training() -> "Place":
        from prefpaint_gui.paths import data_folder
        from prefpaint_gui.rewards import train_command
        from training.reward.finetune import Place, own_settings
        from training.reward.scorer import builtin_reward_path

        return Place(data_folder(), train_command(), builtin_reward_path(), own_settings())

    return Backends(inpainter, scorer, store, models, library, training)


def _title(entry: "ModelEntry") -> str:
    return f"{entry.title} · built in" if entry.is_builtin else entry.title
