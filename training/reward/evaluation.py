"""How often a reward puts the better picture first, on photos that it never saw."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from training.reward.network import RewardNetwork, RewardOutput
from training.reward.pair_data import (
    VISIBLE,
    PromptPictures,
    draw_fault_pair,
    visible_difference,
)
from training.reward.view import white_hole

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


Judge = Callable[[PromptPictures, npt.NDArray[np.uint8]], npt.NDArray[np.float64]]
"""Scores pictures (k, s, s, 3) of one prompt: (k,), higher is better."""


@torch.inference_mode()
def judge_pictures(
    network: RewardNetwork, prompt: PromptPictures, pictures: npt.NDArray[np.uint8]
) -> RewardOutput:
    """The network's features and rewards of pictures (k, s, s, 3) of one prompt."""
    network.eval()
    stacked = np.concatenate([white_hole(prompt.pictures[0], prompt.hole)[None], pictures])
    images = torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
    holes = torch.from_numpy(prompt.hole).float().expand(len(images), 1, -1, -1)
    context, fills = network.encode(images, holes).split([1, len(pictures)])
    return network.judge(fills, context.expand(len(pictures), -1))


def network_judge(network: RewardNetwork) -> Judge:
    """A reward network as a judge."""
    return lambda prompt, pictures: (
        judge_pictures(network, prompt, pictures).rewards.double().numpy()
    )


def smooth_boundary(prompt: PromptPictures, pictures: npt.NDArray[np.uint8]) -> Any:
    """Baseline: the less the picture jumps across the hole's edge, the better."""
    hole = prompt.hole.astype(np.uint8)
    rim = (cv2.dilate(hole, np.ones((3, 3))) > cv2.erode(hole, np.ones((3, 3)))).astype(bool)
    return -np.array([np.abs(_laplacian(picture))[rim].mean() for picture in pictures])


def fill_sharpness(prompt: PromptPictures, pictures: npt.NDArray[np.uint8]) -> Any:
    """Baseline: the sharper the fill, the better."""
    return np.array([np.abs(_laplacian(picture))[prompt.hole].mean() for picture in pictures])


def _laplacian(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32)


def pair_outcomes(judge: Judge, prompts: list[PromptPictures], seed: int) -> Outcomes:
    """Compare the original with every fill, and weaker with stronger faults of each kind.

    Pairs that no one could tell apart are left out (see VISIBLE).
    """
    outcomes: Outcomes = {}
    rng = np.random.default_rng(seed)
    for index, prompt in enumerate(prompts):
        foreign = prompts[(index + 1) % len(prompts)].pictures[0]
        faults = []
        for _ in range(3):
            base = prompt.pictures[int(rng.integers(len(prompt.pictures)))]
            faults.append(draw_fault_pair(base, prompt.hole, foreign, rng))
        faulty = [picture for _, weak, strong in faults for picture in (weak, strong)]
        scores = judge(prompt, np.concatenate([prompt.pictures, np.stack(faulty)]))
        for fill in range(1, len(prompt.kinds)):
            if _differ(prompt.pictures[0], prompt.pictures[fill], prompt):
                outcome = (prompt.photo, bool(scores[0] > scores[fill]))
                outcomes.setdefault(f"original over {prompt.kinds[fill]}", []).append(outcome)
        for number, (kind, weak, strong) in enumerate(faults):
            if _differ(weak, strong, prompt):
                first = len(prompt.pictures) + 2 * number
                outcome = (prompt.photo, bool(scores[first] > scores[first + 1]))
                outcomes.setdefault("weaker over stronger fault", []).append(outcome)
                outcomes.setdefault(f"weaker over stronger {kind}", []).append(outcome)
    return outcomes


def _differ(first: Any, second: Any, prompt: PromptPictures) -> bool:
    return visible_difference(first, second, prompt.hole) >= VISIBLE


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


def pair_accuracies(judge: Judge, prompts: list[PromptPictures], seed: int) -> list[PairAccuracy]:
    """Every comparison's accuracy, in the order of their names."""
    outcomes = pair_outcomes(judge, prompts, seed)
    return [accuracy(name, outcomes[name]) for name in sorted(outcomes)]
