"""Preferences as a folder that others can train on, or that `import` reads."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal, get_args

import numpy as np

from training.errors import Cancelled, PrefPaintError
from training.preferences.formats.card import LICENCES, NOT_STATED, data_card
from training.preferences.formats.views import prompt_id
from training.preferences.records import (
    EVERYTHING,
    Filter,
    StoredOpinion,
    StoredPresentation,
    latest,
)
from training.preferences.store import PreferenceStore
from training.preferences.tally import Tally

Format = Literal["paper", "pairs", "datasets", "jsonl"]
FORMATS: dict[Format, str] = {
    "paper": "the published layout: pictures, labels and records, which the reward trainer reads",
    "pairs": "prompt, chosen and rejected in Parquet, for DPO trainers",
    "datasets": "a folder for Hugging Face’s datasets, a row for each strip",
    "jsonl": "all there is, to be imported on another machine; keep it for yourself",
}
assert set(FORMATS) == set(get_args(Format))


PHOTOS = "photos"
"""Where whole photos lie in the shared formats."""
Region = dict[str, str | int]
"""The photo's number, and the top, left, height and width of a region of it."""


@dataclass(frozen=True)
class Summary:
    """What was exported. rows: labels, pairs, rows or strips, as the format has them. photos: whole
    ones."""

    tally: Tally
    rows: int
    photos: int


def export(
    store: PreferenceStore,
    folder: Path,
    form: Format,
    which: Filter = EVERYTHING,
    licence: str = NOT_STATED,
    on_progress: Callable[[float], None] = lambda _: None,
    cancel: Event | None = None,
    *,
    whole_photos: bool = False,
) -> Summary:
    """Write what `which` asks for to `folder`, which appears complete or not at all.

    In every format but jsonl, people and photos are numbered, what lay under the masks is left out,
    and a strip that was shown in several orders is told once. licence: one of LICENCES.
    on_progress: gets the share that is done, 0-1. whole_photos: with the photos too, each once,
    where they are kept; they show what lay under the masks.

    Raises PrefPaintError when there is nothing to export, the folder holds something already, or
    the disk is full or not writable; Cancelled soon after `cancel` is set.
    """
    if licence not in LICENCES:
        raise PrefPaintError(f"{licence} is no known licence. Known are: {', '.join(LICENCES)}.")
    folder = folder.resolve()
    keys = store.presentation_ids(which)
    if not keys:
        raise PrefPaintError(
            f"There are no such preferences in {store.folder}. Give a fill a thumb or accept one, "
            "or ask for more of them."
        )
    from training.preferences.formats import datasets, jsonl, pairs, paper  # slow to import

    writer = {"paper": paper, "pairs": pairs, "datasets": datasets, "jsonl": jsonl}[form]
    tally = Tally()
    is_whole = form == "jsonl"
    wanted = set(keys)
    together = [[key] for key in keys] if is_whole else store.same_cards()
    groups = [group for keys in together if (group := [key for key in keys if key in wanted])]
    strips = _strips(store, groups, which, tally, on_progress, cancel)
    names: dict[str, str] = {}
    regions: dict[str, Region] = {}
    if not is_whole:
        strips = _numbered(strips, names, regions)
    try:
        with _new_folder(folder) as unfinished:
            rows = writer.write(strips, unfinished)
            if not tally.strips:
                raise PrefPaintError(
                    f"Nothing was exported: of {tally.skipped} strips in {store.folder}, the "
                    "pictures are missing or altered, or the figures are no numbers."
                )
            photos = 0
            if whole_photos:
                kept = sorted(tally.photos.intersection(store.whole_photos()))
                to = unfinished / ("images" if is_whole else PHOTOS)
                photos = _write_photos(store, kept, names, to, cancel)
                if photos and not is_whole:
                    text = json.dumps(regions, indent=1)
                    (to / "regions.json").write_text(text, encoding="utf-8")
            what_is_what = writer.CARD.format(rows=f"{rows:,}")
            card = data_card(tally, licence, what_is_what, is_whole=is_whole, photos=photos)
            (unfinished / "README.md").write_text(card, encoding="utf-8")
            if is_whole:
                jsonl.seal(unfinished)
    except OSError as error:
        raise PrefPaintError(
            f"The preferences cannot be exported to {folder} ({error.strerror or error}). "
            "Choose another folder or free some space."
        ) from error
    return Summary(tally, rows, photos)


def _write_photos(
    store: PreferenceStore,
    kept: list[str],
    names: dict[str, str],
    folder: Path,
    cancel: Event | None,
) -> int:
    """Write the photos of these hashes that are unaltered; returns how many. names: of the files,
    where they are not the hashes."""
    count = 0
    for sha256 in kept:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        with suppress(PrefPaintError):
            store.photo(sha256)  # whether it is what its name says
            folder.mkdir(exist_ok=True)
            shutil.copyfile(store.photo_file(sha256), folder / f"{names.get(sha256, sha256)}.png")
            count += 1
    return count


def _strips(
    store: PreferenceStore,
    groups: list[list[int]],
    which: Filter,
    tally: Tally,
    on_progress: Callable[[float], None],
    cancel: Event | None,
) -> Iterator[StoredPresentation]:
    """Every strip that can be read; counts it.

    groups: keys of strips that are one but for the order of their cards; it is told once, as it was
    shown first, with what was last said on each subject.
    """
    for number, keys in enumerate(groups, 1):
        if cancel is not None and cancel.is_set():
            raise Cancelled
        shown = [strip for key in keys if (strip := _sound(store, key, which)) is not None]
        if not shown:
            tally.skipped += 1
        else:
            strip, *others = shown
            if others:
                said = latest(opinion for one in shown for opinion in one.opinions)
                strip = replace(strip, opinions=said)
            tally.add(strip)
            yield strip
        on_progress(number / len(groups))


def _sound(store: PreferenceStore, key: int, which: Filter) -> StoredPresentation | None:
    """The strip; None when pictures are missing or altered, or figures are no numbers."""
    try:
        strip = store.read(key, which)
    except PrefPaintError:
        return None
    for one in strip.presentation.candidates:
        figures = [value for value in (one.reward, one.trust) if value is not None]
        if not (np.isfinite(figures).all() and np.isfinite(one.features).all()):
            return None
    return strip


def _numbered(
    strips: Iterable[StoredPresentation], photos: dict[str, str], regions: dict[str, Region]
) -> Iterator[StoredPresentation]:
    """The strips without who spoke and of which photo: numbers tell what goes together.

    Fills in photos, the number of each by its hash, and regions, where each strip lies in its own.
    """
    raters: dict[str, str] = {}
    for strip in strips:
        opinions: list[StoredOpinion] = []
        for said in strip.opinions:
            rater = raters.setdefault(said.opinion.person, f"rater-{len(raters) + 1}")
            opinions.append(replace(said, opinion=replace(said.opinion, person=rater)))
        sha256 = strip.presentation.photo_sha256
        photo = photos.setdefault(sha256, f"photo-{len(photos) + 1}")
        regions[prompt_id(strip)] = {"photo": photo, **vars(strip.presentation.box)}
        shown = replace(strip.presentation, photo_sha256=photo, collection="", item="")
        yield replace(strip, presentation=shown, opinions=tuple(opinions))


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that becomes `folder` when the block succeeds and vanishes when not."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PrefPaintError(f"{folder} holds something already. Name a new or empty folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".prefpaint-{uuid.uuid4().hex[:12]}.tmp")
    unfinished.mkdir()
    try:
        yield unfinished
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
