"""A folder in the paper's layout: incomplete photos, and several reconstructions of each.

`inpaint/<prompt>_<i>.png`, `masks/<prompt>_mask.png`, `masks_color/<prompt>_mask_color.png`.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.errors import PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.prompts.photos import read_rgb

HOLE_FROM = 125
"""Mask values from here on are hole (the published loader's threshold)."""
FEWEST_PICTURES, MOST_PICTURES = 2, 9
"""Reconstructions that can be compared on one screen."""
_PICTURE = re.compile(r"(.+)_(\d{1,9})\.png")


@dataclass(frozen=True)
class PictureFiles:
    """The pictures of one prompt, read when they are asked for. Raises PrefPaintError."""

    folder: Path
    prompt: str

    def fill(self, index: str) -> Pixels:
        """(height, width, 3)."""
        return read_rgb(self.fill_file(index))

    @property
    def masked(self) -> Pixels:
        """(height, width, 3), the hole in white."""
        return read_rgb(self.masked_file)

    @property
    def mask(self) -> Mask:
        """(height, width)."""
        return np.asarray(read_rgb(self.mask_file)[..., 0] >= HOLE_FROM)

    def fault(self, indices: Iterable[str]) -> str | None:
        """A sentence where these pictures do not all open and fit together."""
        files = [self.mask_file, self.masked_file, *map(self.fill_file, indices)]
        return first_fault([(str(file), file) for file in files])

    @property
    def mask_file(self) -> Path:
        return self.folder / "masks" / f"{self.prompt}_mask.png"

    @property
    def masked_file(self) -> Path:
        return self.folder / "masks_color" / f"{self.prompt}_mask_color.png"

    def fill_file(self, index: str) -> Path:
        return self.folder / "inpaint" / f"{self.prompt}_{index}.png"


def first_fault(pictures: Sequence[tuple[str, Any]]) -> str | None:
    """A sentence on the first picture that does not open or has another size than the first.

    pictures: names, and files or what can be read like one; the first is the mask.
    """
    sizes = []
    for name, file in pictures:
        try:
            with Image.open(file) as image:
                image.verify()
                sizes.append(image.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return f"{name}: cannot be read as an image ({error})."
        if sizes[-1] != sizes[0]:
            return f"{name}: {sizes[-1]} is not the mask's size {sizes[0]}."
    return None


@dataclass(frozen=True)
class PaperPrompt:
    """A prompt by the names of its files. indices: what stands for <i>, in their order."""

    folder: Path
    name: str
    indices: tuple[str, ...]

    @property
    def files(self) -> PictureFiles:
        return PictureFiles(self.folder, self.name)


@dataclass(frozen=True, eq=False)
class PaperPictures:
    """masked: the photo with its hole in white. hole: which of its pixels were missing.

    fills: in the order of the prompt's indices. All have one height and width.
    """

    masked: Pixels
    hole: Mask
    fills: tuple[Pixels, ...]


def read_pictures(prompt: PaperPrompt) -> PaperPictures:
    """Everything that is shown of a prompt. Raises PrefPaintError with its fault."""
    files = prompt.files
    fault = files.fault(prompt.indices)
    if fault is not None:
        raise PrefPaintError(fault)
    hole = files.mask
    if not hole.any():
        raise PrefPaintError(f"{files.mask_file}: nothing is masked in it.")
    return PaperPictures(files.masked, hole, tuple(map(files.fill, prompt.indices)))


@dataclass(frozen=True)
class PaperFolder:
    """prompts: those that can be compared, by name. set_aside: a sentence for each other one.

    collection: names the set of prompts by all their names; the same wherever the folder lies.
    """

    folder: Path
    prompts: tuple[PaperPrompt, ...]
    set_aside: tuple[str, ...]
    collection: str


def check_folder(folder: Path) -> None:
    """Raise PrefPaintError unless it is a folder with an inpaint folder in it."""
    if not folder.is_dir():
        raise PrefPaintError(f"{folder} is not a folder. Name one in the paper's layout.")
    if not (folder / "inpaint").is_dir():
        raise PrefPaintError(
            f"{folder} holds no folder inpaint. The paper's layout has inpaint/<prompt>_<i>.png, "
            "masks/<prompt>_mask.png and masks_color/<prompt>_mask_color.png."
        )


def list_prompts(folder: Path) -> PaperFolder:
    """What there is, by the names of files alone: 17,000 prompts are listed in a moment.

    Raises PrefPaintError when there is nothing to compare.
    """
    check_folder(folder)
    set_aside: list[str] = []
    found: dict[str, list[str]] = {}
    for file in sorted(_names(folder / "inpaint")):
        match = _PICTURE.fullmatch(file)
        if match:
            found.setdefault(match[1], []).append(match[2])
        elif not file.startswith("."):
            set_aside.append(f"{folder / 'inpaint' / file}: the name is not <prompt>_<i>.png.")
    masks, masked = _names(folder / "masks"), _names(folder / "masks_color")
    prompts = []
    for name in sorted(found):
        prompt = PaperPrompt(folder, name, tuple(sorted(found[name], key=int)))
        fault = _listing_fault(prompt, masks, masked)
        if fault is None:
            prompts.append(prompt)
        else:
            set_aside.append(fault)
    if not prompts:
        first = f" {set_aside[0]}" if set_aside else ""
        raise PrefPaintError(f"No prompt in {folder} can be rated.{first}")
    collection = hashlib.sha256("\n".join(sorted(found)).encode(errors="surrogateescape"))
    return PaperFolder(folder, tuple(prompts), tuple(set_aside), collection.hexdigest())


def _listing_fault(prompt: PaperPrompt, masks: set[str], masked: set[str]) -> str | None:
    count = len(prompt.indices)
    if count < FEWEST_PICTURES:
        return f"{prompt.files.fill_file(prompt.indices[0])}: one picture has none to compare with."
    if count > MOST_PICTURES:
        return f"{prompt.name}: {count} pictures are more than {MOST_PICTURES}."
    if len({int(index) for index in prompt.indices}) < count:
        return f"{prompt.name}: two of its pictures have the same number."
    for file, there in ((prompt.files.mask_file, masks), (prompt.files.masked_file, masked)):
        if file.name not in there:
            return f"{file}: does not exist."
    return None


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise PrefPaintError(f"{folder} cannot be read ({error.strerror}).") from error
