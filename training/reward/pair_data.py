"""Pairs of pictures whose order is known, drawn from the prompts that `make_pairs` wrote."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.errors import PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.prompts.photos import photo_name, read_rgb
from training.reward.faults import FAULT_KINDS, FaultKind, apply_fault
from training.reward.pairs import MANIFEST, FillKind
from training.reward.view import white_hole

VISIBLE = 2.0
"""Pictures whose holes differ by less than this on average, of 255, have no order: no one could
see it."""
PLAIN = 6.0
"""How much of a difference, beyond none, makes an order about 80 % sure."""


@dataclass(frozen=True, eq=False)
class PromptPictures:
    """pictures: (k, s, s, 3) uint8, the untouched original first; kinds: k of them."""

    name: str
    photo: str
    hole: Mask
    pictures: npt.NDArray[np.uint8]
    kinds: tuple[FillKind, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures of one prompt and which is better than which.

    pictures: (k, s, s, 3) uint8; prompt: (s, s, 3), the hole in white; better, worse: indices into
    the pictures, pairwise; certainty: 0.5-1, how sure of it a person could be who sees both.
    """

    pictures: npt.NDArray[np.uint8]
    prompt: Pixels
    hole: Mask
    better: list[int]
    worse: list[int]
    certainty: list[float]
    is_fill: list[bool]


def load_prompts(folder: Path) -> list[PromptPictures]:
    """Read every prompt of a folder into memory.

    Raises PrefPaintError that names a missing or unreadable file.
    """
    manifest = folder / MANIFEST
    try:
        lines = manifest.read_text().splitlines()
    except OSError as error:
        raise PrefPaintError(
            f"{manifest} cannot be read ({error.strerror}). Make it with `prefpaint-train pairs`."
        ) from error
    prompts = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            name, photo = entry["name"], photo_name(Path(entry["photo"]))
            kinds = tuple(recipe["kind"] for recipe in entry["recipes"])
        except (ValueError, KeyError, TypeError) as error:
            raise PrefPaintError(f"{manifest}, line {number}, is no prompt ({error}).") from error
        files = [folder / "inpaint" / f"{name}_{index}.png" for index in range(len(kinds))]
        pictures = np.stack([read_rgb(file) for file in files])
        hole = read_rgb(folder / "masks" / f"{name}_mask.png")[..., 0] >= 128
        prompts.append(PromptPictures(name, photo, hole, pictures, kinds))
    return prompts


def visible_difference(first: Pixels, second: Pixels, hole: Mask) -> float:
    """Mean difference of two pictures in the hole, 0-255."""
    difference = np.abs(first[hole].astype(np.int16) - second[hole].astype(np.int16))
    return float(difference.mean())


def certainty(difference: float) -> float:
    """How sure it is that an original beats a fill: 0.5 where they look the same, towards 1 where
    they plainly differ. (What a fault does to a picture is sure wherever it is visible.)

    A reward that is as sure of a trace of missing grain as of a wrong object would rank fills by
    what no one sees.
    """
    return 1 - 0.5 * math.exp(-difference / PLAIN)


def draw_fault_pair(
    base: Pixels, hole: Mask, foreign: Pixels, rng: np.random.Generator
) -> tuple[FaultKind, Pixels, Pixels]:
    """One fault of `base`, weaker and two to three times stronger.

    A ratio, not a difference, because that is how differences are seen (Weber's law).
    """
    kind = FAULT_KINDS[int(rng.integers(len(FAULT_KINDS)))]
    weak = float(10 ** rng.uniform(-1.3, -0.4))
    strong = min(1.0, weak * float(rng.uniform(2, 3)))
    seed = int(rng.integers(2**31))
    weaker, stronger = (
        apply_fault(kind, strength, base, hole, foreign, seed) for strength in (weak, strong)
    )
    return kind, weaker, stronger


def draw_group(prompts: list[PromptPictures], index: int, rng: np.random.Generator) -> Group:
    """The original, three fills, and two of these with a weak and with a strong fault.

    The whole picture, hole and surroundings alike, is then turned, recoloured, relit or coded at
    random, all pictures of the group in the same way, so that nothing can be learned from it.
    """
    prompt = prompts[index]
    chosen = [0, *(1 + rng.choice(len(prompt.kinds) - 1, size=3, replace=False))]
    pictures = [prompt.pictures[position] for position in chosen]
    kinds = [prompt.kinds[position] for position in chosen]
    real = [(0, fill) for fill in range(1, len(chosen))]
    if "patchmatch-draft" in kinds and 1 in chosen:  # a draft is the first fill, unfinished
        real.append((chosen.index(1), kinds.index("patchmatch-draft")))
    known = []
    for _ in range(2):
        base, weak, strong = int(rng.integers(len(chosen))), len(pictures), len(pictures) + 1
        foreign = prompts[int(rng.integers(len(prompts)))].pictures[0]
        pictures += draw_fault_pair(pictures[base], prompt.hole, foreign, rng)[1:]
        known += [(0, weak), (0, strong), (base, weak), (base, strong), (weak, strong)]
    sureness: dict[tuple[int, int], float] = {}
    for better, worse in [*real, *known]:
        size = visible_difference(pictures[better], pictures[worse], prompt.hole)
        if size >= VISIBLE:
            is_known = (better, worse) in known
            sureness[better, worse] = 1.0 if is_known else certainty(size)
    augmented, hole = _augment(np.stack(pictures), prompt.hole, rng)
    return Group(
        pictures=augmented,
        prompt=white_hole(augmented[0], hole),
        hole=hole,
        better=[better for better, _ in sureness],
        worse=[worse for _, worse in sureness],
        certainty=list(sureness.values()),
        is_fill=[pair in real for pair in sureness],
    )


def _augment(
    pictures: npt.NDArray[np.uint8], hole: Mask, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Mask]:
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
    if rng.random() < 0.3:
        quality = int(rng.integers(60, 98))
        pictures = np.stack([_jpeg(picture, quality) for picture in pictures])
    return np.ascontiguousarray(pictures), np.ascontiguousarray(hole)


def _jpeg(picture: Pixels, quality: int) -> Pixels:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
