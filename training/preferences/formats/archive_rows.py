"""The rows of an archive: what may stand in its files, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from training.preferences.images import pixel_hash
from training.preferences.records import (
    COMPARES,
    OF_STRIP,
    Opinion,
    Signal,
    StoredOpinion,
    StoredPresentation,
)
from training.preferences.rows import LONGEST_NAME, hole_picture

MANIFEST = "manifest.json"
STRIPS = "strips.jsonl"
CLOCKS_DIFFER = timedelta(days=1)
"""How far in the future an opinion may have been given: the last one on a subject counts."""


def _is_time(text: str) -> str:
    if datetime.fromisoformat(text) > datetime.now(UTC) + CLOCKS_DIFFER:
        raise ValueError("it lies in the future")
    return text


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


def _fits_float32(number: float) -> float:
    if abs(number) > float(np.finfo(np.float32).max):
        raise ValueError("too large")
    return number


Text = Annotated[str, Field(max_length=100_000)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_is_printable)]
"""What is printed as it is, so that it must not steer a terminal."""
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Criterion = Annotated[int, Field(ge=1, le=7)]
Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT[\d:.]{8,15}\+00:00$"), AfterValidator(_is_time)
]
Feature = Annotated[FiniteFloat, AfterValidator(_fits_float32)]


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OpinionRow(_Row):
    """One thing that was said; see records.Opinion."""

    signal: Signal
    seed: Whole | None
    order: tuple[Whole, ...]
    rating: tuple[Criterion, Criterion, Criterion] | None
    reasons: tuple[Name, ...]
    person: Name
    time: Time

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.seed is None) != (self.signal in OF_STRIP):
            raise ValueError(f'"{self.signal}" with seed {self.seed}')
        if (self.rating is not None) != (self.signal == "rating"):
            raise ValueError(f'"{self.signal}" with rating {self.rating}')
        is_order = len(self.order) >= 2 and len(set(self.order)) == len(self.order)
        if is_order != (self.signal in COMPARES) or (self.order and not is_order):
            raise ValueError(f'"{self.signal}" with order {self.order}')
        return self

    def stored(self) -> StoredOpinion:
        """As the store takes it."""
        fields = self.model_dump(exclude={"time"})
        return StoredOpinion(0, Opinion(**fields), self.time)


class CandidateRow(_Row):
    """A fill that was shown; see records.ShownCandidate. pixels: hash of the picture."""

    rank: Annotated[Whole, Field(ge=1)]
    seed: Whole
    model: Text
    pixels: Sha256
    reward: FiniteFloat | None
    trust: FiniteFloat | None
    features: Annotated[tuple[Feature, ...], Field(max_length=4096)]


class BoxRow(_Row):
    """Where a region lies in its photo, in pixels."""

    top: Annotated[Whole, Field(ge=0)]
    left: Annotated[Whole, Field(ge=0)]
    height: Annotated[Whole, Field(ge=1)]
    width: Annotated[Whole, Field(ge=1)]


class StripRow(_Row):
    """A strip with what was said of it; see records.Presentation. image, hole: hashes."""

    photo_sha256: Sha256
    box: BoxRow
    image: Sha256
    hole: Sha256
    prompt: Text
    reward_model: Text
    collection: Text
    item: Text
    candidates: Annotated[tuple[CandidateRow, ...], Field(min_length=1, max_length=10_000)]
    opinions: Annotated[tuple[OpinionRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _speaks_of_what_was_shown(self) -> Self:
        seeds = {one.seed for one in self.candidates}
        if len(seeds) < len(self.candidates):
            raise ValueError("two candidates have the same seed")
        if len({len(one.features) for one in self.candidates} - {0}) > 1:
            raise ValueError("candidates have features of different lengths")
        for said in self.opinions:
            spoken_of = {*said.order, *([] if said.seed is None else [said.seed])}
            if not spoken_of <= seeds:
                raise ValueError(f"an opinion is of a candidate that was not shown: {spoken_of}")
        return self

    @classmethod
    def of(cls, strip: StoredPresentation) -> Self:
        """The row of a strip. Raises ValueError (pydantic's) for a number that is not finite."""
        shown = strip.presentation
        return cls(
            photo_sha256=shown.photo_sha256,
            box=BoxRow(**vars(shown.box)),
            image=pixel_hash(shown.image),
            hole=pixel_hash(hole_picture(shown)),
            prompt=shown.prompt,
            reward_model=shown.reward_model,
            collection=shown.collection,
            item=shown.item,
            candidates=tuple(
                CandidateRow(
                    rank=one.rank,
                    seed=one.seed,
                    model=one.model,
                    pixels=pixel_hash(one.pixels),
                    reward=one.reward,
                    trust=one.trust,
                    features=tuple(one.features.tolist()),
                )
                for one in shown.candidates
            ),
            opinions=tuple(
                OpinionRow(**vars(said.opinion), time=said.recorded_at) for said in strip.opinions
            ),
        )


class FileRow(_Row):
    """A file of the archive: its size and the SHA-256 of its bytes."""

    bytes: Annotated[Whole, Field(ge=0)]
    sha256: Sha256


class Manifest(_Row):
    """manifest.json: every other file of the archive by its name."""

    format: Literal["PrefPaint preferences"] = "PrefPaint preferences"
    version: Literal[1] = 1
    files: dict[str, FileRow]


def what_is_wrong(error: Any) -> str:
    """The first complaint of a pydantic.ValidationError, with the place it is about."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])
