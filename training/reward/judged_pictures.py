"""Where the pictures of a judged prompt lie: in the paper's layout, or a row of a data set."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from training.errors import PrefPaintError
from training.inpainting.request import Mask, Pixels
from training.preferences.records import Opinion
from training.prompts.paper_folder import HOLE_FROM, first_fault
from training.reward.labels import Strip


class JudgedPictures(Protocol):
    """The pictures of one prompt, read when they are asked for."""

    def fill(self, index: str) -> Pixels:
        """(height, width, 3)."""

    @property
    def masked(self) -> Pixels:
        """(height, width, 3), the hole in white."""

    @property
    def mask(self) -> Mask:
        """(height, width)."""

    def fault(self, indices: Iterable[str]) -> str | None:
        """A sentence where these pictures do not all open and fit together."""


@dataclass(frozen=True)
class PictureRow:
    """In a data set that `prefpaint preferences export --format datasets` wrote.

    rows: a datasets.Dataset whose pictures are bytes. place: which folder and row, for people.
    """

    rows: Any
    number: int
    place: str

    def fill(self, index: str) -> Pixels:
        return _decoded(self.rows[self.number]["candidates"][int(index)]["fill"])

    @property
    def masked(self) -> Pixels:
        return _decoded(self.rows[self.number]["image"])

    @property
    def mask(self) -> Mask:
        return np.asarray(_decoded(self.rows[self.number]["mask"])[..., 0] >= HOLE_FROM)

    def fault(self, indices: Iterable[str]) -> str | None:
        row = self.rows[self.number]
        fills = [(f"fill {i}", row["candidates"][int(i)]["fill"]) for i in indices]
        cells = [("mask", row["mask"]), ("image", row["image"]), *fills]
        return first_fault(
            [(f"{self.place}, {name}", io.BytesIO(cell["bytes"])) for name, cell in cells]
        )


def is_data_set(folder: Path) -> bool:
    """Whether `datasets` wrote this folder with save_to_disk."""
    return (folder / "state.json").exists() and (folder / "dataset_info.json").exists()


def strips_of_rows(folder: Path) -> Iterator[tuple[Strip, PictureRow]]:
    """Every row of a data set that this program exported. Raises PrefPaintError for another one."""
    from datasets import Image as ImageFeature  # slow to import
    from datasets import load_from_disk

    with _data_set_errors(folder):
        rows = load_from_disk(folder)
        for column in ("image", "mask"):
            rows = rows.cast_column(column, ImageFeature(decode=False))
        candidates = rows.features["candidates"]
        undecoded = {**candidates.feature, "fill": ImageFeature(decode=False)}
        rows = rows.cast_column("candidates", type(candidates)(undecoded))
        texts = rows.select_columns(["prompt_id", "opinions"])
        for number, row in enumerate(texts):
            count = len(rows[number]["candidates"])
            said = tuple(_opinion(one) for one in row["opinions"])
            place = f"{folder}, row {number}"
            yield (
                Strip(row["prompt_id"], tuple(range(count)), said),
                PictureRow(rows, number, place),
            )


def photos_of_rows(folder: Path) -> dict[str, str]:
    """The photo of each prompt of such a data set, by its number; raises as strips_of_rows does."""
    from datasets import load_from_disk  # slow to import

    with _data_set_errors(folder):
        rows = load_from_disk(folder).select_columns(["prompt_id", "photo"])
        return {row["prompt_id"]: row["photo"] for row in rows}


@contextmanager
def _data_set_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PrefPaintError(
            f"{folder} is no data set of `prefpaint preferences export` ({error})."
        ) from error


def _opinion(row: dict[str, Any]) -> Opinion:
    rating = tuple(row["rating"]) or None
    return Opinion(
        row["signal"], row["candidate"], tuple(row["order"]), rating, person=row["rater"]
    )


def _decoded(cell: dict[str, Any]) -> Pixels:
    with Image.open(io.BytesIO(cell["bytes"])) as image:
        return np.asarray(image.convert("RGB"))
