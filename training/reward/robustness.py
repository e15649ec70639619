"""What a reward does when pictures are changed: by faults, by noise, by what should not matter."""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels
from training.reward.evaluation import Judge, Outcomes
from training.reward.faults import (
    FAULT_KINDS,
    FaultKind,
    apply_fault,
    contrasted,
    half_denoised,
    saturated,
)
from training.reward.groups import jpeg_coded
from training.reward.pair_data import VISIBLE, Prompt, PromptPictures, visible_difference

STRENGTHS = (0.06, 0.15, 0.375)
"""Of a chain: each fault two and a half times the one before."""
NOISES = 4
Change = Callable[[Pixels], Pixels]


def fault_chains(judge: Judge, prompts: Sequence[Prompt], seed: int) -> Outcomes:
    """For each fault: whether a picture, and the picture with the fault weak, middling and strong,
    stand in this order. Steps that no one could see are left out of a chain.

    Of any picture of a prompt, and once more of the originals alone: there the order is known,
    where a fill may be mended by what is a fault elsewhere, as a blur by grain.
    """
    outcomes: Outcomes = {}
    rng = np.random.default_rng(seed)
    for index, prompt in enumerate(prompts):
        foreign = prompts[(index + 1) % len(prompts)].pictures[0]
        base = int(rng.integers(len(prompt.pictures)))
        seeds = {kind: int(rng.integers(2**31)) for kind in FAULT_KINDS}
        held = _chains_that_hold(judge, prompt, base, foreign, seeds)
        found = {"": held}
        if prompt.kinds[0] == "original":
            known = held if base == 0 else _chains_that_hold(judge, prompt, 0, foreign, seeds)
            found[" on originals"] = known
        for suffix, chains in found.items():
            for kind, holds in chains.items():
                for name in ("any fault", kind):
                    row = outcomes.setdefault(f"chains of {name}{suffix}", [])
                    row.append((prompt.photo, holds))
    return outcomes


def _chains_that_hold(
    judge: Judge, prompt: Prompt, base: int, foreign: Pixels, seeds: Mapping[FaultKind, int]
) -> dict[FaultKind, bool]:
    """Whether the chain of each fault on one of the prompt's pictures stands in its order, where a
    step of it can be seen."""
    chains = [
        _chain(kind, prompt.pictures[base], prompt.hole, foreign, seed)
        for kind, seed in seeds.items()
    ]
    scores = judge(prompt, np.concatenate(chains))
    held = {}
    for kind, chain in zip(seeds, chains, strict=True):
        steps, scores = np.diff(scores[: len(chain)]), scores[len(chain) :]
        if len(steps):
            held[kind] = bool((steps < 0).all())
    return held


def _chain(
    kind: FaultKind, base: Pixels, hole: Mask, foreign: Pixels, seed: int
) -> npt.NDArray[np.uint8]:
    """The base and what stronger and stronger faults make of it: (k, s, s, 3)."""
    chain = [base]
    for strength in STRENGTHS:
        faulty = apply_fault(kind, strength, base, hole, foreign, seed)
        if visible_difference(chain[-1], faulty, hole) >= VISIBLE:
            chain.append(faulty)
    return np.stack(chain)


