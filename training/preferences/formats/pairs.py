"""Pairs of fills, one chosen over the other, as a Parquet file that DPO trainers read."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from training.preferences.formats.views import (
    image_cell,
    masked_picture,
    prompt_id,
)
from training.preferences.order import by_person, known_levels
from training.preferences.records import Opinion, StoredPresentation
from training.preferences.rows import hole_picture

FILE = Path("data", "train-00000-of-00001.parquet")
CARD = """\
`data/train-*.parquet` holds {rows} pairs; `datasets.load_dataset("DIR")` opens it. The columns are
`prompt` (the text, often empty), `chosen` and `rejected`, the names that TRL and most DPO trainers
use; here the two are pictures, as the answers to an inpainting prompt are. `image` is the region
with its hole in white and `mask` the hole (white). `prompt_id` names the strip, `photo` the photo,
`rater` the person, and `chosen_model` and `rejected_model` what made the fills.

`chosen_because` and `rejected_because` tell what was said of each: "order", "best" (of some that
a question was about), "rating", "accept", "up", "down", or "" where nothing was. Drop the rows with
a "" if silence shall not count. Opinions that contradict each other, by several raters, give pairs
that contradict each other.

Diffusion-DPO's trainers read `caption`, `jpg_0`, `jpg_1` (bytes of a file) and `label_0` instead, a
mapping away, and so not stored twice:

```python
from datasets import Image, load_dataset

pairs = load_dataset("DIR", split="train")
for column in ("chosen", "rejected"):
    pairs = pairs.cast_column(column, Image(decode=False))
pairs = pairs.map(
    lambda row: {{
        "caption": row["prompt"],
        "jpg_0": row["chosen"]["bytes"],
        "jpg_1": row["rejected"]["bytes"],
        "label_0": 1,
    }}
)
```"""


def write(strips: Iterable[StoredPresentation], folder: Path) -> int:
    """Write the Parquet file to an existing folder; returns how many pairs there are."""
    import pyarrow  # slow to import, as datasets is
    from datasets import Features, Image, Value
    from pyarrow.parquet import ParquetWriter

    texts = ("prompt_id", "photo", "rater", "chosen_model", "rejected_model")
    reasons = ("chosen_because", "rejected_because")
    features = Features(
        {
            "prompt": Value("string"),
            **{name: Image() for name in ("chosen", "rejected", "image", "mask")},
            **{name: Value("string") for name in (*texts, *reasons)},
        }
    )
    schema = features.arrow_schema  # tells `datasets` which columns are pictures
    count = 0
    (folder / FILE).parent.mkdir()
    with ParquetWriter(folder / FILE, schema) as file:
        for strip in strips:
            rows = list(_rows(strip))
            if rows:
                file.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _rows(strip: StoredPresentation) -> Iterator[dict[str, Any]]:
    shown = strip.presentation
    candidates = {one.seed: one for one in shown.candidates}
    common = {
        "prompt": shown.prompt,
        "image": image_cell(masked_picture(shown)),
        "mask": image_cell(hole_picture(shown)),
        "prompt_id": prompt_id(strip),
        "photo": shown.photo_sha256,
    }
    fills = {seed: image_cell(one.pixels) for seed, one in candidates.items()}
    for person, opinions in by_person(said.opinion for said in strip.opinions).items():
        levels = known_levels(list(candidates), opinions)
        because = _reasons(opinions)
        for one, other in itertools.permutations(levels, 2):
            if levels[one] > levels[other]:
                yield {
                    **common,
                    "chosen": fills[one],
                    "rejected": fills[other],
                    "rater": person,
                    "chosen_model": candidates[one].model,
                    "rejected_model": candidates[other].model,
                    "chosen_because": because.get(one, ""),
                    "rejected_because": because.get(other, ""),
                }


def _reasons(opinions: list[Opinion]) -> dict[int, str]:
    """Which signal told of each seed, as `known_levels` heard them."""
    compared = sorted(opinions, key=lambda one: one.signal == "order")  # it goes before a question
    ordered = {seed: one.signal for one in compared for seed in one.order}
    rated = [one for one in opinions if one.signal == "rating"]
    ranked = sorted(opinions, key=lambda one: one.signal == "accept")  # it goes before a thumb
    told = {one.seed: one.signal for one in rated or ranked if one.seed is not None}
    return {**ordered, **told}
