"""Pictures that people judged: the paper's layout, and what this program exports."""

import json
import logging
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.errors import PrefPaintError
from training.inpainting.request import Box, Mask, Pixels
from training.prompts.photos import Split, read_rgb, split_of_name
from training.reward.division import divide
from training.reward.view import view_boxes, view_hole, view_image

_log = logging.getLogger(__name__)
LOWEST, HIGHEST = 0.0, 7.0
"""Scores are 1 to 7 in three criteria; the labelling screen also allows 0."""
HOLE_FROM = 125
"""Mask values from here on are hole (the published loader's threshold)."""
SIGNALS = {"accept": 2.0, "up": 1.0, "down": -1.0}


@dataclass(frozen=True)
class LabelledPrompt:
    """A prompt with its judged pictures, read from disk when they are asked for.

    photo: what is never on two sides of a split. scores: one for each picture, standardised within
    `group`. tiers: indices into the pictures, best first; between tiers the order is known.
    """

    folder: Path
    name: str
    photo: str
    group: str
    indices: tuple[str, ...]
    scores: tuple[float, ...]
    tiers: tuple[tuple[int, ...], ...]
    size: int

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("labelled",) * len(self.indices)

    @property
    def pictures(self) -> npt.NDArray[np.uint8]:
        """(k, size, size, 3): what the reward sees of them when it scores."""
        return np.stack([self._view(self._file(index)) for index in self.indices])

    @property
    def hole(self) -> Mask:
        """(size, size)."""
        return view_hole(self._mask, self._box, self.size)

    @property
    def masked(self) -> Pixels:
        """(size, size, 3): the photo with its hole in white."""
        return self._view(self.folder / "masks_color" / f"{self.name}_mask_color.png")

    @property
    def _mask(self) -> Mask:
        mask = read_rgb(self.folder / "masks" / f"{self.name}_mask.png")
        return np.asarray(mask[..., 0] >= HOLE_FROM)

    @cached_property
    def _box(self) -> Box:
        return view_boxes(self._mask)[0]

    def _view(self, file: Path) -> Pixels:
        return view_image(read_rgb(file), self._box, self.size)

    def _file(self, index: str) -> Path:
        return self.folder / "inpaint" / f"{self.name}_{index}.png"


@dataclass
class LabelledSet:
    """prompts: what can be learned from. set_aside: one sentence for each label or prompt that
    cannot, naming the file and the key; none is dropped without one."""

    prompts: list[LabelledPrompt] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)


def read_labelled(folder: Path, size: int, split: Split | None = None) -> LabelledSet:
    """Read a folder in the paper's layout (inpaint/, masks/, masks_color/).

    Labels are `*.json` files beside them: `{"<prompt>_<i>": [score, rank]}` or, grouped,
    `{"<prompt>": {"<prompt>_<i>": [score, rank]}}`; or our own export's `records.jsonl`, where an
    accepted fill beats a thumb up, which beats those without a word, which beat a thumb down. A
    group is what stands before a prompt's number, such as `ade20k_square` of `ade20k_square_0012`;
    scores are standardised within it. split: by the prompt, so that none is on both sides; of our
    own export by the photo, see `divide`.

    Raises PrefPaintError when there are no labels, or a file of them is no JSON.
    """
    found = LabelledSet()
    raw: dict[str, dict[str, float]] = {}
    for prompt, index, score in _labels(folder, found.set_aside):
        raw.setdefault(prompt, {})[index] = score
    photos = {prompt: photo for prompt, photo in _photos(folder) if prompt in raw}
    divided = divide(photos)
    kept = {
        prompt: scores
        for prompt, scores in sorted(raw.items())
        if split in (None, divided.get(prompt) or split_of_name(prompt))
        and _is_whole(folder, prompt, scores, found.set_aside)
    }
    units = _units(kept)
    for prompt, scores in kept.items():
        mean, deviation = units[_group(prompt)]
        indices = tuple(sorted(scores, key=_natural))
        standard = tuple((scores[index] - mean) / deviation for index in indices)
        found.prompts.append(
            LabelledPrompt(
                folder,
                prompt,
                photos.get(prompt, prompt),
                _group(prompt),
                indices,
                standard,
                _tiers(standard),
                size,
            )
        )
    return found


