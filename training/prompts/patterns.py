"""What an incomplete photo lacks: the paper's two outpaintings, strokes, blobs, objects."""

from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels
from training.prompts.masks import MaskKind, random_mask

Pattern = Literal["outpaint-square", "outpaint-rect", "strokes", "blobs", "objects"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

SQUARE_KEPT = (0.15, 0.25)
"""Share of the photo's area that a square outpainting keeps (the paper's range)."""
STRIP_KEPT = (0.35, 0.40)
"""Share of the width that a strip keeps, at full height (the paper's range)."""
OBJECT_AREA = (0.02, 0.45)
GRABCUT_SIDE, GRABCUT_ROUNDS = 160, 3
FRAMES_TRIED, MOST_OF_FRAME = 6, 0.85
RANDOM: dict[Pattern, tuple[MaskKind, ...]] = {"strokes": ("strokes",), "blobs": ("blob", "large")}


def pattern_hole(pattern: Pattern, image: Pixels, seed: int) -> Mask:
    """(s, s) bool, True where pixels are missing of `image` (s, s, 3); neither empty nor full."""
    rng = np.random.default_rng(seed)
    size = image.shape[0]
    if pattern == "outpaint-square":
        side = round(size * np.sqrt(rng.uniform(*SQUARE_KEPT)))
        top, left = rng.integers(size - side + 1, size=2)
        return _without(size, slice(top, top + side), slice(left, left + side))
    if pattern == "outpaint-rect":
        width = round(size * rng.uniform(*STRIP_KEPT))
        left = rng.integers(size - width + 1)
        return _without(size, slice(None), slice(left, left + width))
    if pattern == "objects":
        return _object(image, rng)
    kinds = RANDOM[pattern]
    return random_mask(kinds[int(rng.integers(len(kinds)))], size, seed)


def _without(size: int, rows: slice, columns: slice) -> Mask:
    hole = np.ones((size, size), bool)
    hole[rows, columns] = False
    return hole


def _object(image: Pixels, rng: np.random.Generator) -> Mask:
    """What stands out of its surroundings in a random frame, a blob where nothing does.

    Slightly grown, for a hole leaves no rim of what it takes out.
    """
    size = image.shape[0]
    small = cv2.resize(image, (GRABCUT_SIDE, GRABCUT_SIDE), interpolation=cv2.INTER_AREA)
    for _ in range(FRAMES_TRIED):
        piece = _front(np.ascontiguousarray(small), rng)
        if piece is not None:
            grown = cv2.dilate(piece, np.ones((5, 5), np.uint8))
            hole = cv2.resize(grown, (size, size), interpolation=cv2.INTER_NEAREST) > 0
            if OBJECT_AREA[0] <= hole.mean() <= OBJECT_AREA[1]:
                return np.asarray(hole)
    return random_mask("blob", size, int(rng.integers(2**31)))


def _front(image: Pixels, rng: np.random.Generator) -> npt.NDArray[np.uint8] | None:
    """The largest piece of GrabCut's foreground in a random frame of (s, s, 3): (s, s) of 0 and 1,
    or None if there is none or it is no more than the frame."""
    size = image.shape[0]
    width, height = (int(side) for side in rng.uniform(0.35, 0.7, size=2) * size)
    left, top = (int(rng.integers(2, size - side - 2)) for side in (width, height))
    labels = np.zeros((size, size), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    frame = (left, top, width, height)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.grabCut(image, labels, frame, *models, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_RECT)
    front = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(front)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] > MOST_OF_FRAME * width * height:
        return None
    return (pieces == largest).astype(np.uint8)
