"""From a click on a thumb to the strip in its new order, in the real window."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.scene import large_photo

if TYPE_CHECKING:
    from training.preferences.records import JudgedStrip

CLICKS = 16
ANSWERS_BEFORE = (0, 100, 1000)


def main() -> None:
    """Print the median and the longest time, for stores of several sizes; the second line is of
    clicks that come while the pictures of the one before are still being written."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for count in ANSWERS_BEFORE:
        with tempfile.TemporaryDirectory() as folder:
            alone, behind = measure(Path(folder), count)
        for name, times in (("alone", alone), ("while writing", behind)):
            print(
                f"{count:5d} answers before, {name:13s}: median {statistics.median(times):5.1f} ms,"
                f" longest {max(times):5.1f} ms",
                flush=True,
            )


def measure(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each click, with so many answers in the store."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from prefpaint_gui.app import build_window
    from prefpaint_gui.backends import real_backends
    from prefpaint_gui.photo_io import photo_from_pixels
    from training.preferences.store import PreferenceStore

    class Store(PreferenceStore):
        """Has some strips more than it was given."""

        def judged_strips(self, *asked: str | None) -> "list[JudgedStrip]":
            return [*super().judged_strips(*asked), *strips]

    _app = QApplication.instance() or QApplication([])
    strips: list[JudgedStrip] = []
    real = real_backends()
    program = build_window(replace(real, store=lambda: Store(folder / "data")))
    program.show()
    program.document.load(photo_from_pixels(large_photo()[:1024, :1024].copy()))
    program.document.fill_rectangle((400, 400), (600, 600))
    program.personal.update(personal_order=False)

    def until(condition: Callable[[], bool]) -> None:
        while not condition():
            wait(20)

    def wait(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def click(place: int) -> float:
        before, loop = program.personal.taste, QEventLoop()
        program.personal.changed.connect(loop.quit)
        seed = program.candidates.ranked[place % len(program.candidates.ranked)].seed
        button = program.window.strip.cards[seed].thumbs["up" if place % 3 else "down"]
        started = time.perf_counter()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        while program.personal.taste is before:
            loop.exec()
        spent = 1e3 * (time.perf_counter() - started)
        program.personal.changed.disconnect(loop.quit)
        return spent

    program.session.generate()
    until(lambda: not program.session.is_busy)
    strips += _like(program.candidates.ranked, count)
    program.personal.update(personal_order=True)
    until(lambda: program.personal.taste is not None)
    alone, behind = [], []
    for place in range(CLICKS):
        if place % 4 == 0:
            program.session.generate()
            until(lambda: not program.session.is_busy)
            wait(500)
        alone.append(click(place))
        behind.append(click(place + 1))
        wait(1500)
    program.document.mark_saved(None, program.document.versions.pixels)
    program.window.close()
    return alone, behind


def _like(ranked: list, count: int) -> "list[JudgedStrip]":
    """Strips whose features vary like those of these candidates, with one thumb each."""
    from training.preferences.records import JudgedStrip, Opinion

    rng = np.random.default_rng(0)
    features = np.stack([filled.fill.score.features for filled in ranked])
    rewards = np.array([filled.fill.score.reward for filled in ranked])
    seeds = tuple(range(len(ranked)))
    return [
        JudgedStrip(
            str(number),
            seeds,
            rng.permutation(rewards) + rng.normal(0, 0.1, len(seeds)),
            (features + rng.normal(0, features.std(), features.shape)).astype(np.float32),
            (Opinion("up", int(rng.integers(len(seeds)))),),
        )
        for number in range(count)
    ]
