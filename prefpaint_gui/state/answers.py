"""What the person says of the candidates: each answer is kept once and can be undone."""

import itertools
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.candidates import Candidates, Thumb
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.history import Swap
from prefpaint_gui.state.messages import Answer
from prefpaint_gui.state.personal import Personal
from training.preferences.records import Opinion
from training.preferences.records import Signal as Said


@dataclass(frozen=True)
class _Given:
    """An answer about one strip. arranges: its order is the one that the strip shows."""

    strip: int
    opinion: Opinion
    arranges: bool = False


class Answers(QObject):
    """Gives answers, takes them back, and shows the candidates those of the present profile."""

    given = Signal(object)
    """Carries an Answer; `swapped` a Swap of earlier ones."""
    swapped = Signal(object)
    forgotten = Signal()
    """No answer given so far is swapped any more."""

    def __init__(self, document: Document, candidates: Candidates, personal: Personal) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._personal = personal
        self._tokens = itertools.count(1)
        self._all: dict[int, _Given] = {}
        """By token, those taken back too: undo and redo may want them again."""
        self._valid: dict[tuple[int, tuple[str, str, int | None]], int] = {}
        """Tokens of what holds, by strip and subject."""
        candidates.strip_changed.connect(self._show)
        document.answers_swapped.connect(self._swap)
        personal.profile_changed.connect(self._show)

    def forget(self) -> None:
        """There is another photo."""
        self._all.clear()
        self._valid.clear()
        self.forgotten.emit()

    # --- what a person can say ----------------------------------------------------------------

    def toggle_thumb(self, seed: int, thumb: Thumb) -> None:
        """Give a thumb, change it, or take it back when it was given before."""
        if self._candidates.by_seed(seed) is not None:
            self._toggle(self._opinion(thumb, seed), f"thumb {thumb}")

    def thumb_shown(self, thumb: Thumb) -> None:
        filled = self._candidates.shown
        if filled is not None:
            self.toggle_thumb(filled.seed, thumb)

    def toggle_none(self) -> None:
        """Say that none of the candidates will do, or take that back."""
        if self._candidates.ranked:
            self._toggle(self._opinion("none"), "“none of these”")

    def arrange(self, order: tuple[int, ...]) -> None:
        """Put the candidates into another order, which stays; seeds, best first."""
        if len(order) > 1 and order != self._seeds:
            self._give(self._opinion("order", order=order), "order", arranges=True)

    def move_shown(self, step: int) -> None:
        """Move the candidate that is shown so many places to the right."""
        filled, order = self._candidates.shown, list(self._seeds)
        if filled is None:
            return
        place = order.index(filled.seed) + step
        if 0 <= place < len(order):
            order.remove(filled.seed)
            order.insert(place, filled.seed)
            self._candidates.select(filled.seed)
            self.arrange(tuple(order))

    def drop_order(self) -> None:
        """Take the order back that the person has given."""
        given = self._given(self._opinion("order"))
        if given is not None:
            self._take_back(given, "dropping my order")

    def prefer(self, best: int, others: tuple[int, ...]) -> None:
        """Answer the question which of some is best."""
        self._give(self._opinion("best", order=(best, *others)), "answer")

    def accept(self, seed: int) -> int:
        """Say that a candidate was chosen; returns the token for the history."""
        return self._tell(_Given(self._strip, self._opinion("accept", seed)))

    @property
    def has_order(self) -> bool:
        """Whether the person has put candidates of the strip into an order."""
        return self._given(self._opinion("order")) is not None

    # --- giving and taking back ---------------------------------------------------------------

    def _opinion(self, said: Said, seed: int | None = None, order: tuple[int, ...] = ()) -> Opinion:
        return Opinion(said, seed, order=order, person=self._personal.values.profile)

    @property
    def _strip(self) -> int:
        return self._candidates.order.job_id if self._candidates.order is not None else 0

    @property
    def _seeds(self) -> tuple[int, ...]:
        return tuple(filled.seed for filled in self._candidates.ranked)

    def _given(self, opinion: Opinion) -> int | None:
        """The token of what holds on the same subject."""
        return self._valid.get((self._strip, opinion.subject))

    def _toggle(self, opinion: Opinion, label: str) -> None:
        before = self._given(opinion)
        if before is not None and self._all[before].opinion == opinion:
            self._take_back(before, f"taking back {label}")
        else:
            self._give(opinion, label)

    def _give(self, opinion: Opinion, label: str, *, arranges: bool = False) -> None:
        given = _Given(self._strip, opinion, arranges)
        subject = self._strip, opinion.subject
        before = self._valid.get(subject)
        token = self._valid[subject] = self._tell(given, before)
        self._document.note_answers(label, Swap(before, token))
        self._show()

    def _tell(self, given: _Given, replaces: int | None = None) -> int:
        """Hand an answer on, with what is on screen."""
        photo, ranked = self._document.photo, self._candidates.ranked
        assert photo is not None  # there are candidates only of a photo
        token = next(self._tokens)
        self._all[token] = given
        self._candidates.keep_selection()
        self.given.emit(
            Answer(
                token,
                photo.pixels,
                ranked[0].request,
                tuple(filled.fill for filled in ranked),
                ranked[0].reward_model,
                given.opinion,
                replaces,
                self._personal.values.keeps_photos,
            )
        )
        return token

    def _take_back(self, token: int, label: str) -> None:
        swap = Swap(token, None)
        self._document.note_answers(label, swap)
        self._swap(swap)

    @Slot(object)
    def _swap(self, swap: Swap) -> None:
        for token in (swap.old, swap.new):
            given = self._all.get(token or 0)
            if given is None or given.opinion.signal == "accept":
                continue
            subject = given.strip, given.opinion.subject
            if token is not None and token == swap.new:
                self._valid[subject] = token
            else:
                self._valid.pop(subject, None)
        self.swapped.emit(swap)
        self._show()

    @Slot()
    def _show(self) -> None:
        person = self._personal.values.profile
        here = (t for (strip, _), t in self._valid.items() if strip == self._strip)
        held = [self._all[t] for t in here if self._all[t].opinion.person == person]
        thumbs: dict[int, Thumb] = {}
        for given in held:
            said, seed = given.opinion.signal, given.opinion.seed
            if seed is not None and (said == "up" or said == "down"):
                thumbs[seed] = said
        self._candidates.show_answers(
            thumbs=thumbs,
            own_order=next((given.opinion.order for given in held if given.arranges), ()),
            none_fits=any(given.opinion.signal == "none" for given in held),
        )
