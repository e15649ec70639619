"""Python's cycle collector, in the GUI thread alone.

Left to itself it runs in whichever thread allocates, and there it would destroy widgets that are
part of a cycle. Qt allows that in their own thread only: elsewhere one thread waits for Qt's lock
and holds Python's, another the reverse, and the program hangs.
"""

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 500


def collect_in_this_thread(parent: QObject) -> None:
    """From now on cycles are collected by the event loop of this thread, as long as parent lives,
    and nowhere else."""
    gc.disable()
    timer = QTimer(parent)
    timer.timeout.connect(_collect_what_is_due)
    timer.start(EVERY_MS)


def _collect_what_is_due() -> None:
    """The oldest generation that the interpreter would have collected by now."""
    limits = zip(gc.get_count(), gc.get_threshold(), strict=True)
    due = [generation for generation, (count, limit) in enumerate(limits) if count > limit]
    if due:
        gc.collect(due[-1])
