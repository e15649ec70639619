"""Clocks of the benches that compute with diffusion models.

On a processor they count the seconds of one thread at work, which other programs disturb little.
"""

import time
from collections.abc import Callable

import torch

IS_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if IS_GPU else "cpu")
DTYPE = torch.bfloat16 if IS_GPU else torch.float32


def in_turn(
    one: Callable[[], object], other: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of each, after both have run once uncounted."""
    one()
    other()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in ((0, 1), (1, 0))[number % 2]:
            started = clock()
            (one, other)[which]()
            times[which].append(clock() - started)
    return times


def clock() -> float:
    if not IS_GPU:
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def matrix_rate() -> float:
    """Measured floating-point operations a second of large bf16 matrix products."""
    side, times = 8192, 50
    a, b = (torch.randn(side, side, device=DEVICE, dtype=DTYPE) for _ in range(2))
    a @ b
    started = clock()
    for _ in range(times):
        a @ b
    return times * 2 * side**3 / (clock() - started)
