"""Widgets that are part of a cycle are destroyed in the GUI thread, whoever allocates."""

import gc
import threading

import pytest
from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from prefpaint_gui.collection import collect_in_this_thread


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


@pytest.fixture
def ended_in() -> list[int]:
    """Threads in which cycles were destroyed."""
    return []


def allocate_elsewhere(qtbot: QtBot, ended_in: list[int]) -> Allocator:
    """The thread, which has ended and still holds what it made."""
    gc.collect()
    Cycle(ended_in)
    thread = Allocator()
    with qtbot.waitSignal(thread.finished):
        thread.start()
    thread.wait()
    return thread


def test_the_interpreter_by_itself_collects_in_any_thread(
    qtbot: QtBot, ended_in: list[int]
) -> None:
    gc.enable()

    allocate_elsewhere(qtbot, ended_in)

    assert len(ended_in) == 1
    assert ended_in[0] != threading.get_ident()


def test_the_app_collects_in_the_gui_thread(qtbot: QtBot, ended_in: list[int]) -> None:
    gc.enable()
    program = QObject()
    collect_in_this_thread(program)

    _thread = allocate_elsewhere(qtbot, ended_in)
    qtbot.waitUntil(lambda: bool(ended_in))

    assert ended_in == [threading.get_ident()]
