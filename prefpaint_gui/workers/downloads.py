"""Asks the hub for models and fetches them, off the GUI thread."""

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.library import DownloadOrder, Offer
from prefpaint_gui.workers.models import Models
from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import Event, Progress

TELL_EVERY_S = 0.1
"""Chunks arrive more often than anybody can read."""


class DownloadWorker(QObject):
    """Does one order after the other; lives in a thread of its own, where make_models is called."""

    offered = Signal(object, object)
    """Carries DownloadOrder and Offer."""
    progress = Signal(object, object)
    """Carries DownloadOrder and Progress."""
    downloaded = Signal(object, object)
    """Carries DownloadOrder and ModelEntry."""
    failed = Signal(object, str)
    broken_off = Signal(object)
    """The download of this order ended without a model."""
    closed = Signal()

    def __init__(self, make_models: Callable[[], Models]) -> None:
        super().__init__()
        self._make_models = make_models

    @Slot(object)
    def plan(self, order: DownloadOrder) -> None:
        """Ask the hub what the model consists of."""
        if order.cancel.is_set():
            return
        from training.inpainting.hub_plan import bytes_on_disk  # here: few starts need it

        try:
            models = self._make_models()
            plan = models.plan(order.model, order.cancel)
            folder = models.place_of(plan)
            self.offered.emit(order, Offer(plan, folder, bytes_on_disk(plan, folder)))
        except Cancelled:
            pass
        except PrefPaintError as error:
            self.failed.emit(order, str(error))

    @Slot(object)
    def download(self, order: DownloadOrder) -> None:
        """Fetch what the person agreed to."""
        if order.cancel.is_set():
            return
        assert order.offer is not None  # nothing is fetched unasked
        told = 0.0

        def tell(event: Event) -> None:
            nonlocal told
            now = time.monotonic()
            if isinstance(event, Progress) and (now - told >= TELL_EVERY_S or event.share >= 1):
                told = now
                self.progress.emit(order, event)

        try:
            models = self._make_models()
            entry = models.download(order.model, tell, order.cancel, plan=order.offer.plan)
            self.downloaded.emit(order, entry)
        except Cancelled:
            self.broken_off.emit(order)
        except PrefPaintError as error:
            self.failed.emit(order, str(error))
            self.broken_off.emit(order)

    @Slot()
    def close(self) -> None:
        """The order's own cancel has ended the process that downloads."""
        self.closed.emit()
