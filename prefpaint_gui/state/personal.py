"""Whose opinions are kept, and whether their taste orders the candidates."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.messages import Taste, TasteOrder
from prefpaint_gui.state.rater import LONGEST_NAME
from training.preferences.records import DEFAULT_PERSON


@dataclass(frozen=True)
class PersonalValues:
    """profile: whose opinions are kept now. profiles: the names there are to choose from.

    personal_order: whether the candidates stand in the order of the profile's taste. asks: whether
    the window may ask which of some fills is best. keeps_photos: whether the whole photo is kept
    with each answer. learned_since: by profile, from when on its answers count (UTC, ISO 8601); all
    of them where it is not named.
    """

    profile: str = DEFAULT_PERSON
    profiles: tuple[str, ...] = (DEFAULT_PERSON,)
    personal_order: bool = True
    asks: bool = False
    keeps_photos: bool = False
    learned_since: dict[str, str] = field(default_factory=dict)


class Personal(QObject):
    """Orders the taste of the present profile from the worker and hands it to the candidates."""

    changed = Signal()
    """Other values, or another taste."""
    profile_changed = Signal()
    """Another one is the present profile."""
    profiles_changed = Signal()
    """There is a new profile, or one was reset."""
    taste_wanted = Signal(object)
    """Carries a TasteOrder; the worker answers with a Taste at once and after each answer."""
    notice = Signal(str)

    def __init__(self, candidates: Candidates, values: PersonalValues) -> None:
        super().__init__()
        self._candidates = candidates
        self.values = values
        self.taste: Taste | None = None
        """The newest of the present profile, also while the general order is shown."""
        self._order: TasteOrder | None = None
        self._persons: tuple[str, ...] = ()
        candidates.changed.connect(self._want)

    def update(self, **changes: Any) -> None:
        """Set fields of PersonalValues."""
        before, self.values = self.values, replace(self.values, **changes)
        if self.values.profile != before.profile:
            self.profile_changed.emit()
        if self._order != self._next_order():
            self._order, self.taste = None, None
        self._want()
        self._show()
        if (self.values.profiles, self.values.learned_since) != (
            before.profiles,
            before.learned_since,
        ):
            self.profiles_changed.emit()

    def add_profile(self, name: str) -> None:
        """Begin another profile, or go back to the one of that name."""
        name = " ".join(name.split())[:LONGEST_NAME]
        if name:
            self.choose(name)

    def choose(self, name: str) -> None:
        """Go over to one of the names on offer."""
        known = self.values.profiles
        self.update(profile=name, profiles=known if name in known else (*known, name))

    @property
    def names(self) -> tuple[str, ...]:
        """Those on offer: the profiles, then others whose opinions are in the store."""
        return tuple(dict.fromkeys((*self.values.profiles, *self._persons)))

    @Slot(object)
    def on_persons(self, persons: Sequence[str]) -> None:
        """There are opinions of these, who may have rated or come with an import."""
        self._persons = tuple(name for name in persons if 0 < len(name) <= LONGEST_NAME)

    def reset(self) -> None:
        """Learn from nothing again; the answers given so far stay in the store."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = self.values
        self.update(learned_since={**values.learned_since, values.profile: now})
        self.notice.emit(f"What was learned of “{values.profile}” is forgotten.")

    @Slot()
    def learn_again(self) -> None:
        """Read the answers anew: others have come into the store, or left it."""
        if self._order is not None:
            self._order = replace(self._order)  # what is on its way for the old one is void
            self.taste_wanted.emit(self._order)

    @Slot()
    def _want(self) -> None:
        """Order the taste once it is known which reward model the candidates are scored by."""
        order = self._next_order()
        if order is not None and order != self._order:
            self._order, self.taste = order, None
            self._show()
            self.taste_wanted.emit(order)

    def _next_order(self) -> TasteOrder | None:
        values, ranked = self.values, self._candidates.ranked
        if not ranked or not (values.personal_order or values.asks):
            return None
        since = values.learned_since.get(values.profile)
        width = len(ranked[0].fill.score.features)
        return TasteOrder(values.profile, ranked[0].reward_model, width, since)

    @Slot(object)
    def on_learned(self, taste: Taste) -> None:
        if taste.order != self._order:
            return
        before, self.taste = self.taste, taste
        self._show()
        if before is not None and before.falls_back != taste.falls_back:
            self.notice.emit(taste.reward.sentence)

    def _show(self) -> None:
        self._candidates.set_taste(self.taste if self.values.personal_order else None)
        self.changed.emit()
