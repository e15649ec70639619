"""How often a reward puts the better picture first, on photos that it never saw."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from training.reward.looks import clear_pairs
from training.reward.network import RewardNetwork, RewardOutput
from training.reward.pair_data import (
    VISIBLE,
    Prompt,
    draw_fault_pair,
    visible_difference,
)

FAULT, JUDGED = "weaker over stronger fault", "better over worse, as ranked"
ORIGINAL = "original over "
Outcomes = dict[str, list[tuple[str, bool]]]
"""By name of the comparison: (photo, whether the better picture got the higher reward)."""


@dataclass(frozen=True)
class PairAccuracy:
    """share: of `count` pairs in the right order; low, high: its 95 % interval."""

    name: str
    share: float
    low: float
    high: float
    count: int


Judge = Callable[[Prompt, npt.NDArray[np.uint8]], npt.NDArray[np.float64]]
"""Scores pictures (k, s, s, 3) of one prompt: (k,), higher is better."""


def judge_pictures(
    network: RewardNetwork, prompt: Prompt, pictures: npt.NDArray[np.uint8]
) -> RewardOutput:
    """The network's features and rewards of pictures (k, s, s, 3) of one prompt."""
    network.eval()
    return network.judge_pictures(prompt.masked, pictures, prompt.hole)


def network_judge(network: RewardNetwork) -> Judge:
    """A reward network as a judge."""
    return lambda prompt, pictures: (
        judge_pictures(network, prompt, pictures).rewards.double().numpy()
    )


def smooth_boundary(prompt: Prompt, pictures: npt.NDArray[np.uint8]) -> Any:
    """Baseline: the less the picture jumps across the hole's edge, the better."""
    hole = prompt.hole.astype(np.uint8)
    rim = (cv2.dilate(hole, np.ones((3, 3))) > cv2.erode(hole, np.ones((3, 3)))).astype(bool)
    return -np.array([np.abs(_laplacian(picture))[rim].mean() for picture in pictures])


def fill_sharpness(prompt: Prompt, pictures: npt.NDArray[np.uint8]) -> Any:
    """Baseline: the sharper the fill, the better."""
    return np.array([np.abs(_laplacian(picture))[prompt.hole].mean() for picture in pictures])


def _laplacian(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32)


@dataclass(frozen=True, eq=False)
class KnownOrders:
    """Pictures of a prompt and (name of the comparison, better, worse), indices into them."""

    prompt: Prompt
    pictures: npt.NDArray[np.uint8]
    pairs: tuple[tuple[str, int, int], ...]


def known_orders(prompts: Sequence[Prompt], seed: int) -> Iterator[KnownOrders]:
    """What was ranked, the original over every fill, and weaker over stronger faults of each kind.

    Pairs of the latter two that no one could tell apart are left out (see VISIBLE).
    """
    rng = np.random.default_rng(seed)
    for index, prompt in enumerate(prompts):
        foreign = prompts[(index + 1) % len(prompts)].pictures[0]
        pictures, hole = list(prompt.pictures), prompt.hole
        judged = len(pictures)
        pairs = [(JUDGED, better, worse) for better, worse in clear_pairs(prompt.looks)]
        if prompt.kinds[0] == "original":
            pairs += [
                (ORIGINAL + kind, 0, fill)
                for fill, kind in enumerate(prompt.kinds)
                if fill and visible_difference(pictures[0], pictures[fill], hole) >= VISIBLE
            ]
        for _ in range(3):
            base = pictures[int(rng.integers(judged))]
            kind, weak, strong = draw_fault_pair(base, hole, foreign, rng)
            pictures += [weak, strong]
            if visible_difference(weak, strong, hole) >= VISIBLE:
                better, worse = len(pictures) - 2, len(pictures) - 1
                pairs.append((FAULT, better, worse))
                pairs.append((f"weaker over stronger {kind}", better, worse))
        yield KnownOrders(prompt, np.stack(pictures), tuple(pairs))


def pair_outcomes(judge: Judge, prompts: Sequence[Prompt], seed: int) -> Outcomes:
    """Whether the judge agrees with each known order."""
    outcomes: Outcomes = {}
    for orders in known_orders(prompts, seed):
        scores = judge(orders.prompt, orders.pictures)
        for name, better, worse in orders.pairs:
            outcome = (orders.prompt.photo, bool(scores[better] > scores[worse]))
            outcomes.setdefault(name, []).append(outcome)
    return outcomes


def accuracy(name: str, outcomes: list[tuple[str, bool]], seed: int = 0) -> PairAccuracy:
    """Share in the right order with a 95 % bootstrap interval over photos, not over pairs."""
    by_photo: dict[str, list[bool]] = {}
    for photo, right in outcomes:
        by_photo.setdefault(photo, []).append(right)
    rights = np.array([sum(values) for values in by_photo.values()], float)
    counts = np.array([len(values) for values in by_photo.values()], float)
    drawn = np.random.default_rng(seed).integers(len(rights), size=(2000, len(rights)))
    shares = rights[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    share = float(rights.sum() / counts.sum())
    return PairAccuracy(name, share, float(low), float(high), int(counts.sum()))


def pair_accuracies(judge: Judge, prompts: Sequence[Prompt], seed: int) -> list[PairAccuracy]:
    """Every comparison's accuracy, in the order of their names."""
    outcomes = pair_outcomes(judge, prompts, seed)
    return [accuracy(name, outcomes[name]) for name in sorted(outcomes)]
