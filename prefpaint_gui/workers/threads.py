"""One thread for each worker, started and ended together."""

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QThread, Signal, SignalInstance

LONGEST_WAIT_MS = 10_000
"""How long the end of one worker is waited for; a cancelled one needs far less."""


class Worker(Protocol):
    """A QObject that does one thing after the other."""

    closed: SignalInstance

    def close(self) -> None:
        """A slot: let go of everything, then emit `closed`."""

    def moveToThread(self, thread: QThread, /) -> bool:  # noqa: N802 - QObject's
        """QObject's."""


class WorkerThreads(QObject):
    """Moves each worker to a thread of its own."""

    _stopping = Signal()

    def __init__(self, workers: Sequence[Worker]) -> None:
        super().__init__()
        self._threads: list[QThread] = []
        self._workers = list(workers)
        for worker in workers:
            thread = QThread(self)
            thread.setObjectName(type(worker).__name__)
            worker.moveToThread(thread)
            self._stopping.connect(worker.close)
            worker.closed.connect(thread.quit, Qt.ConnectionType.DirectConnection)
            self._threads.append(thread)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each worker finish what was asked of it, then close it and end its thread."""
        self._stopping.emit()
        for thread in self._threads:
            thread.wait(LONGEST_WAIT_MS)
