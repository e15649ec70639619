"""Which regions of the photo the next fill will look at."""

import itertools

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import RegionOrder
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.strokes import painted_box
from training.inpainting.request import Box


class Regions(QObject):
    """Keeps `boxes` in step with mask, padding and feather, between strokes.

    Whoever finds regions connects to `wanted` and reports to `on_found`. One order is out at a
    time: what changes meanwhile is asked for when it is back.
    """

    wanted = Signal(object)
    changed = Signal()

    def __init__(self, document: Document, options: Options) -> None:
        super().__init__()
        self._document = document
        self._options = options
        self._numbers = itertools.count(1)
        self._asked: object = None
        """The question that `boxes` answer, or will once the order that is out is back."""
        self._order_out = 0
        self.boxes: tuple[Box, ...] = ()
        document.replaced.connect(self._start_anew)
        document.mask_changed.connect(self._ask)
        options.changed.connect(self._ask)

    @Slot()
    def _start_anew(self) -> None:
        self._show(())
        self._ask()

    def _question(self) -> object:
        values = self._options.values
        return self._document.versions.mask, values.padding, values.feather

    @Slot()
    def _ask(self) -> None:
        document, values = self._document, self._options.values
        waits = self._order_out or document.is_painting or not values.show_regions
        if waits or self._asked == self._question():
            return
        self._asked = self._question()
        box = painted_box(document.mask)
        if box is None:
            self._show(())
            return
        self._order_out = next(self._numbers)
        packed = np.packbits(document.mask[box.slices], axis=1)
        self.wanted.emit(
            RegionOrder(self._order_out, document.size, box, packed, values.padding, values.feather)
        )

    @Slot(int, object)
    def on_found(self, job_id: int, boxes: tuple[Box, ...]) -> None:
        """boxes: in pixels of the photo."""
        if job_id == self._order_out:
            self._order_out = 0
            if self._asked == self._question():
                self._show(boxes)
            self._ask()

    def _show(self, boxes: tuple[Box, ...]) -> None:
        self.boxes = boxes
        self.changed.emit()
