"""Takes the preferences of an archive into a store: all of them, or none and one sentence why."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import ValidationError

from training.errors import Cancelled, PrefPaintError
from training.inpainting.request import Box
from training.preferences.formats.archive_rows import (
    MANIFEST,
    STRIPS,
    Manifest,
    StripRow,
    what_is_wrong,
)
from training.preferences.images import MOST_PIXELS, Picture, pixel_hash
from training.preferences.records import Presentation, ShownCandidate, StoredPresentation
from training.preferences.store import PreferenceStore
from training.preferences.unpack import Refused, unpacked

MOST_STRIP_PIXELS = 1_000_000_000
"""Of all pictures of a strip, which are in memory together."""
LONGEST_LINE = 64 << 20
LARGEST_MANIFEST = 256 << 20
_ADVICE = (
    "Nothing was changed. What can be imported is an untouched export in the format jsonl, "
    "as a folder, .zip or .tar."
)


@dataclass(frozen=True)
class Imported:
    """strips: in the archive. opinions: on them. new: opinions that were not here already."""

    strips: int
    opinions: int
    new: int


def import_preferences(
    store: PreferenceStore,
    path: Path,
    on_progress: Callable[[float], None] = lambda _: None,
    cancel: threading.Event | None = None,
) -> Imported:
    """Add what an archive holds and the store does not; `path` is a folder, .zip or .tar.

    Of two opinions of one kind, the later stays. on_progress: gets the share that is done, 0-1.
    Raises PrefPaintError, with nothing added, when anything in the archive is missing, altered or
    not what it must be, or the disk is full; Cancelled, with nothing added, after `cancel` is set.
    """
    counts = [0, 0]

    def strips(folder: Path) -> Iterator[StoredPresentation]:
        for strip in _strips(folder, on_progress):
            if cancel is not None and cancel.is_set():
                raise Cancelled
            counts[0] += 1
            counts[1] += len(strip.opinions)
            yield strip

    try:
        with unpacked(path) as folder:
            _check_files(folder)
            new = store.add_all(strips(folder))
    except Refused as refused:
        raise PrefPaintError(f"{path} was not imported: {refused}. {_ADVICE}") from refused
    except OSError as error:
        raise PrefPaintError(
            f"{path} was not imported: {error.strerror or error}. Nothing was changed. Check that "
            "it is there and readable, and that the disk has room for it."
        ) from error
    return Imported(counts[0], counts[1], new)


def _check_files(folder: Path) -> None:
    """Whether there are just the files that the manifest names, unaltered."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise Refused(f"it has no {MANIFEST}")
    if manifest.stat().st_size > LARGEST_MANIFEST:
        raise Refused(f"{MANIFEST} is too large")
    try:
        files = Manifest.model_validate_json(manifest.read_bytes()).files
    except ValidationError as error:
        raise Refused(f"{MANIFEST}, {what_is_wrong(error)}") from error
    if STRIPS not in files:
        raise Refused(f"{MANIFEST} names no {STRIPS}")
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    for name in there:
        if name not in files and name != MANIFEST and Path(name).name != ".DS_Store":
            raise Refused(f"{name} is not in {MANIFEST}")
    for name, row in files.items():
        path = there.get(name)
        if path is None:
            raise Refused(f"{name} is missing")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != row.bytes or hashlib.file_digest(file, "sha256").hexdigest() != row.sha256:
                raise Refused(f"{name} was altered")


def _strips(folder: Path, on_progress: Callable[[float], None]) -> Iterator[StoredPresentation]:
    path, images = folder / STRIPS, folder / "images"
    photos: set[str] = set()
    with path.open("rb") as file:
        number, done, total = 0, 0, max(1, path.stat().st_size)
        while line := file.readline(LONGEST_LINE):
            number += 1
            try:
                row = StripRow.model_validate_json(line)
            except ValidationError as error:
                raise Refused(f"{STRIPS}, line {number}, {what_is_wrong(error)}") from error
            strip = _strip(row, images)
            sha256 = row.photo_sha256
            if sha256 not in photos and (images / f"{sha256}.png").exists():
                shown = replace(strip.presentation, photo=_picture(images, sha256, 3, 4))
                strip = replace(strip, presentation=shown)
            photos.add(sha256)  # once is enough, for all strips of it
            yield strip
            done += len(line)
            on_progress(done / total)


def _strip(row: StripRow, images: Path) -> StoredPresentation:
    image = _picture(images, row.image, 3)
    size = image.shape[:2]
    if size[0] * size[1] * len(row.candidates) > MOST_STRIP_PIXELS:
        raise Refused(
            f"a strip of {len(row.candidates)} pictures like {row.image}.png is too large"
        )
    hole = _picture(images, row.hole, 1, size=size)
    if not np.isin(hole, (0, 255)).all():
        raise Refused(f"{row.hole}.png is no hole in black and white")
    shown = Presentation(
        photo_sha256=row.photo_sha256,
        box=Box(**vars(row.box)),
        image=image,
        hole=hole > 0,
        prompt=row.prompt,
        reward_model=row.reward_model,
        candidates=tuple(
            ShownCandidate(
                rank=one.rank,
                seed=one.seed,
                model=one.model,
                pixels=_picture(images, one.pixels, 3, size=size),
                reward=one.reward,
                trust=one.trust,
                features=np.array(one.features, np.float32),
            )
            for one in row.candidates
        ),
        collection=row.collection,
        item=row.item,
    )
    return StoredPresentation("", shown, tuple(said.stored() for said in row.opinions))


def _picture(
    images: Path, sha256: str, *channels: int, size: tuple[int, ...] | None = None
) -> Picture:
    """The picture of this hash. channels: how many it may have. size: (height, width) of it."""
    path = images / f"{sha256}.png"
    name = f"images/{path.name}"
    try:
        with Image.open(path, formats=["PNG"]) as image:
            width, height = image.size  # told by the header; nothing is decoded yet
            if width * height > MOST_PIXELS or (size is not None and (height, width) != size):
                raise Refused(f"{name} is {width} x {height} pixels, which cannot be")
            if image.mode not in [{1: "L", 3: "RGB", 4: "RGBA"}[count] for count in channels]:
                raise Refused(f"{name} is no picture of {channels[0]} x 8 bits")
            pixels = np.array(image)
    except FileNotFoundError as error:
        raise Refused(f"{name} is missing") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused(f"{name} cannot be read ({error})") from error
    if pixel_hash(pixels) != sha256:
        raise Refused(f"{name} shows another picture than its name says")
    return pixels
