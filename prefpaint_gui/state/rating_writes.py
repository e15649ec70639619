"""Opinions on their way to the store, and those that could not be written."""

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.rating_marks import Marks
from prefpaint_gui.state.rating_messages import LoadedPrompt, RatingOrder, ScoredPrompt
from training.inpainting.request import Box
from training.preferences.records import Presentation, ShownCandidate


class RatingWrites(QObject):
    """What could not be written stays here, to be tried again when anything else is written."""

    keep_wanted = Signal(object)
    """Carries a RatingOrder."""
    failed = Signal(str)
    """One sentence for the banner; `succeeded` takes it away again."""
    succeeded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._writing: dict[tuple[str, int | None], RatingOrder] = {}
        self._failed: dict[tuple[str, int | None], RatingOrder] = {}

    @property
    def unsaved_count(self) -> int:
        return len(self._failed) + len(self._writing)

    @property
    def failed_count(self) -> int:
        return len(self._failed)

    def keep(self, order: RatingOrder) -> None:
        """Write it; a later order for the same picture takes its place."""
        self._failed.pop(order.key, None)
        self._writing[order.key] = order
        self.keep_wanted.emit(order)

    @Slot()
    def retry(self) -> None:
        for order in list(self._failed.values()):
            self.keep(order)

    @Slot(object)
    def on_kept(self, order: RatingOrder) -> None:
        if self._writing.get(order.key) is order:
            del self._writing[order.key]
        if self._failed:
            self.retry()
        elif not self._writing:
            self.succeeded.emit()

    @Slot(object, str)
    def on_not_kept(self, order: RatingOrder, sentence: str) -> None:
        if self._writing.get(order.key) is order:
            self._failed[order.key] = self._writing.pop(order.key)
        waiting = len(self._failed)
        what = "One opinion waits" if waiting == 1 else f"{waiting} opinions wait"
        self.failed.emit(f"{sentence} {what} to be kept; Ctrl+R tries again.")


def presentation_of(
    loaded: LoadedPrompt, marks: Marks, scored: ScoredPrompt | None, collection: str
) -> Presentation:
    """What is on the rating screen, in the order in which this person sees it."""
    candidates = []
    for rank, (place, seed) in enumerate(zip(marks.order, marks.seeds, strict=True), 1):
        score = scored.scores[place] if scored else None
        candidates.append(
            ShownCandidate(
                rank=rank,
                seed=seed,
                model="unknown",
                pixels=loaded.pictures.fills[place],
                reward=score.reward if score else None,
                trust=score.trust if score else None,
                features=score.features if score else np.zeros(0, np.float32),
            )
        )
    return Presentation(
        photo_sha256=loaded.photo_sha256,
        box=Box(0, 0, *loaded.pictures.hole.shape),
        image=loaded.pictures.masked,
        hole=loaded.pictures.hole,
        prompt="",
        reward_model=scored.reward_model if scored else "",
        candidates=tuple(candidates),
        collection=collection,
        item=loaded.prompt.name,
    )
