"""One prompt as it stands on the rating screen: order, values, reasons and the cell in hand."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from training.preferences.agreement import CRITERIA
from training.preferences.records import Rating, StoredOpinion
from training.prompts.paper_folder import PaperPrompt

SHORT_CRITERIA = ("Structure", "Texture", "Overall")
REASONS = ("seam", "blur", "wrong object", "repetition", "colour", "distortion")


def shuffled(person: str, prompt: PaperPrompt) -> tuple[int, ...]:
    """Places of the prompt's pictures as this person sees them; the same at every start."""
    places = list(range(len(prompt.indices)))
    random.Random(f"{person}\n{prompt.name}").shuffle(places)
    return tuple(places)


@dataclass
class Marks:
    """Positions are those on screen, from the left.

    order: place in the prompt's own order by position. seeds: numbers of the pictures by position.
    values: three by position, None where nothing is said yet. cell: position and criterion.
    """

    order: tuple[int, ...]
    seeds: tuple[int, ...]
    values: list[list[int | None]]
    reasons: list[set[str]]
    cell: tuple[int, int] = (0, 0)
    unscored: set[int] = field(default_factory=set)
    """Positions whose rating was kept before the reward model had seen the prompt."""

    @classmethod
    def of(cls, person: str, prompt: PaperPrompt, opinions: Iterable[StoredOpinion]) -> "Marks":
        """With what the person said before."""
        order = shuffled(person, prompt)
        seeds = tuple(int(prompt.indices[place]) for place in order)
        marks = cls(order, seeds, [[None] * len(CRITERIA) for _ in seeds], [set() for _ in seeds])
        for one in sorted(opinions, key=lambda one: (one.recorded_at, one.record_id)):
            said = one.opinion
            if said.rating is not None and said.seed in seeds:
                position = seeds.index(said.seed)
                marks.values[position] = list(said.rating)
                marks.reasons[position] = set(said.reasons)
        return marks

    @property
    def first_empty(self) -> tuple[int, int] | None:
        cells = ((position, c) for position in range(len(self.seeds)) for c in range(len(CRITERIA)))
        return next((cell for cell in cells if self.values[cell[0]][cell[1]] is None), None)

    @property
    def is_complete(self) -> bool:
        return self.first_empty is None

    def rating(self, position: int) -> Rating | None:
        """All three values of a picture, or None while one is missing."""
        structure, texture, overall = self.values[position]
        if structure is None or texture is None or overall is None:
            return None
        return structure, texture, overall

    def put(self, value: int) -> None:
        """Fill the cell in hand and go on to the one after it."""
        position, criterion = self.cell
        self.values[position][criterion] = value
        self.go(1)

    def go(self, steps: int) -> None:
        """To a later or earlier cell: the criteria of one picture, then the next picture."""
        position, criterion = self.cell
        last = len(self.seeds) * len(CRITERIA) - 1
        number = min(max(position * len(CRITERIA) + criterion + steps, 0), last)
        self.cell = divmod(number, len(CRITERIA))

    def move(self, pictures: int, criteria: int) -> None:
        """By so many pictures to the right and criteria down, up to the edge."""
        position = min(max(self.cell[0] + pictures, 0), len(self.seeds) - 1)
        self.cell = position, min(max(self.cell[1] + criteria, 0), len(CRITERIA) - 1)

    def toggle_reason(self, reason: str) -> None:
        """Tick a reason for the picture in hand, or take it back."""
        self.reasons[self.cell[0]] ^= {reason}
