"""What people said of pictures, as it stands in files: scores, and the records of an export."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from training.errors import PrefPaintError
from training.preferences.records import COMPARES, DEFAULT_PERSON, OF_STRIP, Opinion, Signal

LOWEST, HIGHEST = 0.0, 7.0
"""Scores are 1 to 7 in three criteria; the labelling screen also allows 0."""
Scores = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Strip:
    """A prompt of an export. shown: numbers of its pictures. opinions: of these numbers."""

    prompt: str
    shown: tuple[int, ...]
    opinions: tuple[Opinion, ...]


def labels_in(files: Iterable[Path], set_aside: list[str]) -> Scores:
    """Scores by prompt and index, of every label in JSON files; None where it cannot be used.

    Appends a sentence to set_aside for each that is not well formed or contradicts another; raises
    PrefPaintError for no JSON object.
    """
    labels: Scores = {}
    for file in files:
        for prompt, index, score in _scores_in(file, set_aside):
            scores = labels.setdefault(prompt, {})
            if scores.setdefault(index, score) != score:
                scores[index] = None
                name = f"{prompt}_{index}"
                set_aside.append(f"{file}, {name}: another label differs, so neither is used.")
    return labels


def _scores_in(file: Path, set_aside: list[str]) -> Iterator[tuple[str, str, float | None]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PrefPaintError(f"{file} is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise PrefPaintError(f"{file} is no object of labels.")
    for name, label in _flat(content):
        prompt, _, index = name.rpartition("_")
        score = _score(label)
        if not prompt or score is None:
            set_aside.append(f"{file}, {name}: {json.dumps(label)} is no [score, rank].")
            score = None
        elif not LOWEST <= score <= HIGHEST:
            set_aside.append(f"{file}, {name}: score {score} is not in {LOWEST:g}-{HIGHEST:g}.")
            score = None
        yield prompt, index, score


def strips_in(folder: Path, set_aside: list[str]) -> Iterator[Strip]:
    """The strips of an export in the paper's layout, from its candidates and records.

    Appends a sentence to set_aside for each line that is not well formed, and for each prompt of
    records that is no candidate's.
    """
    records, candidates = folder / "records.jsonl", folder / "candidates.jsonl"
    said: dict[str, list[Opinion]] = {}
    for number, row in _json_lines(records):
        try:
            prompt, opinion = _opinion(row)
            said.setdefault(prompt, []).append(opinion)
        except (KeyError, TypeError, ValueError):
            set_aside.append(f"{records}, line {number}: no signal of a file.")
    shown: dict[str, list[int]] = {}
    for number, row in _json_lines(candidates):
        try:
            prompt, index = _place(row["name"])
            shown.setdefault(prompt, []).append(index)
        except (KeyError, TypeError, ValueError):
            set_aside.append(f"{candidates}, line {number}: no name.")
    for prompt in sorted(said.keys() - shown.keys()):
        set_aside.append(f"{records}: {prompt} is not in {candidates.name}.")
    for prompt, indices in shown.items():
        yield Strip(prompt, tuple(indices), tuple(said.get(prompt, ())))


def photos_in(folder: Path) -> dict[str, str]:
    """The photo of each prompt of an export, by its number; of other folders nothing."""
    file = folder / "candidates.jsonl"
    rows = [row for _, row in _json_lines(file)] if file.exists() else []
    return {
        row["prompt_id"]: row["photo"]
        for row in rows
        if isinstance(row.get("prompt_id"), str) and isinstance(row.get("photo"), str)
    }


def _opinion(row: dict[str, Any]) -> tuple[str, Opinion]:
    """Prompt and opinion of a record; raises KeyError, TypeError or ValueError where it is none."""
    signal = row["signal"]
    if signal not in get_args(Signal):
        raise ValueError(signal)
    places = [_place(file) for file in row.get("order", ())]
    if signal in COMPARES and len({index for _, index in places}) < 2:
        raise ValueError("no order")
    if "file" in row:
        places.append(_place(row["file"]))
    prompts = {prompt for prompt, _ in places} or {str(row["prompt_id"])}
    (prompt,) = prompts
    is_of_one = signal not in OF_STRIP
    rating = tuple(row["rating"]) if signal == "rating" else None
    if rating is not None and (len(rating) != 3 or any(v not in range(1, 8) for v in rating)):
        raise ValueError("no rating")
    return prompt, Opinion(
        signal,
        _place(row["file"])[1] if is_of_one else None,
        tuple(index for _, index in places) if signal in COMPARES else (),
        rating,
        person=str(row.get("rater", DEFAULT_PERSON)),
    )


def _place(file: str) -> tuple[str, int]:
    """Prompt and number of a picture."""
    prompt, _, index = Path(file).stem.rpartition("_")
    return prompt, int(index)


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


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise PrefPaintError(f"{path} cannot be read ({error}).") from error
    for number, line in enumerate(lines, 1):
        if line:
            try:
                row = json.loads(line)
            except ValueError as error:
                raise PrefPaintError(f"{path}, line {number}, is no JSON. Mend it.") from error
            yield number, row if isinstance(row, dict) else {}
