"""Finds the regions of a mask off the GUI thread: half a second for a large one."""

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.messages import RegionOrder
from training.inpainting.request import Box


class RegionsWorker(QObject):
    """Lives in a thread of its own."""

    found = Signal(int, object)
    """Carries the job id and a tuple of Box in pixels of the photo."""
    closed = Signal()

    @Slot(object)
    def find(self, order: RegionOrder) -> None:
        """Tell which boxes a request for this mask would be filled from."""
        self.found.emit(order.job_id, find_regions(order))

    @Slot()
    def close(self) -> None:
        """There is nothing to let go of."""
        self.closed.emit()


def find_regions(order: RegionOrder) -> tuple[Box, ...]:
    """The parts of the request that make_request would cut out for the whole mask.

    Works on no more of the photo than they can reach.
    """
    from training.inpainting.region import automatic_padding, grow, pad, split_holes

    box, (height, width) = order.box, order.photo_size
    grown = pad(box, order.feather, height, width)
    context = automatic_padding(grown) if order.padding is None else order.padding
    near = pad(grown, context, height, width)
    mask = np.zeros((near.height, near.width), np.bool_)
    inside = Box(box.top - near.top, box.left - near.left, box.height, box.width)
    mask[inside.slices] = np.unpackbits(order.packed, axis=1, count=box.width)
    return tuple(
        Box(found.top + near.top, found.left + near.left, found.height, found.width)
        for found in split_holes(grow(mask, order.feather), order.padding)
    )
