"""Which prompts of a folder are through, and how long they took."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from training.preferences.records import StoredOpinion
from training.prompts.paper_folder import PaperPrompt


class RatingProgress:
    """Prompts are known by name; each is rated, skipped, broken, or still open."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds."""
        self.prompts: Sequence[PaperPrompt] = ()
        self.rated: set[str] = set()
        self.skipped: set[str] = set()
        self.broken: dict[str, str] = {}
        """Prompts that could not be shown, with the sentence that says why."""
        self.seconds: list[float] = []
        """How long each prompt took that came through in this session."""
        self._clock = clock
        self._shown_at: float | None = None

    @property
    def total(self) -> int:
        """Prompts that can be rated, as far as is known."""
        return len(self.prompts) - len(self.broken)

    @property
    def done(self) -> int:
        """Prompts rated or skipped."""
        return len(self.rated) + len(self.skipped)

    @property
    def seconds_left(self) -> float | None:
        """From the median of this session; None before the first prompt is through."""
        if not self.seconds:
            return None
        return statistics.median(self.seconds) * (self.total - self.done)

    def take_up(self, given: Mapping[str, Sequence[StoredOpinion]]) -> None:
        """Count what was said before, by prompt."""
        for prompt in self.prompts:
            said = [one.opinion for one in given.get(prompt.name, ())]
            seeds = {opinion.seed for opinion in said if opinion.signal == "rating"}
            if seeds >= {int(index) for index in prompt.indices}:
                self.rated.add(prompt.name)
            elif any(opinion.signal == "skip" for opinion in said):
                self.skipped.add(prompt.name)

    def open_places(self, first: int) -> Iterator[int]:
        """Where prompts lie that are not through: from the first place on, then before it."""
        for place in (*range(first, len(self.prompts)), *range(first)):
            name = self.prompts[place].name
            if not (name in self.rated or name in self.skipped or name in self.broken):
                yield place

    def leave(self) -> None:
        """Another prompt comes; its time counts from when its pictures are there (`note_shown`)."""
        self._shown_at = None

    def note_shown(self) -> None:
        if self._shown_at is None:
            self._shown_at = self._clock()

    def finish(self, name: str, *, rated: bool) -> None:
        """A prompt is rated, or else skipped."""
        if name in self.rated:
            return
        if self._shown_at is not None and name not in self.skipped:
            self.seconds.append(self._clock() - self._shown_at)
        self.skipped.discard(name)
        (self.rated if rated else self.skipped).add(name)

    def set_aside(self, name: str, sentence: str) -> None:
        """A prompt cannot be shown."""
        self.broken[name] = sentence
        self.rated.discard(name)
        self.skipped.discard(name)
