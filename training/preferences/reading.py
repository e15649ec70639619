"""What the preference database holds, as records. Errors of SQLite and of the disk pass through."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from training.inpainting.request import Box
from training.preferences.images import load_image
from training.preferences.records import (
    Filter,
    JudgedStrip,
    Opinion,
    Presentation,
    ShownCandidate,
    StoredOpinion,
    StoredPresentation,
    ToldStrip,
    latest,
)
from training.preferences.rows import OPINION_COLUMNS, conditions, stored_opinion


@dataclass(frozen=True)
class Statistics:
    """Counts over everything kept. Times are UTC, ISO 8601, None when there is no record.

    presentations: strips of candidates on which a person said something.
    accepts_of_first: accepted fills that stood first on the strip.
    """

    presentations: int
    photos: int
    candidates: int
    ups: int
    downs: int
    accepts: int
    orders: int
    bests: int
    nones: int
    ratings: int
    skips: int
    accepts_of_first: int
    first: str | None
    last: str | None


def statistics(connection: sqlite3.Connection) -> Statistics:
    """Count everything, from the counts that triggers keep."""
    counts = dict(connection.execute("SELECT what, sum(count) FROM tally GROUP BY what"))
    first, last = connection.execute(
        "SELECT (SELECT min(recorded_at) FROM signal), (SELECT max(recorded_at) FROM signal)"
    ).fetchone()
    return Statistics(
        presentations=counts["presentation"],
        photos=counts["photo"],
        candidates=counts["candidate"],
        ups=counts.get("up", 0),
        downs=counts.get("down", 0),
        accepts=counts.get("accept", 0),
        orders=counts.get("order", 0),
        bests=counts.get("best", 0),
        nones=counts.get("none", 0),
        ratings=counts.get("rating", 0),
        skips=counts.get("skip", 0),
        accepts_of_first=counts.get("accept of first", 0),
        first=first,
        last=last,
    )


def persons(connection: sqlite3.Connection) -> list[str]:
    """Everybody of whom there is a record."""
    rows = connection.execute(
        "SELECT DISTINCT person FROM tally WHERE person <> '' AND count > 0 ORDER BY person"
    )
    return [str(person) for (person,) in rows]


def records(connection: sqlite3.Connection) -> list[tuple[str, StoredOpinion]]:
    """Every record with the hash of its photo, in the order of their ids."""
    rows = connection.execute(
        f"""SELECT photo_sha256, {OPINION_COLUMNS}
        FROM signal JOIN presentation ON presentation.id = presentation_id ORDER BY signal.id"""
    )
    return [(photo, stored_opinion(tuple(columns))) for photo, *columns in rows]


def presentation_ids(connection: sqlite3.Connection, which: Filter) -> list[int]:
    """Strips with a record that the filter lets through, oldest first."""
    condition, values = conditions(which)
    rows = connection.execute(
        f"""SELECT DISTINCT presentation.id
        FROM signal JOIN presentation ON presentation.id = presentation_id
        WHERE {condition} ORDER BY presentation.id""",
        values,
    )
    return [int(key) for (key,) in rows]


def same_cards(connection: sqlite3.Connection) -> list[list[int]]:
    """Keys of strips that show the same candidates for the same hole, oldest first in each list.

    A strip is kept once for each order in which it was shown: after an answer that moves its cards,
    and for each rater.
    """
    cards: dict[int, list[tuple[Any, ...]]] = {}
    for key, *card in connection.execute(
        "SELECT presentation_id, seed, pixels_sha256 FROM candidate ORDER BY presentation_id, seed"
    ):
        cards.setdefault(key, []).append(tuple(card))
    together: dict[tuple[Any, ...], list[int]] = {}
    for key, *where in connection.execute(
        """SELECT id, photo_sha256, image_sha256, hole_sha256, prompt, reward_model
        FROM presentation ORDER BY id"""
    ):
        together.setdefault((*where, *cards.get(key, ())), []).append(key)
    return list(together.values())


def presentation(
    connection: sqlite3.Connection, images: Path, key: int, which: Filter
) -> StoredPresentation | None:
    """One strip with the opinions that the filter lets through; None when there is no such strip.

    OSError when a picture is gone or altered.
    """
    row = connection.execute(
        """SELECT digest, photo_sha256, box_top, box_left, box_height, box_width, image_sha256,
            hole_sha256, prompt, reward_model, collection, item
        FROM presentation WHERE id = ?""",
        (key,),
    ).fetchone()
    if row is None:
        return None
    candidates = connection.execute(
        """SELECT rank, seed, model, pixels_sha256, reward, trust, features
        FROM candidate WHERE presentation_id = ? ORDER BY rank, seed""",
        (key,),
    ).fetchall()
    condition, values = conditions(which)
    opinions = connection.execute(
        f"""SELECT {OPINION_COLUMNS}
        FROM signal JOIN presentation ON presentation.id = presentation_id
        WHERE presentation.id = ? AND {condition} ORDER BY signal.id""",
        (key, *values),
    ).fetchall()
    shown = Presentation(
        photo_sha256=row[1],
        box=Box(*row[2:6]),
        image=load_image(images, row[6]),
        hole=load_image(images, row[7]) > 0,
        prompt=row[8],
        reward_model=row[9],
        candidates=tuple(_candidate(images, values) for values in candidates),
        collection=row[10],
        item=row[11],
    )
    return StoredPresentation(row[0], shown, tuple(map(stored_opinion, opinions)))


def _candidate(images: Path, row: tuple[Any, ...]) -> ShownCandidate:
    rank, seed, model, sha256, reward, trust, features = row
    return ShownCandidate(
        rank=rank,
        seed=seed,
        model=model,
        pixels=load_image(images, sha256),
        reward=reward,
        trust=trust,
        features=np.frombuffer(features, np.float32),
    )


def judged_strips(
    connection: sqlite3.Connection, person: str, reward_model: str, since: str
) -> Iterator[JudgedStrip]:
    """What a person said, since a time, of strips that a reward model saw, oldest strip first.

    Candidates without features are left out, and strips of only such, or of unequal ones.
    """
    opinions: dict[int, list[Opinion]] = {}
    for key, *columns in connection.execute(
        f"""SELECT presentation_id, {OPINION_COLUMNS}
        FROM signal JOIN presentation ON presentation.id = presentation_id
        WHERE person = ? AND reward_model = ? AND signal.recorded_at >= ?
        ORDER BY signal.recorded_at, signal.id""",
        (person, reward_model, since),
    ):
        opinions.setdefault(key, []).append(stored_opinion(tuple(columns)).opinion)
    candidates = connection.execute(
        """SELECT presentation.id, digest, seed, reward, features
        FROM presentation JOIN candidate ON presentation.id = presentation_id
        WHERE presentation.id IN (SELECT presentation_id FROM signal WHERE person = ?)
            AND reward_model = ? AND reward IS NOT NULL AND length(features) > 0
        ORDER BY presentation.id, rank, seed""",
        (person, reward_model),
    )
    for key, group in groupby(candidates, itemgetter(0)):
        rows = list(group)
        of_one_length = len({len(row[4]) for row in rows}) == 1
        if key in opinions and of_one_length:  # it may be newer than what was read above
            features = b"".join(row[4] for row in rows)
            yield JudgedStrip(
                digest=rows[0][1],
                seeds=tuple(row[2] for row in rows),
                rewards=np.array([row[3] for row in rows], np.float64),
                features=np.frombuffer(features, np.float32).reshape(len(rows), -1),
                opinions=tuple(opinions[key]),
            )


def told_strips(connection: sqlite3.Connection) -> list[ToldStrip]:
    """What everybody said of every strip, oldest first; see same_cards."""
    seeds: dict[int, list[int]] = {}
    for key, seed in connection.execute(
        "SELECT presentation_id, seed FROM candidate ORDER BY presentation_id, rank"
    ):
        seeds.setdefault(key, []).append(seed)
    said: dict[int, list[tuple[str, StoredOpinion]]] = {}
    for key, photo, *columns in connection.execute(
        f"""SELECT presentation.id, photo_sha256, {OPINION_COLUMNS}
        FROM presentation JOIN signal ON presentation.id = presentation_id
        ORDER BY presentation.id, signal.id"""
    ):
        said.setdefault(key, []).append((photo, stored_opinion(tuple(columns))))
    strips = []
    for keys in same_cards(connection):
        told = [one for key in keys for one in said.get(key, ())]
        if told:
            opinions = latest(opinion for _, opinion in told)
            shown = tuple(seeds.get(keys[0], ()))
            strips.append(ToldStrip(told[0][0], shown, tuple(one.opinion for one in opinions)))
    return strips


def collection_opinions(
    connection: sqlite3.Connection, collection: str, person: str | None
) -> dict[str, tuple[StoredOpinion, ...]]:
    """What was said of each item of a collection, in the order of the records' ids."""
    said: dict[str, list[StoredOpinion]] = {}
    for item, *columns in connection.execute(
        f"""SELECT item, {OPINION_COLUMNS}
        FROM presentation JOIN signal ON presentation.id = presentation_id
        WHERE collection = ? AND collection <> '' AND (? IS NULL OR person = ?)
        ORDER BY signal.id""",
        (collection, person, person),
    ):
        said.setdefault(item, []).append(stored_opinion(tuple(columns)))
    return {item: tuple(opinions) for item, opinions in said.items()}
