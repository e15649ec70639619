"""What stands behind the window: models, reward, preferences and training.

Everything heavy is imported where it is used, in a worker's thread: the window shows before.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefpaint_gui.state.models import PATCHMATCH, ModelChoice
from prefpaint_gui.state.training import BUILTIN
from prefpaint_gui.workers.generation import MakeInpainter, OwnedScorer
from prefpaint_gui.workers.models import Models
from prefpaint_gui.workers.preloaded import PreloadedScorer
from training.inpainting.request import OwnedInpainter

if TYPE_CHECKING:
    from training.inpainting.model_entry import ModelEntry
    from training.preferences.store import PreferenceStore
    from training.reward.finetune import Place

TRAIN_WORD = "--prefpaint-train"
"""The first word by which the window calls its own bundle to train a reward."""


@dataclass(frozen=True)
class Backends:
    """What the window works with; each is made in a worker's thread, when it is first needed.

    inpainter: takes the name of a ModelChoice, LoRA files for it and, as scorer, the reward that
    judges (see Training). store: opens the person's preferences. models: those there are now,
    PatchMatch first. library: lists, fetches and removes models. training: where runs of the
    reward's training lie.
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
            if entry.name != PATCHMATCH.name
        ]

    def path_of(reward: str) -> Path:
        from training.reward.scorer import builtin_reward_path

        return builtin_reward_path() if reward == BUILTIN else Path(reward)

    def inpainter(model: str, loras: tuple[Path, ...], reward: str) -> OwnedInpainter:
        from prefpaint_gui.inpainters import make_inpainter

        made = make_inpainter(model, path_of(reward), loras)
        made.start()
        return made

    def scorer(reward: str) -> OwnedScorer:
        from training.reward.scorer import ProcessScorer

        return PreloadedScorer(ProcessScorer(path_of(reward)))

    def store() -> "PreferenceStore":
        from prefpaint_gui.paths import data_folder
        from training.preferences.store import PreferenceStore

        return PreferenceStore(data_folder())

    def training() -> "Place":
        from prefpaint_gui.paths import data_folder
        from training.reward.finetune import Place, own_settings

        # In a bundle there is no Python to call: see prefpaint_gui.__main__.
        is_bundle = getattr(sys, "frozen", False)
        words = (TRAIN_WORD,) if is_bundle else ("-m", "training")
        command = (sys.executable, *words)
        return Place(data_folder(), command, path_of(BUILTIN), own_settings())

    return Backends(inpainter, scorer, store, models, library, training)


def _title(entry: "ModelEntry") -> str:
    return f"{entry.title} · built in" if entry.is_builtin else entry.title
