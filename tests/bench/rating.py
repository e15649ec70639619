"""The rating window over 17,000 prompts: until the first screen, and from prompt to prompt."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from prefpaint_gui.rating_app import RatingProgram
from prefpaint_gui.widgets.theme import DARK, apply_theme
from tests.prefpaint_gui.fakes import FakeScorer
from tests.training.photos import hole_at, make_photo
from training.preferences.images import encode_png
from training.preferences.store import PreferenceStore
from training.prompts.paper_folder import PictureFiles

PROMPTS, RATED, SIZE = 17_000, 60, 512


def main() -> None:
    """Print the time to the first screen and of each Enter, on an idle store."""
    if not os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setStyle("Fusion")
    apply_theme(DARK)
    with tempfile.TemporaryDirectory() as folder:
        prompts, data = Path(folder) / "prompts", Path(folder) / "data"
        _write(prompts)
        _measure(app, prompts, data, "ann")
        _measure(app, prompts, data, "ann")  # once more, where the first one stopped


def _measure(app: QApplication, prompts: Path, data: Path, person: str) -> None:
    def wait(until: Callable[[], bool]) -> float:
        began = time.perf_counter()
        while not until():
            app.processEvents()
            time.sleep(0.0005)  # leaves the interpreter to the workers, as an idle window does
        app.processEvents()  # painted
        return time.perf_counter() - began

    began = time.perf_counter()
    program = RatingProgram(prompts, person, lambda: PreferenceStore(data), FakeScorer, DARK)
    window, session = program.window, program.session
    window.resize(1440, 900)
    program.show()
    wait(lambda: session.loaded is not None)
    print(f"{PROMPTS} prompts, {session.progress.done} done: first screen", end=" ")
    print(f"{time.perf_counter() - began:.2f} s")
    numbers, onwards = [], []
    for _ in range(RATED):
        assert session.marks is not None
        for _ in range(3 * len(session.marks.seeds)):
            began = time.perf_counter()
            QTest.keyClick(window.page, Qt.Key.Key_4)
            app.processEvents()
            numbers.append(time.perf_counter() - began)
        wait(lambda: session.writes.unsaved_count == 0)
        began = time.perf_counter()
        QTest.keyClick(window.page, Qt.Key.Key_Return)
        wait(lambda: session.loaded is not None)
        onwards.append(time.perf_counter() - began)
    for name, times in (("a number", numbers), ("Enter to the next prompt", onwards)):
        median, worst = statistics.median(times), max(times)
        print(f"{name:<25} {1e3 * median:6.1f} ms, at most {1e3 * worst:.1f} ms")
    wait(lambda: session.writes.unsaved_count == 0)
    window.close()


def _write(folder: Path) -> None:
    """Links to the files of one prompt: what is read and decoded is the same."""
    for part in ("inpaint", "masks", "masks_color"):
        (folder / part).mkdir(parents=True)
    photo = make_photo(SIZE, SIZE, 0)
    hole = hole_at((SIZE, SIZE), 128, 128, 256, 256)
    first = PictureFiles(folder, "prompt_00000")
    first.mask_file.write_bytes(encode_png(np.where(hole, 255, 0).astype(np.uint8)))
    first.masked_file.write_bytes(encode_png(np.where(hole[..., None], np.uint8(255), photo)))
    for index in range(3):
        fill = np.where(hole[..., None], make_photo(SIZE, SIZE, 1 + index), photo)
        first.fill_file(str(index)).write_bytes(encode_png(fill))
    for number in range(1, PROMPTS):
        other = PictureFiles(folder, f"prompt_{number:05}")
        other.mask_file.hardlink_to(first.mask_file)
        other.masked_file.hardlink_to(first.masked_file)
        for index in map(str, range(3)):
            other.fill_file(index).hardlink_to(first.fill_file(index))


if __name__ == "__main__":
    main()
