"""What a training step sees of a prompt: pictures, and which of them is better than which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels
from training.reward.faults import half_denoised
from training.reward.looks import order_leads
from training.reward.pair_data import (
    VISIBLE,
    Prompt,
    certainty,
    draw_fault_pair,
    visible_difference,
)
from training.reward.view import white_hole

PairKind = Literal["fill", "fault", "noise", "eye"]
EYE_CERTAINTY = 0.95
"""Of a pair that every look called clear; one that half of them called close is half as sure."""


@dataclass(frozen=True)
class Pair:
    """better, worse: indices into a group's pictures. certainty: 0.5-1, how sure the order is.

    kind: how it is known: an original over a fill, less of a fault over more, a picture over noise,
    or a reviewer's eye.
    """

    better: int
    worse: int
    certainty: float
    kind: PairKind


@dataclass(frozen=True, eq=False)
class Group:
    """index: of the prompt, None where its pictures are others each time. pictures: (k, s, s, 3)
    uint8; prompt: (s, s, 3), the hole in white; hole: (s, s).

    scores: of the first pictures, standardised, where someone gave them.
    """

    index: int | None
    pictures: npt.NDArray[np.uint8]
    prompt: Pixels
    hole: Mask
    pairs: tuple[Pair, ...]
    scores: tuple[float, ...] = ()


def draw_group(
    prompts: Sequence[Prompt], index: int, rng: np.random.Generator, *, augment: bool = True
) -> Group:
    """Pictures of one prompt and what is known of their order.

    augment: the whole picture, hole and surroundings alike, is turned, recoloured, relit or coded
    at random, so that nothing can be learned from it; and what someone ranked beside an original
    gets faults too.
    """
    prompt = prompts[index]
    has_original = prompt.kinds[0] == "original"
    is_built = has_original and not prompt.looks
    pictures, pairs = _chosen_pictures(prompt, rng) if is_built else _ranked_pictures(prompt)
    if is_built or (has_original and augment):
        foreign = prompts[int(rng.integers(len(prompts)))].pictures[0]
        _add_faults(pictures, pairs, prompt.hole, foreign, rng)
    stacked = np.stack([*pictures, prompt.masked])
    augmented, hole = stacked, prompt.hole
    if augment:
        augmented, hole = _augment(stacked, hole, rng, coded_apart=has_original)
    masked = white_hole(augmented[-1], hole)
    kept = index if prompt.looks and not augment else None
    return Group(kept, augmented[:-1], masked, hole, tuple(pairs), prompt.scores)


def _ranked_pictures(prompt: Prompt) -> tuple[list[Pixels], list[Pair]]:
    """The fills in the order that someone gave them, and below the original where there is one."""
    pictures = list(prompt.pictures)
    pairs = [
        Pair(better, worse, 0.5 + (EYE_CERTAINTY - 0.5) * lead, "eye")
        for (better, worse), lead in order_leads(prompt.looks).items()
    ]
    if prompt.kinds[0] == "original":
        pairs += _original_over(range(1, len(pictures)), pictures, prompt.hole)
    return pictures, pairs


def _chosen_pictures(prompt: Prompt, rng: np.random.Generator) -> tuple[list[Pixels], list[Pair]]:
    """The original and four fills, each finished PatchMatch (the hardest) among them."""
    fills = range(1, len(prompt.kinds))
    hardest = [fill for fill in fills if prompt.kinds[fill] == "patchmatch"][:2]
    others = [fill for fill in fills if fill not in hardest]
    chosen = [0, *hardest, *rng.choice(others, size=min(2, len(others)), replace=False)]
    pictures = [prompt.pictures[position] for position in chosen]
    kinds = [prompt.kinds[position] for position in chosen]
    pairs = _original_over(range(1, len(chosen)), pictures, prompt.hole)
    if "patchmatch-draft" in kinds and 1 in chosen:  # a draft is the first fill, unfinished
        finished, draft = chosen.index(1), kinds.index("patchmatch-draft")
        difference = visible_difference(pictures[finished], pictures[draft], prompt.hole)
        if difference >= VISIBLE:
            pairs.append(Pair(finished, draft, certainty(difference), "fill"))
    return pictures, pairs


def _add_faults(
    pictures: list[Pixels], pairs: list[Pair], hole: Mask, foreign: Pixels, rng: np.random.Generator
) -> None:
    """Add two of the pictures, of which the original is the first, with a weak and with a strong
    fault, and noise that is worse than all of them."""
    count = len(pictures)
    for _ in range(2):
        base, weak, strong = int(rng.integers(count)), len(pictures), len(pictures) + 1
        pictures += draw_fault_pair(pictures[base], hole, foreign, rng)[1:]
        known = {(0, weak), (0, strong), (base, weak), (base, strong), (weak, strong)}
        pairs += [
            Pair(better, worse, 1.0, "fault")
            for better, worse in sorted(known)
            if visible_difference(pictures[better], pictures[worse], hole) >= VISIBLE
        ]
    noise = len(pictures)
    pictures.append(half_denoised(pictures[0], hole, rng))
    pairs += [Pair(better, noise, 1.0, "noise") for better in range(count)]


def _original_over(fills: range, pictures: list[Pixels], hole: Mask) -> list[Pair]:
    differences = {fill: visible_difference(pictures[0], pictures[fill], hole) for fill in fills}
    return [
        Pair(0, fill, certainty(difference), "fill")
        for fill, difference in differences.items()
        if difference >= VISIBLE
    ]


def _augment(
    pictures: npt.NDArray[np.uint8], hole: Mask, rng: np.random.Generator, *, coded_apart: bool
) -> tuple[npt.NDArray[np.uint8], Mask]:
    """coded_apart: some are coded each for itself, so that coding is not taken for a fault; not
    where people judged them, who may have judged that."""
    turns = int(rng.integers(4))
    pictures, hole = np.rot90(pictures, turns, axes=(1, 2)), np.rot90(hole, turns)
    if rng.random() < 0.5:
        pictures, hole = pictures[:, :, ::-1], hole[:, ::-1]
    if rng.random() < 0.5:
        pictures = pictures[..., rng.permutation(3)]
    if rng.random() < 0.5:
        gain, lift = rng.uniform(0.75, 1.25), rng.uniform(-20, 20)
        gamma = rng.uniform(0.8, 1.25)
        curve = 255 * (np.arange(256) / 255) ** gamma * gain + lift
        pictures = np.clip(np.rint(curve), 0, 255).astype(np.uint8)[pictures]
    if rng.random() < 0.5:
        qualities = rng.integers(60, 98, size=len(pictures))
        if rng.random() < 0.5 or not coded_apart:
            qualities[:] = qualities[0]
        pictures = np.stack(
            [jpeg_coded(p, int(q)) for p, q in zip(pictures, qualities, strict=True)]
        )
    return np.ascontiguousarray(pictures), np.ascontiguousarray(hole)


def jpeg_coded(picture: Pixels, quality: int) -> Pixels:
    """The picture as JPEG of a quality of 1-100 leaves it."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
