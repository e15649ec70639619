"""From Generate to accept: what the buttons do, without widgets, threads or models."""

import itertools
import threading
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.answers import Answers
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.jobs import Jobs
from prefpaint_gui.state.messages import Filled, Order, Previewed
from prefpaint_gui.state.options import Options


class Session(QObject):
    """Places orders, takes in what comes back, and puts what is accepted into the photo.

    The candidates of the order that started last take over the strip; those before stay in reach.
    """

    seeds_changed = Signal()
    """`next_seeds` may be others now."""
    failed = Signal(str)
    """One sentence for the banner; `succeeded` takes it away again, a new order does too."""
    succeeded = Signal()
    notice = Signal(str)
    """One passing remark for the status bar."""

    def __init__(
        self, document: Document, candidates: Candidates, options: Options, answers: Answers
    ) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._options = options
        self.answers = answers
        self._numbers = itertools.count(1)
        self.jobs = Jobs()
        self._awaited: tuple[int, int] | None = None
        """Strip and seed of the draft that is accepted once it is finished."""
        self._next_seed: tuple[object, int] | None = None
        self.jobs.started.connect(self._on_started)
        self.jobs.ended.connect(self._on_ended)
        document.replaced.connect(self._forget)
        document.pixels_changed.connect(self._drop_stale)
        document.history_changed.connect(self.seeds_changed)

    # --- generate -----------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        return self.jobs.running is not None

    @property
    def next_seeds(self) -> tuple[int, ...]:
        """The seeds that Generate would take now: fresh ones while the question stays the same."""
        values = self._options.values
        first = values.seed
        if self._next_seed is not None and self._next_seed[0] == self._question():
            first = self._next_seed[1]
        return tuple(range(first, first + self._options.seed_count))

    def _question(self) -> object:
        """What the fills depend on, apart from their own seeds."""
        options, values = self._options, self._options.values
        asked = replace(options.order_settings, keep=None)
        versions = self._document.versions
        return versions, values.padding, values.feather, values.seed, options.model, asked

    def generate(self) -> None:
        """Ask for candidates for what is masked now, once the orders before are through."""
        document, values = self._document, self._options.values
        if not document.is_open:
            self.failed.emit("There is no photo yet. Open one, or drop one on the window.")
            return
        document.end_stroke()
        if not document.mask.any():
            self.failed.emit("The mask is empty. Paint over what should be replaced.")
            return
        seeds = self.next_seeds
        self._next_seed = (self._question(), seeds[-1] + 1)
        self.seeds_changed.emit()
        order = Order(
            next(self._numbers),
            document.pixels,
            document.versions.pixels,
            document.mask.copy(),
            seeds,
            values.padding,
            values.feather,
            self._options.model.name,
            self._options.order_settings,
            threading.Event(),
        )
        self.succeeded.emit()
        self.jobs.place(order)

    @Slot(object)
    def _on_started(self, order: Order) -> None:
        self._candidates.receive(order)

    @Slot()
    def _on_ended(self) -> None:
        self._forget_unless_awaited()
        self._candidates.drop_pending()

    @Slot()
    def _drop_stale(self) -> None:
        """What waits was placed for the photo as it was before."""
        version = self._document.versions.pixels
        dropped = self.jobs.drop_waiting(lambda order: order.pixels_version != version)
        if dropped:
            what = "1 waiting fill was" if dropped == 1 else f"{dropped} waiting fills were"
            self.notice.emit(f"The photo has changed, so {what} dropped.")
        self._forget_unless_awaited()

    def _forget_unless_awaited(self) -> None:
        """A draft whose fill no order makes any more is not accepted later."""
        if not any(map(self._makes_awaited, self.jobs.all)):
            self._awaited = None

    def _makes_awaited(self, order: Order) -> bool:
        strip, seed = self._awaited or (None, None)
        return order.strip == strip and seed in order.seeds

    # --- reports from the workers -------------------------------------------------------------

    @Slot(object)
    def on_previewed(self, preview: Previewed) -> None:
        if self.jobs.is_running(preview.job_id):
            self._candidates.add_preview(preview)

    @Slot(int, int)
    def on_dropped(self, job_id: int, seed: int) -> None:
        if self.jobs.is_running(job_id):
            self._candidates.drop(seed)

    @Slot(object)
    def on_filled(self, filled: Filled) -> None:
        order = self.jobs.running
        if order is None or order.job_id != filled.job_id:
            return
        self._candidates.add(filled)
        if self._awaited == (order.strip, filled.seed) and not filled.is_draft:
            self._awaited = None
            if order.pixels_version == self._document.versions.pixels:
                self._candidates.show_strip(order.strip)
                self._bake(filled)

    @Slot(int, str)
    def on_failed(self, job_id: int, sentence: str) -> None:
        if self.jobs.is_running(job_id):
            self.jobs.finish(job_id)
            self.failed.emit(sentence)

    # --- accept -------------------------------------------------------------------------------

    def accept(self) -> None:
        """Put the shown candidate into the photo; a draft is finished first."""
        filled = self._candidates.shown
        if filled is None:
            return
        self._candidates.select(filled.seed)
        if not filled.is_draft:
            self._bake(filled)
            return
        order = self._candidates.order
        if order is None:
            return
        self._awaited = (order.strip, filled.seed)
        if not any(map(self._makes_awaited, self.jobs.all)):
            self._finish(filled, order)
        self.notice.emit("Accepting as soon as the full-resolution fill is done. Esc cancels.")

    def cancel(self) -> None:
        """Withdraw the accept that waits for its fill, where it has an order of its own; else stop
        what runs."""
        finishing = [
            order
            for order in self.jobs.all
            if order.request is not None and self._makes_awaited(order)
        ]
        self._awaited = None
        if finishing:
            self.jobs.cancel(finishing[0].job_id)
        else:
            self.jobs.cancel_running()

    def _finish(self, draft: Filled, order: Order) -> None:
        finishing = replace(
            order,
            job_id=next(self._numbers),
            seeds=(draft.seed,),
            cancel=threading.Event(),
            request=draft.request,
        )
        self.jobs.place(finishing)

    def _bake(self, filled: Filled) -> None:
        order = self._candidates.order
        if order is None or not self._candidates.are_current:
            return
        token = self.answers.accept(filled.seed)
        self.succeeded.emit()
        self.notice.emit(f"Candidate {self._candidates.rank(filled.seed)} is in the photo.")
        box = filled.request.box
        self._document.accept(box, filled.region, order.mask[box.slices], token)
        self.jobs.cancel_running()  # after that, or an order that is stale now would start

    # --- settings of a candidate --------------------------------------------------------------

    def use_settings(self, seed: int) -> None:
        """Set everything as it was for that candidate, which Generate then makes first."""
        order, filled = self._candidates.order, self._candidates.by_seed(seed)
        if order is None or filled is None:
            return
        if not self._options.has(order.model):
            self.failed.emit(
                f"The model {order.model} is no longer here, so its settings cannot be used. "
                "Add it again under Models."
            )
            return
        self._next_seed = None
        self._options.update(
            model=order.model,
            count=order.wanted,
            padding=order.padding,
            feather=order.feather,
            seed=seed,
        )
        if self._options.model.is_diffusion:
            # Without exploring, which might drop the very candidate.
            settings = replace(filled.request.settings, keep=None)
            self._options.update(settings=settings, explore=None)
        self.seeds_changed.emit()
        self.notice.emit(f"Generate starts with the settings and the seed {seed} of that fill.")

    def use_settings_shown(self) -> None:
        filled = self._candidates.shown
        if filled is not None:
            self.use_settings(filled.seed)

    @Slot()
    def _forget(self) -> None:
        self.jobs.cancel_all()
        self.answers.forget()
        self._next_seed = None
        self._candidates.clear()
