"""The course of a rating session: which prompt is next, what was said of it, what is kept."""

from itertools import islice
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.rater import rater_name
from prefpaint_gui.state.rating_marks import REASONS, Marks
from prefpaint_gui.state.rating_messages import GivenOpinions, LoadedPrompt, RatingOrder
from prefpaint_gui.state.rating_pictures import RatingPictures
from prefpaint_gui.state.rating_progress import RatingProgress
from prefpaint_gui.state.rating_writes import RatingWrites, presentation_of
from training.errors import PrefPaintError
from training.preferences.agreement import CRITERIA, Agreement
from training.preferences.records import Opinion
from training.prompts.paper_folder import PaperFolder, PaperPrompt

AHEAD = 3
"""Prompts whose pictures are read before they are wanted."""

Phase = Literal["listing", "naming", "opening", "rating", "summary", "failed"]


class RatingSession(QObject):
    """Whoever reads folders and keeps opinions connects to the signals that end in `wanted`, here
    and in `pictures` and `writes`, and reports to the slots. Positions are those of Marks.
    """

    listing_wanted = Signal(object)
    """Carries the folder's Path."""
    opinions_wanted = Signal(str, str)
    """Carries the collection and the person; `agreement_wanted` the collection."""
    agreement_wanted = Signal(str)
    changed = Signal()

    def __init__(self, folder: Path, person: str | None) -> None:
        """person: a name to begin with at once; None to ask for one."""
        super().__init__()
        self.folder = folder
        self.person = person or ""
        self.phase: Phase = "listing"
        self.listing: PaperFolder | None = None
        self.note = ""
        """A passing remark on the last thing done."""
        self.agreement: Agreement | None = None
        self.is_giving_reasons = False
        self.progress = RatingProgress()
        self.pictures = RatingPictures()
        self.writes = RatingWrites()
        self._place = 0
        self._given = GivenOpinions("", "", {})
        self._marks: dict[str, Marks] = {}
        self.pictures.arrived.connect(self._on_arrived)
        self.pictures.scored.connect(self._on_scored)
        self.pictures.broken.connect(self._on_broken)

    # --- what there is ------------------------------------------------------------------------

    @property
    def prompts(self) -> tuple[PaperPrompt, ...]:
        return self.listing.prompts if self.listing else ()

    @property
    def set_aside(self) -> tuple[str, ...]:
        """A sentence for each prompt or file that cannot be rated."""
        return (*(self.listing.set_aside if self.listing else ()), *self.progress.broken.values())

    @property
    def prompt(self) -> PaperPrompt | None:
        return self.prompts[self._place] if self.phase == "rating" else None

    @property
    def place(self) -> int:
        """Of the present prompt in the folder, from 1."""
        return self._place + 1

    @property
    def loaded(self) -> LoadedPrompt | None:
        """The present prompt's pictures; None while they are being read."""
        return self.pictures.loaded.get(self.prompt.name) if self.prompt else None

    @property
    def marks(self) -> Marks | None:
        return self._marks_of(self.prompt) if self.prompt else None

    def _marks_of(self, prompt: PaperPrompt) -> Marks:
        if prompt.name not in self._marks:
            given = self._given.by_item.get(prompt.name, ())
            self._marks[prompt.name] = Marks.of(self.person, prompt, given)
        return self._marks[prompt.name]

    # --- from the folder to the first prompt --------------------------------------------------

    def begin(self) -> None:
        """List the folder."""
        self.listing_wanted.emit(self.folder)

    @Slot(object)
    def on_listed(self, listing: PaperFolder) -> None:
        self.listing, self.progress.prompts = listing, listing.prompts
        if self.person:
            self.start(self.person)
        else:
            self.phase = "naming"
            self.agreement_wanted.emit(listing.collection)
            self.changed.emit()

    @Slot(str)
    def on_failed(self, sentence: str) -> None:
        """The folder or the opinions given before cannot be read."""
        if self.phase in ("listing", "naming", "opening"):
            self.phase = "failed"
        self.note = sentence
        self.changed.emit()

    def start(self, name: str) -> None:
        """Rate under this name, from where that person stopped."""
        assert self.listing is not None
        try:
            self.person = rater_name(name)
        except PrefPaintError as error:
            self.note = str(error)
        else:
            self.phase, self.note = "opening", ""
            self.opinions_wanted.emit(self.listing.collection, self.person)
        self.changed.emit()

    @Slot(object)
    def on_opinions(self, given: GivenOpinions) -> None:
        self._given = given
        self.progress.take_up(given.by_item)
        self._go_to_open(0)

    # --- what the person does -----------------------------------------------------------------

    def rate(self, value: int) -> None:
        """Fill the cell in hand; a picture's third value keeps its rating."""
        if (marks := self._marks_in_hand()) is not None:
            position = marks.cell[0]
            marks.put(value)
            self._keep_rating(position)
            self.changed.emit()

    def select(self, position: int, criterion: int) -> None:
        """Take a cell in hand."""
        if (marks := self._marks_in_hand()) is not None:
            marks.cell = position, criterion
            self.changed.emit()

    def move(self, pictures: int, criteria: int) -> None:
        """Take a cell in hand that lies so many pictures to the right and criteria down."""
        if (marks := self._marks_in_hand()) is not None:
            marks.move(pictures, criteria)
            self.changed.emit()

    def back(self) -> None:
        """To the cell before."""
        if (marks := self._marks_in_hand()) is not None:
            marks.go(-1)
            self.changed.emit()

    def give_reasons(self, wanted: bool) -> None:
        """Whether number keys tick reasons from now on."""
        self.is_giving_reasons = wanted and self._marks_in_hand() is not None
        self.changed.emit()

    def toggle_reason(self, number: int) -> None:
        """number: of REASONS, from 0."""
        marks = self._marks_in_hand()
        if marks is not None and number < len(REASONS):
            marks.toggle_reason(REASONS[number])
            self._keep_rating(marks.cell[0])
            self.changed.emit()

    def go_on(self) -> None:
        """To the next prompt that is not done, or say what is missing in this one."""
        if self.phase == "summary":
            if self.progress.done < self.progress.total:
                self._go_to_open(self._place)
            return
        marks = self._marks_in_hand()
        if marks is None:
            return
        empty = marks.first_empty
        if empty is None:
            self._go_to_open(self._place + 1)
        else:
            marks.cell = empty
            what = f"value for {CRITERIA[empty[1]]}"
            self.note = f"Picture {empty[0] + 1} has no {what} yet. S skips the prompt."
            self.changed.emit()

    def skip(self) -> None:
        """Pass over the prompt, with all reasons ticked on its pictures; if rated it stays so."""
        loaded, marks = self.loaded, self._marks_in_hand()
        if loaded is None or marks is None:
            return
        name = loaded.prompt.name
        if name not in self.progress.rated:
            reasons = tuple(reason for reason in REASONS if any(reason in r for r in marks.reasons))
            self._keep(loaded, Opinion("skip", reasons=reasons, person=self.person))
            self.progress.finish(name, rated=False)
        self._go_to_open(self._place + 1)

    def step(self, by: int) -> None:
        """by: 1 or -1, to the next or previous prompt, done or not; from a summary to the last."""
        if self.phase not in ("rating", "summary"):
            return
        place = self._place if self.phase == "summary" else self._place + by
        while 0 <= place < len(self.prompts) and self.prompts[place].name in self.progress.broken:
            place += by
        if 0 <= place < len(self.prompts):
            self._show(place)

    def summarise(self) -> None:
        """Show how far one has come, and how the raters agree."""
        if self.listing is not None and self.phase in ("opening", "rating"):
            self.phase, self.is_giving_reasons = "summary", False
            self.agreement_wanted.emit(self.listing.collection)
            self.changed.emit()

    def _marks_in_hand(self) -> Marks | None:
        """None while there is nothing on screen that could be judged."""
        if self.loaded is None:
            return None
        self.note = ""
        return self.marks

    # --- from prompt to prompt ----------------------------------------------------------------

    def _go_to_open(self, first: int) -> None:
        place = next(self.progress.open_places(first), None)
        if place is None:
            self.summarise()
        else:
            self._show(place)

    def _show(self, place: int) -> None:
        self._place, self.phase, self.is_giving_reasons = place, "rating", False
        self.progress.leave()
        marks = self._marks_of(self.prompts[place])
        marks.cell = marks.first_empty or (0, 0)
        around = [place, *islice(self.progress.open_places(place + 1), AHEAD)]
        around += [place - 1] if place else []
        prompts = (self.prompts[near] for near in around)
        self.pictures.want(prompt for prompt in prompts if prompt.name not in self.progress.broken)
        if self.loaded is not None:
            self.progress.note_shown()
        self.changed.emit()

    @Slot(str)
    def _on_arrived(self, name: str) -> None:
        if self.prompt is not None and self.prompt.name == name:
            self.progress.note_shown()
            self.changed.emit()

    @Slot(str, str)
    def _on_broken(self, name: str, sentence: str) -> None:
        """A prompt that cannot be shown is set aside, and said."""
        is_present = self.prompt is not None and self.prompt.name == name
        self.progress.set_aside(name, sentence)
        if is_present:
            self._go_to_open(self._place)
        self.note = f"A prompt is set aside. {sentence}"
        self.changed.emit()

    # --- keeping ------------------------------------------------------------------------------

    @Slot(str)
    def _on_scored(self, name: str) -> None:
        """What was rated before its score was there is kept again, now with the score."""
        loaded = self.pictures.loaded[name]
        marks = self._marks_of(loaded.prompt)
        while marks.unscored:
            self._keep(loaded, self._rating(loaded.prompt, marks.unscored.pop()))

    def _keep_rating(self, position: int) -> None:
        """Keep what is said of a picture, once it is whole."""
        loaded, marks = self.loaded, self.marks
        if loaded is None or marks is None or marks.rating(position) is None:
            return
        name = loaded.prompt.name
        if name not in self.pictures.scores:
            marks.unscored.add(position)
        self._keep(loaded, self._rating(loaded.prompt, position))
        if marks.is_complete:
            self.progress.finish(name, rated=True)
        self.progress.skipped.discard(name)

    def _rating(self, prompt: PaperPrompt, position: int) -> Opinion:
        marks = self._marks_of(prompt)
        return Opinion(
            "rating",
            marks.seeds[position],
            rating=marks.rating(position),
            reasons=tuple(reason for reason in REASONS if reason in marks.reasons[position]),
            person=self.person,
        )

    def _keep(self, loaded: LoadedPrompt, opinion: Opinion) -> None:
        assert self.listing is not None
        marks, scored = self._marks_of(loaded.prompt), self.pictures.scores.get(loaded.prompt.name)
        shown = presentation_of(loaded, marks, scored, self.listing.collection)
        self.writes.keep(RatingOrder(shown, opinion))

    @Slot(object)
    def on_agreement(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.changed.emit()
