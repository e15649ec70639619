"""The prompts that `make_pairs` and `write_ranked` wrote, and which differences count."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.errors import PrefPaintError
from training.inpainting.request import Box, Mask, Pixels
from training.prompts.photos import photo_name, read_rgb
from training.reward.faults import FAULT_KINDS, FaultKind, apply_fault
from training.reward.looks import Tiers, looks_of
from training.reward.pairs import MANIFEST, VIEW_SIZE
from training.reward.view import Resample, view_hole, view_image, white_hole

VISIBLE = 2.0
"""Pictures whose holes differ by less than this on average, of 255, have no order: no one could
see it."""
PLAIN = 6.0
"""How much of a difference, beyond none, makes an order about 80 % sure."""


class Prompt(Protocol):
    """A photo with a hole, and pictures of it whose order is known, or can be made known.

    pictures: (k, s, s, 3) uint8. kinds: k of them; where the first is "original", it is the
    untouched photo. masked: (s, s, 3), the hole in white. looks: where the pictures were ranked,
    each time their indices, best first. scores: of the pictures, standardised, where someone gave
    them.
    """

    @property
    def name(self) -> str: ...
    @property
    def photo(self) -> str: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def looks(self) -> tuple[Tiers, ...]: ...
    @property
    def scores(self) -> tuple[float, ...]: ...
    @property
    def pictures(self) -> npt.NDArray[np.uint8]: ...
    @property
    def hole(self) -> Mask: ...
    @property
    def masked(self) -> Pixels: ...


@dataclass(frozen=True, eq=False)
class PromptPictures:
    """A Prompt in memory."""

    name: str
    photo: str
    hole: Mask
    pictures: npt.NDArray[np.uint8]
    kinds: tuple[str, ...]
    looks: tuple[Tiers, ...] = ()
    scores: tuple[float, ...] = ()

    @property
    def masked(self) -> Pixels:
        return white_hole(self.pictures[0], self.hole)


def load_prompts(
    folder: Path, size: int = VIEW_SIZE, resample: Resample = "area"
) -> list[PromptPictures]:
    """Read every prompt of a folder into memory, its pictures at size x size.

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
            looks = looks_of(entry.get("looks", ()))
        except (ValueError, KeyError, TypeError) as error:
            raise PrefPaintError(f"{manifest}, line {number}, is no prompt ({error}).") from error
        files = [folder / "inpaint" / f"{name}_{index}.png" for index in range(len(kinds))]
        pictures = np.stack([_whole(read_rgb(file), size, resample) for file in files])
        mask = read_rgb(folder / "masks" / f"{name}_mask.png")[..., 0]
        hole = view_hole(mask >= 128, Box(0, 0, *mask.shape), size)
        prompts.append(PromptPictures(name, photo, hole, pictures, kinds, looks))
    return prompts


def _whole(picture: Pixels, size: int, resample: Resample) -> Pixels:
    return view_image(picture, Box(0, 0, *picture.shape[:2]), size, resample)


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
