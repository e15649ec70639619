"""Gaps of a 10 ms timer in the window's thread while it generates."""

import os
import statistics
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.bench.scene import large_photo

if TYPE_CHECKING:
    from prefpaint_gui.backends import Backends

GENERATES = 3


def main() -> None:
    """Print the median, 99th percentile and longest gap, idle and while generating."""
    from prefpaint_gui.backends import real_backends

    measure(real_backends())


def measure(backends: "Backends", **options: Any) -> None:
    """Print the gaps of a window with these backends. options: fields of OptionValues."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from prefpaint_gui.app import build_window
    from prefpaint_gui.photo_io import photo_from_pixels
    from training.preferences.store import PreferenceStore  # noqa: F401 - loaded before timing

    app = QApplication.instance() or QApplication([])
    program = build_window(backends)
    program.options.update(**options)
    program.show()
    program.document.load(photo_from_pixels(large_photo()))
    ticks: list[float] = []
    timer = QTimer(interval=10, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))

    def gaps() -> list[float]:
        return sorted(1e3 * (later - earlier) for earlier, later in pairwise(ticks))

    def report(name: str) -> None:
        sorted_gaps = gaps()
        percentile = sorted_gaps[int(0.99 * (len(sorted_gaps) - 1))]
        print(
            f"{name}: median {statistics.median(sorted_gaps):5.1f} ms, "
            f"99th percentile {percentile:5.1f} ms, longest {sorted_gaps[-1]:5.1f} ms, "
            f"{len(sorted_gaps)} gaps"
        )
        ticks.clear()

    def wait(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    program.warm_up_wanted.emit()
    wait(6000)
    timer.start()
    wait(2000)
    report("idle      ")
    program.document.fill_rectangle((900, 1000), (1300, 1400))
    for _ in range(GENERATES):
        program.session.generate()
        while program.session.is_busy:
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    report("generating")
    timer.stop()
    program.document.mark_saved(None, program.document.versions.pixels)
    program.window.close()
