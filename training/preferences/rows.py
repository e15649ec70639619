"""Between rows of the preference database and records."""

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np

from training.preferences.images import Picture, pixel_hash
from training.preferences.records import (
    COMPARES,
    OF_STRIP,
    Filter,
    Opinion,
    Presentation,
    StoredOpinion,
)

LONGEST_NAME = 64
OPINION_COLUMNS = "signal.id, signal, seed, ranking, rating, reasons, person, signal.recorded_at"
"""What `stored_opinion` reads, of the table `signal`."""


def check_opinion(presentation: Presentation, opinion: Opinion) -> None:
    """Raise ValueError for an opinion that cannot be one of this strip."""
    shown = {candidate.seed for candidate in presentation.candidates}
    if (opinion.seed is None) != (opinion.signal in OF_STRIP):
        raise ValueError(f"{opinion.signal!r} does not go with the seed {opinion.seed}")
    for seed in (*opinion.order, *(() if opinion.seed is None else (opinion.seed,))):
        if seed not in shown:
            raise ValueError(f"seed {seed} was not shown")
    if opinion.signal in COMPARES:
        if len(opinion.order) < 2 or len(set(opinion.order)) != len(opinion.order):
            raise ValueError("a comparison needs two or more different seeds")
    elif opinion.order:
        raise ValueError(f"{opinion.signal!r} has no order")
    if (opinion.rating is not None) != (opinion.signal == "rating"):
        raise ValueError("a rating, and nothing else, needs the three criteria")
    if opinion.rating is not None and (
        len(opinion.rating) != 3 or not all(1 <= value <= 7 for value in opinion.rating)
    ):
        raise ValueError("the three criteria go from 1 to 7")
    for word in (opinion.person, *opinion.reasons):
        if not word or len(word) > LONGEST_NAME or not word.isprintable():
            raise ValueError("persons and reasons have 1 to 64 characters that can be printed")


def opinion_row(opinion: Opinion) -> dict[str, Any]:
    """Columns of the table `signal`, without the strip and the time."""
    return {
        "seed": None if opinion.seed is None else int(opinion.seed),
        "signal": opinion.signal,
        "kind": opinion.kind,
        "person": opinion.person,
        "ranking": json.dumps([int(seed) for seed in opinion.order]),
        "rating": json.dumps([int(value) for value in opinion.rating or ()]),
        "reasons": json.dumps(opinion.reasons, ensure_ascii=False),
    }


def stored_opinion(row: tuple[Any, ...]) -> StoredOpinion:
    """An opinion from OPINION_COLUMNS."""
    record_id, signal, seed, ranking, rating, reasons, person, recorded_at = row
    opinion = Opinion(
        signal=signal,
        seed=seed,
        order=_tuple(ranking),
        rating=_tuple(rating) or None,
        reasons=_tuple(reasons),
        person=person,
    )
    return StoredOpinion(record_id, opinion, recorded_at)


@lru_cache(maxsize=4096)  # a few texts come again and again
def _tuple(text: str) -> Any:
    return () if text == "[]" else tuple(json.loads(text))


def pictures(shown: Presentation) -> dict[str, Picture]:
    """Every picture of a presentation by its hash."""
    fills = [candidate.pixels for candidate in shown.candidates]
    kept = {pixel_hash(pixels): pixels for pixels in [shown.image, hole_picture(shown), *fills]}
    return kept if shown.photo is None else {**kept, shown.photo_sha256: shown.photo}


def presentation_rows(shown: Presentation) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A row of the table `presentation`, without the time, and its rows of `candidate`.

    The digest names what was shown: it leaves out the time, and what version 1 did not know where
    that is empty, so that strips keep their names.
    """
    row: dict[str, Any] = {
        "photo_sha256": shown.photo_sha256,
        "box_top": shown.box.top,
        "box_left": shown.box.left,
        "box_height": shown.box.height,
        "box_width": shown.box.width,
        "image_sha256": pixel_hash(shown.image),
        "hole_sha256": pixel_hash(hole_picture(shown)),
        "prompt": shown.prompt,
        "reward_model": shown.reward_model,
    }
    rating_screen = {"collection": shown.collection, "item": shown.item}
    candidates = [
        {
            "seed": int(one.seed),
            "rank": int(one.rank),
            "model": one.model,
            "pixels_sha256": pixel_hash(one.pixels),
            "reward": _number(one.reward),
            "trust": _number(one.trust),
            "features": one.features.astype(np.float32).tobytes(),
        }
        for one in shown.candidates
    ]
    named = {**row, **{name: value for name, value in rating_screen.items() if value}}
    columns = ("rank", "seed", "model", "pixels_sha256", "reward")
    content = [named, [[one[column] for column in columns] for one in candidates]]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {"digest": digest, **row, **rating_screen}, candidates


def _number(value: float | None) -> float | None:
    """As SQLite gives it back: it knows no -0.0."""
    return None if value is None else float(value) + 0.0


def hole_picture(shown: Presentation) -> Picture:
    """(height, width) uint8, 255 in the hole."""
    return np.where(shown.hole, 255, 0).astype(np.uint8)


def conditions(which: Filter) -> tuple[str, list[Any]]:
    """An SQL condition on `signal JOIN presentation`, and its parameters."""
    parts: list[str] = ["true"]
    values: list[Any] = []

    def limit(condition: str, *parameters: Any) -> None:
        parts.append(condition)
        values.extend(parameters)

    if which.since is not None:
        limit("signal.recorded_at >= ?", which.since)
    if which.until is not None:
        # "~" sorts after all of a time: a date alone means until the end of that day.
        limit("signal.recorded_at <= ?", which.until + "~")
    if which.signals:
        limit(f"signal.signal IN ({_marks(which.signals)})", *which.signals)
    if which.persons:
        limit(f"signal.person IN ({_marks(which.persons)})", *which.persons)
    if which.photo_sha256 is not None:
        limit("presentation.photo_sha256 = ?", which.photo_sha256)
    if which.models:
        limit(
            f"""EXISTS (SELECT 1 FROM candidate WHERE presentation_id = presentation.id
            AND model IN ({_marks(which.models)}))""",
            *which.models,
        )
    return " AND ".join(parts), values


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))
