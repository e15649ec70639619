"""Preferences as files that others can train on, in the layout of PrefPaint's published data."""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from training.errors import PrefPaintError
from training.preferences.images import encode_png
from training.preferences.records import Filter, StoredPresentation
from training.preferences.store import PreferenceStore

_EXPORTED = Filter(signals=("up", "down", "accept"))


@dataclass(frozen=True)
class Summary:
    """What was exported. skipped: strips whose pictures are missing or altered on disk."""

    presentations: int
    candidates: int
    ups: int
    downs: int
    accepts: int
    skipped: int


def export(store: PreferenceStore, folder: Path) -> Summary:
    """Write everything in the store to `folder`, which appears complete or not at all.

    Raises PrefPaintError when there is nothing to export, the folder holds something already, or
    the disk is full or not writable.
    """
    folder = folder.resolve()
    keys = store.presentation_ids(_EXPORTED)
    if not keys:
        raise PrefPaintError(
            f"There are no preferences in {store.folder} yet. Give a fill a thumb or accept one."
        )
    try:
        with _new_folder(folder) as unfinished:
            return _write_everything(store, keys, unfinished)
    except OSError as error:
        raise PrefPaintError(
            f"The preferences cannot be exported to {folder} ({error.strerror or error}). "
            "Choose another folder or free some space."
        ) from error


def _write_everything(store: PreferenceStore, keys: list[int], folder: Path) -> Summary:
    features: dict[str, npt.NDArray[np.float32]] = {}
    counts = {"up": 0, "down": 0, "accept": 0}
    skipped = 0
    for name in ("inpaint", "masks", "masks_color"):
        (folder / name).mkdir()
    with (
        (folder / "candidates.jsonl").open("w", encoding="utf-8") as candidates,
        (folder / "records.jsonl").open("w", encoding="utf-8") as records,
    ):
        for key in keys:
            try:
                strip = store.read(key, _EXPORTED)
            except PrefPaintError:
                skipped += 1
                continue
            _write_pictures(strip, folder)
            rows = _candidate_rows(strip)
            for row, shown in zip(rows, strip.presentation.candidates, strict=True):
                _write_line(candidates, row)
                features[row["name"]] = shown.features
            for record in _signal_rows(strip, rows):
                _write_line(records, record)
                counts[record["signal"]] += 1
    save_file(features, folder / "features.safetensors")
    summary = Summary(
        presentations=len(keys) - skipped,
        candidates=len(features),
        ups=counts["up"],
        downs=counts["down"],
        accepts=counts["accept"],
        skipped=skipped,
    )
    (folder / "README.md").write_text(_CARD.format(**asdict(summary)), encoding="utf-8")
    return summary


def _prompt_id(strip: StoredPresentation) -> str:
    """A name for a hole with its surroundings; it tells nothing of the photo's own name."""
    return strip.digest[:16]


def _write_pictures(strip: StoredPresentation, folder: Path) -> None:
    shown, prompt_id = strip.presentation, _prompt_id(strip)
    hole = np.where(shown.hole, 255, 0).astype(np.uint8)
    white_hole = np.where(shown.hole[..., None], np.uint8(255), shown.image)
    pictures = {
        f"masks/{prompt_id}_mask.png": hole,
        f"masks_color/{prompt_id}_mask_color.png": white_hole,
    }
    for index, candidate in enumerate(shown.candidates):
        pictures[f"inpaint/{prompt_id}_{index}.png"] = candidate.pixels
    for name, pixels in pictures.items():
        (folder / name).write_bytes(encode_png(pixels))


def _candidate_rows(strip: StoredPresentation) -> list[dict[str, Any]]:
    """One object for each candidate that was shown, in the order of the strip."""
    shown, prompt_id = strip.presentation, _prompt_id(strip)
    return [
        {
            "name": f"{prompt_id}_{index}",
            "prompt_id": prompt_id,
            "file": f"inpaint/{prompt_id}_{index}.png",
            "rank": candidate.rank,
            "seed": candidate.seed,
            "model": candidate.model,
            "reward": candidate.reward,
            "trust": candidate.trust,
            "reward_model": shown.reward_model,
            "prompt": shown.prompt,
            "photo_sha256": shown.photo_sha256,
        }
        for index, candidate in enumerate(shown.candidates)
    ]


def _signal_rows(
    strip: StoredPresentation, candidates: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """One object for each thing the person said, with the candidate that it was said of."""
    by_seed = {row["seed"]: row for row in candidates}
    fields = ("prompt_id", "file", "seed", "model", "reward", "trust", "rank")
    for said in strip.opinions:
        assert said.opinion.seed is not None  # thumbs and accepts are about a candidate
        row = by_seed[said.opinion.seed]
        chosen = {field: row[field] for field in fields}
        yield {**chosen, "signal": said.opinion.signal, "time": said.recorded_at}


def _write_line(file: TextIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")


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


_CARD = """# Preferences collected with PrefPaint

{presentations} strips of fills for holes in photographs, {candidates} fills in all, and what one
person said of them: {ups} thumbs up, {downs} thumbs down, {accepts} accepted into the photo.
{skipped} strips were left out because their pictures were missing or altered on disk.

A thumb is a thumb and an accept is an accept: nobody gave scores or complete orders, and none were
made up from these signals. The order (`rank`) and the figures beside it (`reward`, `trust`) are the
reward model's, and the person saw them.

- `inpaint/<prompt>_<i>.png`: the fills of a strip, in the order in which they were shown. A prompt
  is the region around a hole, at the photo's own resolution; the rest of the photo is not here.
- `masks/<prompt>_mask.png`: white is the hole. `masks_color/<prompt>_mask_color.png`: the region
  with its hole in white.
- `records.jsonl`: one object for each signal (up, down, accept), with the time in UTC.
- `candidates.jsonl`: one object for each fill that was shown, also those nobody commented on.
- `features.safetensors`: the reward model's features z of each fill, under the name of its file.

There are no names or places of files. `photo_sha256` only tells which strips share a photo. The
pictures themselves are parts of the person's photos: share them only as you would share those.
"""
