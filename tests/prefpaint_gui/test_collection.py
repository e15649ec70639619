"""Widgets that are part of a cycle are destroyed in the GUI thread, whoever allocates."""

import gc
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from prefpaint_gui import start


class Cycle(QObject):
    def __init__(self, ended_in: list[int]) -> None:
        super().__init__()
        self._ended_in = ended_in
        self.me = self

    def __del__(self) -> None:
        self._ended_in.append(threading.get_ident())


class Allocator(QThread):
    """Makes more containers than any generation's threshold allows."""

    def run(self) -> None:
        gen0, gen1, gen2 = gc.get_threshold()
        self.kept = [[number] for number in range(gen0 * (gen1 + 1) * (gen2 + 2))]


def test_the_program_collects_in_the_gui_thread(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    ended_in: list[int] = []

    def use_the_program(_app: QApplication) -> int:
        gc.collect()
        Cycle(ended_in)
        thread = Allocator()
        with qtbot.waitSignal(thread.finished):
            thread.start()
        thread.wait()
        qtbot.waitUntil(lambda: bool(ended_in))
        QApplication.closeAllWindows()
        return 0

    monkeypatch.setattr(QApplication, "exec", use_the_program)
    gc.enable()
    assert start.run(None, sample=False) == 0

    assert ended_in == [threading.get_ident()]
