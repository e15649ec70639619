"""Photographs to learn from, and which of them training must never see."""

import hashlib
import re
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image

from training.errors import PrefPaintError
from training.inpainting.request import Pixels

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
CROP_SUFFIX = re.compile(r"_[A-Z]$")
"""Crops of one photo are named after it with one capital letter: `lake_L.jpg` is of `lake`."""


def find_photos(folders: list[Path]) -> list[Path]:
    """Every photograph below the folders, in a fixed order. Raises PrefPaintError if none."""
    for folder in folders:
        if not folder.is_dir():
            raise PrefPaintError(f"{folder} is not a folder. Name one that holds photographs.")
    photos = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES
    )
    if not photos:
        raise PrefPaintError(f"No photographs lie in {', '.join(map(str, folders))}.")
    return photos


def photo_name(path: Path) -> str:
    """The photograph that a file shows; crops share their photo's name."""
    return CROP_SUFFIX.sub("", path.stem)


def split_of(path: Path) -> Split:
    """75 % train, 5 % validation, 20 % test, by the photo's name: never on two sides.

    The photographs of the Kodak set, by which methods are commonly compared, are test only.
    """
    return "test" if path.stem.startswith("kodim") else split_of_name(photo_name(path))


def split_of_name(name: str) -> Split:
    """75 % train, 5 % validation, 20 % test."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32
    if share < 0.75:
        return "train"
    return "validation" if share < 0.80 else "test"


def read_rgb(path: Path) -> Pixels:
    """(height, width, 3) uint8. Raises PrefPaintError naming a file that cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise PrefPaintError(
            f"{path} cannot be read as an image ({error}). Remove or replace it."
        ) from error