def _labels(folder: Path, set_aside: list[str]) -> Iterator[tuple[str, str, float]]:
    """(prompt, index, score) of every label that is well formed."""
    files = sorted(folder.glob("*.json"))
    records = folder / "records.jsonl"
    if records.exists():
        yield from _signals(folder, records, set_aside)
    elif not files:
        raise PrefPaintError(
            f"{folder} holds neither manifest.jsonl, as `prefpaint-train pairs` makes, nor labels "
            "(.json, or records.jsonl of an export)."
        )
    for file in files:
        try:
            content = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise PrefPaintError(f"{file} is no JSON ({error}).") from error
        if not isinstance(content, dict):
            raise PrefPaintError(f"{file} is no object of labels.")
        for name, label in _flat(content):
            prompt, _, index = name.rpartition("_")
            score = _score(label)
            if not prompt or score is None:
                set_aside.append(f"{file}, {name}: {json.dumps(label)} is no [score, rank].")
            elif not LOWEST <= score <= HIGHEST:
                set_aside.append(f"{file}, {name}: score {score} is not in {LOWEST:g}-{HIGHEST:g}.")
            else:
                yield prompt, index, score


def _flat(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, label in content.items():
        if isinstance(label, dict):
            yield from label.items()
        else:
            yield name, label


def _score(label: Any) -> float | None:
    value = label[0] if isinstance(label, list) and label else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _signals(folder: Path, records: Path, set_aside: list[str]) -> Iterator[tuple[str, str, float]]:
    """Our export: every shown fill, 0 where nothing was said of it."""
    said: dict[str, float] = {}
    for number, row in _json_lines(records):
        signal, file = row.get("signal"), row.get("file")
        if signal not in SIGNALS or not isinstance(file, str):
            set_aside.append(f"{records}, line {number}: no signal of a file.")
            continue
        name = Path(file).stem
        said[name] = max(said.get(name, -1.0), SIGNALS[signal])
    for number, row in _json_lines(folder / "candidates.jsonl"):
        shown = row.get("name")
        if not isinstance(shown, str) or "_" not in shown:
            set_aside.append(f"{folder / 'candidates.jsonl'}, line {number}: no name.")
            continue
        prompt, _, index = shown.rpartition("_")
        yield prompt, index, said.get(shown, 0.0)


def _photos(folder: Path) -> Iterator[tuple[str, str]]:
    """(prompt, photo) of every shown fill of our export; nothing of other folders."""
    file = folder / "candidates.jsonl"
    for _, row in _json_lines(file) if file.exists() else ():
        name, photo = row.get("name"), row.get("photo_sha256")
        if isinstance(name, str) and isinstance(photo, str):
            yield name.rpartition("_")[0], photo


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            row = json.loads(line)
            yield number, row if isinstance(row, dict) else {}
    except (OSError, ValueError) as error:
        raise PrefPaintError(f"{path} cannot be read ({error}).") from error


def _is_whole(folder: Path, prompt: str, scores: dict[str, float], set_aside: list[str]) -> bool:
    """Whether all files of a prompt open and fit together; says of the first that does not."""
    if len(scores) < 2:
        set_aside.append(f"{folder}, {prompt}: one judged picture makes no pair.")
        return False
    files = [
        folder / "masks" / f"{prompt}_mask.png",
        folder / "masks_color" / f"{prompt}_mask_color.png",
        *(folder / "inpaint" / f"{prompt}_{index}.png" for index in scores),
    ]
    sizes = {}
    for file in files:
        try:
            with Image.open(file) as image:
                image.verify()
                sizes[file] = image.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            set_aside.append(f"{file}: cannot be read as an image ({error}).")
            return False
    odd = next((file for file in files if sizes[file] != sizes[files[0]]), None)
    if odd is not None:
        set_aside.append(f"{odd}: {sizes[odd]} is not the mask's size {sizes[files[0]]}.")
        return False
    return True


def _units(prompts: dict[str, dict[str, float]]) -> dict[str, tuple[float, float]]:
    """(mean, deviation) by group."""
    groups: dict[str, list[float]] = {}
    for prompt, scores in prompts.items():
        groups.setdefault(_group(prompt), []).extend(scores.values())
    return {
        group: (float(np.mean(scores)), float(np.std(scores)) or 1.0)
        for group, scores in groups.items()
    }


def _group(prompt: str) -> str:
    """Data set and pattern: what stands before the prompt's number."""
    match = re.fullmatch(r"(.+?)[_-]\d+", prompt)
    return match[1] if match else "all"


def _tiers(scores: Iterable[float]) -> tuple[tuple[int, ...], ...]:
    """Equal scores share a tier."""
    listed = list(scores)
    return tuple(
        tuple(index for index, score in enumerate(listed) if score == level)
        for level in sorted(set(listed), reverse=True)
    )


def _natural(index: str) -> tuple[int, str]:
    return (int(index), "") if index.isdigit() else (1 << 30, index)


def write_set_aside(found: LabelledSet, path: Path) -> None:
    """Keep a line for each thing that could not be learned from, where there is any."""
    if found.set_aside:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in found.set_aside))
        _log.warning(
            "%d labels or prompts were set aside; %s names them", len(found.set_aside), path
        )
