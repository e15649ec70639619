"""A folder in the paper's layout: incomplete photos, and several reconstructions of each.

`inpaint/<prompt>_<i>.png`, `masks/<prompt>_mask.png`, `masks_color/<prompt>_mask_color.png`.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

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
class PaperPrompt:
    """A prompt by the names of its files. indices: what stands for <i>, in their order."""

    folder: Path
    name: str
    indices: tuple[str, ...]

    @property
    def mask_file(self) -> Path:
        return self.folder / "masks" / f"{self.name}_mask.png"

    @property
    def masked_file(self) -> Path:
        """The photo with its hole in white."""
        return self.folder / "masks_color" / f"{self.name}_mask_color.png"

    def picture_file(self, index: str) -> Path:
        return self.folder / "inpaint" / f"{self.name}_{index}.png"

    def read_hole(self) -> Mask:
        """(height, width). Raises PrefPaintError."""
        return np.asarray(read_rgb(self.mask_file)[..., 0] >= HOLE_FROM)

    def find_fault(self) -> str | None:
        """One sentence on the first file that does not open or fit the others, if any."""
        pictures = [self.picture_file(index) for index in self.indices]
        sizes = {}
        for file in (self.mask_file, self.masked_file, *pictures):
            try:
                with Image.open(file) as image:
                    image.verify()
                    sizes[file] = image.size
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                return f"{file}: cannot be read as an image ({error})."
        wanted = sizes[self.mask_file]
        odd = next((file for file in sizes if sizes[file] != wanted), None)
        return odd and f"{odd}: {sizes[odd]} is not the mask's size {wanted}."


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
    fault = prompt.find_fault()
    if fault is not None:
        raise PrefPaintError(fault)
    hole = prompt.read_hole()
    if not hole.any():
        raise PrefPaintError(f"{prompt.mask_file}: nothing is masked in it.")
    fills = tuple(read_rgb(prompt.picture_file(index)) for index in prompt.indices)
    return PaperPictures(read_rgb(prompt.masked_file), hole, fills)


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
        return f"{prompt.picture_file(prompt.indices[0])}: one picture has none to compare with."
    if count > MOST_PICTURES:
        return f"{prompt.name}: {count} pictures are more than {MOST_PICTURES}."
    if len({int(index) for index in prompt.indices}) < count:
        return f"{prompt.name}: two of its pictures have the same number."
    for file, there in ((prompt.mask_file, masks), (prompt.masked_file, masked)):
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
