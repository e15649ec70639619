"""Pictures that people judged: the paper's layout, and what this program exports."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import PrefPaintError
from training.inpainting.request import Box, Mask, Pixels
from training.preferences.order import by_person, known_levels, mean_scores
from training.prompts.paper_folder import PictureFiles
from training.prompts.photos import Split, split_of_name
from training.reward.division import divide, join_photos
from training.reward.judged_pictures import (
    JudgedPictures,
    is_data_set,
    photos_of_rows,
    strips_of_rows,
)
from training.reward.labels import Strip, labels_in, photos_in, strips_in
from training.reward.looks import Tiers
from training.reward.view import Resample, view_boxes, view_hole, view_image, white_hole

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledPrompt:
    """A prompt with its judged pictures, read from disk when they are asked for.

    photo: what is on one side of a split. name: of the prompt and, where several people judged it,
    of whose judgement this is.
    scores: one for each picture, standardised within `group`; none where nobody gave scores.
    looks: one, the pictures' indices, best first; between its tiers the order is known.
    """

    source: JudgedPictures
    photo: str
    name: str
    group: str
    indices: tuple[str, ...]
    scores: tuple[float, ...]
    looks: tuple[Tiers, ...]
    size: int
    resample: Resample

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("labelled",) * len(self.indices)

    @property
    def pictures(self) -> npt.NDArray[np.uint8]:
        """(k, size, size, 3): what the reward sees of them when it scores."""
        return np.stack([self._view(self.source.fill(index)) for index in self.indices])

    @property
    def hole(self) -> Mask:
        """(size, size)."""
        return view_hole(self.source.mask, self._box, self.size)

    @property
    def masked(self) -> Pixels:
        """(size, size, 3): the photo with its hole in white, as in scoring."""
        return white_hole(self._view(self.source.masked), self.hole)

    @cached_property
    def _box(self) -> Box:
        return view_boxes(self.source.mask)[0]

    def _view(self, pixels: Pixels) -> Pixels:
        return view_image(pixels, self._box, self.size, self.resample)


@dataclass
class LabelledSet:
    """prompts: what can be learned from. set_aside: one sentence for each label or prompt that
    cannot, naming the file and the key; none is dropped without one."""

    prompts: list[LabelledPrompt] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)


def photos_of(folders: Iterable[Path]) -> dict[str, str]:
    """The photo of each prompt of our own exports among the folders, in whatever order they come.

    Raises PrefPaintError for an export that cannot be read.
    """
    apart = sorted({folder.resolve() for folder in folders})
    return join_photos(photos_of_rows(f) if is_data_set(f) else photos_in(f) for f in apart)


def read_labelled(
    folder: Path,
    size: int,
    split: Split | None = None,
    photos: Mapping[str, str] | None = None,
    resample: Resample = "area",
) -> LabelledSet:
    """Read a folder in the paper's layout (inpaint/, masks/, masks_color/), or a data set that
    `prefpaint preferences export --format datasets` wrote.

    Labels are `*.json` files beside the pictures: `{"<prompt>_<i>": [score, rank]}` or, grouped,
    `{"<prompt>": {"<prompt>_<i>": [score, rank]}}`. Of a prompt without labels, our own export's
    `records.jsonl` tells the order, as each person saw it (preferences.order.known_levels): scores
    are made of ratings alone. A group is what stands before a prompt's number, such as
    `ade20k_square` of `ade20k_square_0012`; scores are standardised within it. split: by the
    prompt, so that none is on both sides; of our own export by the photo, see `divide`. photos: of
    all exports that are divided together, see `photos_of`; this one alone if None.

    Raises PrefPaintError when there are no labels, or a file of them is no JSON.
    """
    found = LabelledSet()
    photos = photos_of([folder]) if photos is None else photos
    reader = _Reader(size, resample, split, found, photos, divide(photos))
    if is_data_set(folder):
        for strip, row in strips_of_rows(folder):
            reader.take(strip, row)
    else:
        _read_layout(folder, reader)
    reader.finish()
    return found


def _read_layout(folder: Path, reader: "_Reader") -> None:
    files = sorted(folder.glob("*.json"))
    if (folder / "strips.jsonl").exists():
        raise PrefPaintError(
            f"{folder} is an archive for `prefpaint preferences import`. Import it, then export "
            "with --format paper."
        )
    if not files and not (folder / "records.jsonl").exists():
        raise PrefPaintError(
            f"{folder} holds neither manifest.jsonl, as `prefpaint-train pairs` makes, nor labels "
            "(.json, or records.jsonl of an export)."
        )
    set_aside = reader.found.set_aside
    labels = labels_in(files, set_aside)
    known: dict[str, set[str]] = {prompt: set(scores) for prompt, scores in labels.items()}
    scored: set[str] = set()
    for prompt, scores in sorted(labels.items()):
        usable = {index: score for index, score in scores.items() if score is not None}
        if usable:
            scored.add(prompt)
            reader.add_scores(prompt, usable, PictureFiles(folder, prompt))
    if (folder / "records.jsonl").exists():
        for strip in strips_in(folder, set_aside):
            known.setdefault(strip.prompt, set()).update(map(str, strip.shown))
            if strip.prompt not in scored:
                reader.take(strip, PictureFiles(folder, strip.prompt))
    reader.set_unlabelled_aside(folder, known)


@dataclass
class _Reader:
    """Collects prompts; those with scores wait for the mean of their group.

    photos, splits: of prompts of which both are known.
    """

    size: int
    resample: Resample
    split: Split | None
    found: LabelledSet
    photos: Mapping[str, str]
    splits: Mapping[str, Split]
    scored: list[tuple[str, dict[str, float], JudgedPictures]] = field(default_factory=list)

    def add_scores(self, prompt: str, scores: dict[str, float], source: JudgedPictures) -> None:
        if self._is_wanted(prompt) and self._is_whole(prompt, scores, source):
            self.scored.append((prompt, scores, source))

    def take(self, strip: Strip, source: JudgedPictures) -> None:
        """Scores where somebody rated; else what each person's opinions tell of the order."""
        if not self._is_wanted(strip.prompt):
            return
        scores = mean_scores(strip.opinions)
        if scores:
            named = {str(index): score for index, score in scores.items()}
            self.add_scores(strip.prompt, named, source)
            return
        judges = [
            (person, levels)
            for person, said in by_person(strip.opinions).items()
            if len(set((levels := known_levels(strip.shown, said)).values())) > 1
        ]
        if not judges:
            self.found.set_aside.append(f"{strip.prompt}: nobody told an order of its pictures.")
        photo = self.photos.get(strip.prompt, strip.prompt)
        for person, levels in judges:
            named = {str(index): level for index, level in levels.items()}
            if not self._is_whole(strip.prompt, named, source):
                return
            name = strip.prompt if len(judges) == 1 else f"{strip.prompt} by {person}"
            indices = tuple(sorted(named, key=_natural))
            look = _tiers(named[index] for index in indices)
            self.found.prompts.append(
                LabelledPrompt(
                    source,
                    photo,
                    name,
                    "records",
                    indices,
                    (),
                    (look,),
                    self.size,
                    self.resample,
                )
            )

    def finish(self) -> None:
        units = _units([(prompt, scores) for prompt, scores, _ in self.scored])
        for prompt, scores, source in self.scored:
            mean, deviation = units[_group(prompt)]
            indices = tuple(sorted(scores, key=_natural))
            standard = tuple((scores[index] - mean) / deviation for index in indices)
            self.found.prompts.append(
                LabelledPrompt(
                    source,
                    self.photos.get(prompt, prompt),
                    prompt,
                    _group(prompt),
                    indices,
                    standard,
                    (_tiers(standard),),
                    self.size,
                    self.resample,
                )
            )

    def set_unlabelled_aside(self, folder: Path, known: Mapping[str, Collection[str]]) -> None:
        """known: by prompt, the pictures that have labels or were shown when people judged."""
        unlabelled: dict[str, None] = {}
        for file in sorted((folder / "inpaint").glob("*.png")):
            prompt, _, index = file.stem.rpartition("_")
            if self._is_wanted(prompt) and index not in known.get(prompt, ()):
                name = str(file) if prompt in known else prompt
                unlabelled[f"{name}: nobody labelled it."] = None
        self.found.set_aside += unlabelled

    def _is_wanted(self, prompt: str) -> bool:
        return self.split in (None, self.splits.get(prompt) or split_of_name(prompt))

    def _is_whole(self, prompt: str, indices: Iterable[str], source: JudgedPictures) -> bool:
        listed = list(indices)
        if len(listed) < 2:
            fault = f"{prompt}: one judged picture makes no pair."
        else:
            fault = source.fault(listed) or ""
        if fault:
            self.found.set_aside.append(fault)
        return not fault


def _units(prompts: list[tuple[str, dict[str, float]]]) -> dict[str, tuple[float, float]]:
    """(mean, deviation) by group."""
    groups: dict[str, list[float]] = {}
    for prompt, scores in prompts:
        groups.setdefault(_group(prompt), []).extend(scores.values())
    return {
        group: (float(np.mean(scores)), float(np.std(scores)) or 1.0)
        for group, scores in groups.items()
    }


def _group(prompt: str) -> str:
    """Data set and pattern: what stands before the prompt's number."""
    match = re.fullmatch(r"(.+?)[_-]\d+", prompt)
    return match[1] if match else "all"


def _tiers(scores: Iterable[float]) -> Tiers:
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
