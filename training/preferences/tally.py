"""How much there is of what: counts over preferences, all or some of them."""

import sqlite3
from dataclasses import dataclass, field

from training.preferences.records import Filter, Signal, StoredPresentation
from training.preferences.rows import conditions


@dataclass
class Tally:
    """Counts over strips and what was said of them.

    signals: how often each was given. models: fills by model. persons: opinions by person.
    first, last: times of opinions (UTC, ISO 8601), "" without one. skipped: strips that could not
    be read, which are not counted otherwise.
    """

    strips: int = 0
    candidates: int = 0
    signals: dict[Signal, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    reward_models: set[str] = field(default_factory=set)
    photos: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    skipped: int = 0

    def add(self, strip: StoredPresentation) -> None:
        """Count a strip and what was said of it."""
        self._add_strips(1, strip.presentation.photo_sha256, strip.presentation.reward_model)
        for one in strip.presentation.candidates:
            self._add_candidates(1, one.model)
        for said in strip.opinions:
            time = said.recorded_at
            self._add_opinions(1, said.opinion.signal, said.opinion.person, time, time)

    @property
    def opinions(self) -> int:
        return sum(self.signals.values())

    def _add_strips(self, count: int, photo: str, reward_model: str) -> None:
        self.strips += count
        self.photos.add(photo)
        self.reward_models |= {reward_model} - {""}

    def _add_candidates(self, count: int, model: str) -> None:
        self.candidates += count
        self.models[model] = self.models.get(model, 0) + count

    def _add_opinions(self, count: int, signal: Signal, person: str, first: str, last: str) -> None:
        self.signals[signal] = self.signals.get(signal, 0) + count
        self.persons[person] = self.persons.get(person, 0) + count
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)


def tally_of(connection: sqlite3.Connection, which: Filter) -> Tally:
    """Count what the filter lets through in a preference database."""
    condition, values = conditions(which)
    said = f"FROM signal JOIN presentation ON presentation.id = presentation_id WHERE {condition}"
    tally = Tally()
    for row in connection.execute(
        f"""SELECT count(*), signal, person, min(signal.recorded_at), max(signal.recorded_at)
        {said} GROUP BY signal, person""",
        values,
    ):
        tally._add_opinions(*row)
    for row in connection.execute(
        f"""SELECT count(*), photo_sha256, reward_model FROM presentation
        WHERE id IN (SELECT presentation_id {said}) GROUP BY photo_sha256, reward_model""",
        values,
    ):
        tally._add_strips(*row)
    for row in connection.execute(
        f"""SELECT count(*), model FROM candidate
        WHERE presentation_id IN (SELECT presentation_id {said}) GROUP BY model""",
        values,
    ):
        tally._add_candidates(*row)
    return tally
