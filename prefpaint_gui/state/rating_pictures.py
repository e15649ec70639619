"""The pictures of the few prompts around the present one, and how the reward model scores them."""

import threading
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.rating_messages import LoadedPrompt, LoadOrder, ScoredPrompt
from training.prompts.paper_folder import PaperPrompt


class RatingPictures(QObject):
    """Holds only what is wanted, however many prompts there are."""

    load_wanted = Signal(object)
    """Carries a LoadOrder; `score_wanted` a LoadedPrompt."""
    score_wanted = Signal(object)
    arrived = Signal(str)
    """Carries a prompt's name, as does `scored`; `broken` the sentence that says why, too."""
    scored = Signal(str)
    broken = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.loaded: dict[str, LoadedPrompt] = {}
        self.scores: dict[str, ScoredPrompt] = {}
        self._loading: dict[str, LoadOrder] = {}

    def want(self, prompts: Iterable[PaperPrompt]) -> None:
        """Have these read, the first one first, and let go of all others."""
        wanted = {prompt.name: prompt for prompt in prompts}
        for name in self._loading.keys() - wanted:
            self._loading.pop(name).cancel.set()
        self.loaded = {name: one for name, one in self.loaded.items() if name in wanted}
        self.scores = {name: one for name, one in self.scores.items() if name in wanted}
        for name, prompt in wanted.items():
            if name not in self.loaded and name not in self._loading:
                self._loading[name] = LoadOrder(prompt, threading.Event())
                self.load_wanted.emit(self._loading[name])

    @Slot(object)
    def on_loaded(self, loaded: LoadedPrompt) -> None:
        name = loaded.prompt.name
        if self._loading.pop(name, None) is not None:
            self.loaded[name] = loaded
            self.score_wanted.emit(loaded)
            self.arrived.emit(name)

    @Slot(str, str)
    def on_broken(self, name: str, sentence: str) -> None:
        self._loading.pop(name, None)
        self.broken.emit(name, sentence)

    @Slot(object)
    def on_scored(self, scored: ScoredPrompt) -> None:
        if scored.name in self.loaded:
            self.scores[scored.name] = scored
            self.scored.emit(scored.name)
