"""Eight candidates of one prompt, against one by one with the prompt encoded each time."""

import statistics
import time

import numpy as np
import torch

from tests.bench.scene import request
from training.reward.model import load_reward
from training.reward.scorer import builtin_reward_path

ROUNDS = 15


def main() -> None:
    """Print both times and their ratio."""
    torch.set_num_threads(2)
    model, wanted = load_reward(builtin_reward_path()), request((0,))
    rng = np.random.default_rng(0)
    fills = [
        np.where(
            wanted.hole[..., None],
            rng.integers(0, 256, wanted.image.shape, dtype=np.uint8),
            wanted.image,
        )
        for _ in range(8)
    ]
    together, apart = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        model.score(wanted.image, wanted.hole, fills)
        together.append(time.perf_counter() - started)
        started = time.perf_counter()
        for fill in fills:
            model.score(wanted.image, wanted.hole, [fill])
        apart.append(time.perf_counter() - started)
    ratio = statistics.median(a / b for a, b in zip(together, apart, strict=True))
    print(f"eight together {1e3 * statistics.median(together):6.1f} ms")
    print(f"one by one     {1e3 * statistics.median(apart):6.1f} ms")
    print(f"ratio          {ratio:6.2f}")
