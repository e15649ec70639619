"""CLIP rewards: eight candidates against the published way, and training with frozen layers.

Random weights of the real size: the time does not depend on them.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from training.reward.clip_encoder import ClipEncoder
from training.reward.embedding import Embedder
from training.reward.groups import Group, Pair
from training.reward.losses import pairs_of, ranking_loss
from training.reward.network import RewardNetwork
from training.reward.published import PUBLISHED

ROUNDS = 5
FREEZE = 0.7
PROMPTS, PICTURES = 4, 3


def main() -> None:
    """Print times and ratios."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = RewardNetwork(PUBLISHED).to(device)
    print(f"CLIP ViT-B/32, {device.type}, fp32")
    scoring(network, device)
    training(network)


def scoring(network: RewardNetwork, device: torch.device) -> None:
    """One prompt's eight candidates at once, against each image and its colour mask in turn."""
    network.eval()
    fills, prompt = torch.rand(8, 3, 224, 224, device=device), torch.rand(1, 3, 224, 224).to(device)
    holes = torch.zeros(9, 1, 224, 224, device=device)

    @torch.inference_mode()
    def ours() -> None:
        embeddings = network.encode(torch.cat([prompt, fills]), holes)
        network.judge(embeddings[1:], embeddings[:1].expand(8, -1)).rewards.tolist()

    @torch.inference_mode()
    def published() -> None:
        for fill in fills:
            image = network.encode(fill[None], holes[:1])
            mask = network.encode(prompt, holes[:1])
            network.judge(image, mask).rewards.tolist()

    compare("eight candidates", ours, "one by one, mask each time", published)


def training(network: RewardNetwork) -> None:
    """A step on prompts that were seen before, 70 % of the layers frozen, against a plain loop."""
    network.freeze(FREEZE)
    network.train()
    rng = np.random.default_rng(0)
    groups = [
        Group(
            number,
            rng.integers(0, 256, (PICTURES, 224, 224, 3), np.uint8),
            rng.integers(0, 256, (224, 224, 3), np.uint8),
            np.zeros((224, 224), bool),
            (Pair(0, 1, 1.0, "eye"), Pair(1, 2, 1.0, "eye")),
        )
        for number in range(PROMPTS)
    ]
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-5)
    pairs = pairs_of(groups, {"fill": 1.0, "fault": 1.0, "noise": 1.0, "eye": 1.0})

    def step(embedder: Embedder) -> None:
        optimiser.zero_grad()
        ranking_loss(embedder.rewards(groups), pairs).backward()
        optimiser.step()

    kept, plain = Embedder(network, False, keep=True), Embedder(network, False)
    assert isinstance(network.encoder, ClipEncoder)
    step(kept)  # fills what is kept
    compare("step, frozen layers kept", lambda: step(kept), "recomputed", lambda: step(plain))


def compare(
    name: str, ours: Callable[[], None], other_name: str, other: Callable[[], None]
) -> None:
    """Run both in turn and print medians and the median ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in (ours, other):
        run()
    for _ in range(ROUNDS):
        for kept, run in zip(times, (ours, other), strict=True):
            started = time.perf_counter()
            run()
            kept.append(time.perf_counter() - started)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    for words, kept in zip((name, other_name), times, strict=True):
        print(f"{words:28} {1e3 * statistics.median(kept):8.1f} ms")
    print(f"{'times faster':28} {ratio:8.2f}")
