"""The published layout, which the reward trainer reads: pictures, labels, and records."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from training.preferences.formats.views import masked_picture, prompt_id
from training.preferences.images import encode_png
from training.preferences.order import mean_scores
from training.preferences.records import StoredPresentation
from training.preferences.rows import hole_picture

CARD = """- `inpaint/<prompt>_<i>.png`: the fills of a strip, in the order in which they were shown.
- `masks/<prompt>_mask.png`: white is the hole. `masks_color/<prompt>_mask_color.png`: the region
  with its hole in white.
- `labels.json`: `{{"<prompt>_<i>": [score, rank]}}` of the {rows} fills that someone rated, and
  `labels_grouped.json`, the same by prompt. The score is 0.15 structure + 0.15 texture + 0.7
  overall feeling, each 1 to 7, and the mean where several rated a fill; rank 1 is the best of its
  prompt, equal scores share a rank. Fills that nobody rated have no score: none was made up.
- `records.jsonl`: one object for each opinion, ratings among them, with its time in UTC and its
  rater: `file` for what it is about, `order` for an order (files, best first; of "best" the others
  are in no order), `rating` for the three criteria.
- `candidates.jsonl`: one object for each fill that was shown, also those nobody commented on.
- `features.safetensors`: the reward model's features z of each fill that it saw, under its name.

`prefpaint-train reward` reads this folder: labels where there are any, else the records."""

Labels = dict[str, list[float]]


def write(strips: Iterable[StoredPresentation], folder: Path) -> int:
    """Write the layout to an existing folder; returns how many fills have a label."""
    features: dict[str, npt.NDArray[np.float32]] = {}
    grouped: dict[str, Labels] = {}
    for name in ("inpaint", "masks", "masks_color"):
        (folder / name).mkdir()
    with (
        (folder / "candidates.jsonl").open("w", encoding="utf-8") as candidates,
        (folder / "records.jsonl").open("w", encoding="utf-8") as records,
    ):
        for strip in strips:
            _write_pictures(strip, folder)
            rows = _candidate_rows(strip)
            for row, shown in zip(rows, strip.presentation.candidates, strict=True):
                _write_line(candidates, row)
                if shown.features.size:
                    features[row["name"]] = shown.features
            for record in _opinion_rows(strip, rows):
                _write_line(records, record)
            if labels := _labels(strip, rows):
                grouped[prompt_id(strip)] = labels
    save_file(features, folder / "features.safetensors")
    flat = {name: label for labels in grouped.values() for name, label in labels.items()}
    if flat:
        for file, content in (("labels.json", flat), ("labels_grouped.json", grouped)):
            (folder / file).write_text(json.dumps(content, indent=1), encoding="utf-8")
    return len(flat)


def _write_pictures(strip: StoredPresentation, folder: Path) -> None:
    shown, prompt = strip.presentation, prompt_id(strip)
    pictures = {
        f"masks/{prompt}_mask.png": hole_picture(shown),
        f"masks_color/{prompt}_mask_color.png": masked_picture(shown),
    }
    for index, candidate in enumerate(shown.candidates):
        pictures[f"inpaint/{prompt}_{index}.png"] = candidate.pixels
    for name, pixels in pictures.items():
        (folder / name).write_bytes(encode_png(pixels))


def _candidate_rows(strip: StoredPresentation) -> list[dict[str, Any]]:
    """One object for each candidate that was shown, in the order of the strip."""
    shown, prompt = strip.presentation, prompt_id(strip)
    return [
        {
            "name": f"{prompt}_{index}",
            "prompt_id": prompt,
            "file": f"inpaint/{prompt}_{index}.png",
            "rank": candidate.rank,
            "seed": candidate.seed,
            "model": candidate.model,
            "reward": candidate.reward,
            "trust": candidate.trust,
            "reward_model": shown.reward_model,
            "prompt": shown.prompt,
            "photo": shown.photo_sha256,
        }
        for index, candidate in enumerate(shown.candidates)
    ]


def _opinion_rows(
    strip: StoredPresentation, candidates: list[dict[str, Any]]
) -> Iterable[dict[str, Any]]:
    """One object for each thing that a person said."""
    by_seed = {row["seed"]: row for row in candidates}
    fields = ("file", "seed", "model", "reward", "trust", "rank")
    for said in strip.opinions:
        one = said.opinion
        row: dict[str, Any] = {"prompt_id": prompt_id(strip), "signal": one.signal}
        if one.seed is not None:
            row |= {field: by_seed[one.seed][field] for field in fields}
        if one.order:
            row["order"] = [by_seed[seed]["file"] for seed in one.order]
        if one.rating is not None:
            row["rating"] = list(one.rating)
        if one.reasons:
            row["reasons"] = list(one.reasons)
        yield {**row, "rater": one.person, "time": said.recorded_at}


def _labels(strip: StoredPresentation, candidates: list[dict[str, Any]]) -> Labels:
    """[mean score, rank] of the fills that someone rated, by name."""
    means = mean_scores(said.opinion for said in strip.opinions)
    return {
        row["name"]: [means[row["seed"]], 1 + sum(m > means[row["seed"]] for m in means.values())]
        for row in candidates
        if row["seed"] in means
    }


def _write_line(file: TextIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")