def over_noise(judge: Judge, prompts: Sequence[Prompt], seed: int) -> Outcomes:
    """Whether every fill beats the best of several noises and half-denoised pictures."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for prompt in prompts:
        noises = [half_denoised(prompt.pictures[0], prompt.hole, rng) for _ in range(NOISES)]
        scores = judge(prompt, np.concatenate([prompt.pictures, np.stack(noises)]))
        best = scores[-NOISES:].max()
        outcomes += [(prompt.photo, bool(score > best)) for score in scores[:-NOISES]]
    return {"every picture over noise": outcomes}


def kept_orders(judge: Judge, prompts: Sequence[Prompt]) -> Outcomes:
    """Whether a harmless change of all pictures of a prompt alike leaves the order of two fills,
    and of all fills, as it was. Fills that no one could tell apart are left out."""
    outcomes: Outcomes = {}
    for prompt in prompts:
        fills = range(1, len(prompt.pictures))
        before = judge(prompt, prompt.pictures)
        pairs = [
            (one, other)
            for one in fills
            for other in fills
            if before[one] > before[other]
            and visible_difference(prompt.pictures[one], prompt.pictures[other], prompt.hole)
            >= VISIBLE
        ]
        for name, change in HARMLESS.items():
            changed = np.stack([change(picture) for picture in prompt.pictures])
            after = judge(_with_pictures(prompt, changed), changed)
            kept = [bool(after[one] > after[other]) for one, other in pairs]
            outcomes.setdefault(f"order of two fills kept: {name}", []).extend(
                (prompt.photo, right) for right in kept
            )
            best = max(fills, key=lambda fill: before[fill])
            is_best = all(after[best] > after[o] for b, o in pairs if b == best)
            outcomes.setdefault(f"best fill kept: {name}", []).append((prompt.photo, is_best))
    return outcomes


def _with_pictures(prompt: Prompt, pictures: npt.NDArray[np.uint8]) -> PromptPictures:
    return PromptPictures(prompt.name, prompt.photo, prompt.hole, pictures, prompt.kinds)


def sensitivity(judge: Judge, prompts: Sequence[Prompt]) -> dict[str, list[tuple[float, float]]]:
    """By change of the fill alone: (amount, mean change of the reward).

    A realism reward may well fall on both sides of 0; one that rises there has a bias that a
    policy could exploit.
    """
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, (change, amounts) in FILL_CHANGES.items():
        moved: dict[float, list[float]] = {amount: [] for amount in amounts}
        for prompt in prompts:
            base = prompt.pictures[1 % len(prompt.pictures)]
            altered = [_in_hole(base, change(base, amount), prompt.hole) for amount in amounts]
            first, *scores = judge(prompt, np.stack([base, *altered]))
            for amount, score in zip(amounts, scores, strict=True):
                moved[amount].append(float(score - first))
        curves[name] = [(amount, float(np.mean(values))) for amount, values in moved.items()]
    return curves


def _in_hole(base: Pixels, changed: Pixels, hole: Mask) -> Pixels:
    return np.where(hole[..., None], changed, base)


def _clipped(values: npt.NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _resized(picture: Pixels, scale: float) -> Pixels:
    """Down or up and back."""
    height, width = picture.shape[:2]
    other = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(other, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _contrasted(picture: Pixels, factor: float) -> Pixels:
    return _clipped(contrasted(picture.astype(np.float32), factor))


def _saturated(picture: Pixels, factor: float) -> Pixels:
    return _clipped(saturated(picture.astype(np.float32), factor))


def _sharpened(picture: Pixels, amount: float) -> Pixels:
    """amount below 0 blurs."""
    soft = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5)
    return _clipped(picture + amount * (picture - soft))


def _noisy(picture: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return _clipped(picture + noise)


def _shifted(picture: Pixels, pixels: float) -> Pixels:
    return np.roll(picture, int(pixels), axis=1)


HARMLESS: dict[str, Change] = {
    "JPEG 85": lambda picture: jpeg_coded(picture, 85),
    "JPEG 95": lambda picture: jpeg_coded(picture, 95),
    "resized to 0.9": lambda picture: _resized(picture, 0.9),
    "resized to 1.1": lambda picture: _resized(picture, 1.1),
    "brightness -10 %": lambda picture: _clipped(picture * 0.9),
    "brightness +10 %": lambda picture: _clipped(picture * 1.1),
}
FILL_CHANGES: dict[str, tuple[Callable[[Pixels, float], Pixels], tuple[float, ...]]] = {
    "brightness, levels": (lambda p, a: _clipped(p + float(a)), (-40, -20, -10, 10, 20, 40)),
    "contrast, factor": (_contrasted, (0.5, 0.75, 0.9, 1.1, 1.3, 1.6)),
    "saturation, factor": (_saturated, (0.0, 0.5, 0.8, 1.2, 1.5, 2.0)),
    "sharpness, amount": (_sharpened, (-0.9, -0.5, -0.2, 0.3, 0.8, 2.0)),
    "noise, deviation": (_noisy, (2, 5, 10, 20, 40)),
    "JPEG, quality": (lambda p, a: jpeg_coded(p, int(a)), (10, 30, 50, 70, 90)),
    "shift, pixels": (_shifted, (-8, -4, -1, 1, 4, 8)),
}
