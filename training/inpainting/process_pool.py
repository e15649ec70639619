"""A few long-lived worker processes whose calls stream results and can be killed in the middle."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from training.errors import Cancelled, PrefPaintError

POLL_SECONDS = 0.02
STOP = "stop"


class ProcessPool:
    """Runs module-level generator functions in other processes.

    The calls hold the interpreter lock or use torch, so a thread of the window's own process would
    make it stutter, and none of them can be interrupted: cancelling kills the process.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._is_open = False

    def start(self) -> None:
        """Start the missing processes; returns at once, before they are ready."""
        self._is_open = True
        self._workers = [worker for worker in self._workers if worker.process.is_alive()]
        while len(self._workers) < self._size:
            self._workers.append(_Worker())

    def run(
        self,
        function: Callable[..., Iterator[Any]],
        calls: Sequence[tuple[Any, ...]],
        cancel: threading.Event,
        patience: float = 0.0,
    ) -> Iterator[tuple[int, Any]]:
        """Call `function(*call)` for each call and yield (index of the call, yielded value).

        Values come in the order in which the processes yield them. Calls to one pool from several
        threads wait for each other. Raises Cancelled within POLL_SECONDS of `cancel`, or what the
        function raised; in both cases, and when the caller stops iterating, busy processes are
        killed. patience: seconds that a call has after `cancel` to end by itself, by looking at
        `cancel_asked`, so that its process keeps what it has loaded.
        """
        with self._lock:
            self.start()
            waiting = deque(enumerate(calls))
            busy: dict[Connection, tuple[_Worker, int]] = {}
            idle = list(self._workers)
            asked = False
            try:
                while waiting or busy:
                    while waiting and idle:
                        worker, (index, call) = idle.pop(), waiting.popleft()
                        busy[worker.connection] = (worker, index)
                        worker.connection.send((function, call))
                    if cancel.is_set():
                        asked = True
                        _end_gently(busy, patience)
                        raise Cancelled
                    for connection in wait(list(busy), timeout=POLL_SECONDS):
                        assert isinstance(connection, Connection)
                        worker, index = busy[connection]
                        kind, value = _receive(connection)
                        if kind == "value":
                            yield index, value
                        elif kind in ("error", "gone"):
                            raise value
                        else:
                            del busy[connection]
                            idle.append(worker)
            finally:
                if cancel.is_set() and not asked:  # the caller stopped iterating for that reason
                    _end_gently(busy, patience)
                for worker, _ in busy.values():
                    worker.kill()
                    if worker in self._workers:
                        self._workers.remove(worker)
                if busy and self._is_open:  # a generator may be ended after the pool was closed
                    self.start()

    def close_if_idle(self) -> None:
        """Kill every process, unless a call is running."""
        if self._lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Kill every process."""
        self._is_open = False
        for worker in self._workers:
            worker.kill()
        self._workers = []


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def _receive(connection: Connection) -> tuple[str, Any]:
    try:
        kind, value = connection.recv()
    except (EOFError, OSError):
        message = "A worker process ended unexpectedly, perhaps for lack of memory. Try again."
        return "gone", PrefPaintError(message)
    return kind, value


class _Here:
    """In a worker: the way back to the caller of the running call."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_stopped = False

    def is_set(self) -> bool:
        """Whether the caller wants the running call to end."""
        if not self.is_stopped and self.connection.poll():
            self.is_stopped = self.connection.recv() == STOP
        return self.is_stopped


_here: _Here | None = None


def emit(value: Any) -> None:
    """In a worker: hand a value to the caller at once, as if the function had yielded it."""
    assert _here is not None
    _here.connection.send(("value", value))


def cancel_asked() -> threading.Event:
    """In a worker: set once the caller wants the running call to end."""
    return cast(threading.Event, _here)


def _end_gently(busy: dict[Connection, tuple[_Worker, int]], patience: float) -> None:
    """Ask busy workers to stop and wait for them; who stops is no longer busy."""
    deadline = time.monotonic() + patience
    for worker, _ in busy.values():
        with suppress(OSError):  # it has ended already
            worker.connection.send(STOP)
    while busy and (left := deadline - time.monotonic()) > 0:
        for connection in wait(list(busy), timeout=left):
            assert isinstance(connection, Connection)
            kind, _ = _receive(connection)
            if kind == "gone":
                return
            if kind != "value":
                del busy[connection]


def _serve(connection: Connection) -> None:
    global _here
    if hasattr(os, "nice"):
        os.nice(5)  # the window comes first
    _here = _Here(connection)
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):  # the program has ended
        while True:
            message = connection.recv()
            if message == STOP:  # it came when the call had just ended
                continue
            function, call = message
            _here.is_stopped = False
            try:
                for value in function(*call):
                    connection.send(("value", value))
                connection.send(("done", None))
            except BrokenPipeError:
                raise
            except (PrefPaintError, Cancelled) as error:
                connection.send(("error", error))
            except Exception as error:
                connection.send(("error", PrefPaintError(_describe(error))))


def _describe(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory for this. Use a smaller mask or less padding."
    return f"The work failed unexpectedly: {type(error).__name__}: {error}"
