"""A folder that `datasets.load_from_disk` opens: a row for each strip, with its pictures."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.preferences.formats.views import (
    image_cell,
    masked_picture,
    prompt_id,
)
from training.preferences.records import StoredPresentation
from training.preferences.rows import hole_picture

CARD = """`datasets.load_from_disk("DIR")` opens this folder, and so does
`datasets.load_dataset("arrow", data_files="DIR/*.arrow")`. It has {rows} rows, one for each strip:

- `prompt_id`, `photo`, `prompt` (the text, often empty), `reward_model`.
- `image`: the region with its hole in white. `mask`: white is the hole.
- `candidates`: a list of what was shown, from left to right: `fill` (a picture), `rank`, `seed`,
  `model`, `reward`, `trust`, and `features`, the reward model's features z; the last three are
  empty where no reward model saw the fill.
- `opinions`: a list of what was said: `signal`, `candidate` (its index in `candidates`, empty where
  it is about the strip), `order` (indices, best first; of "best" the others are in no order),
  `rating` (three criteria, 1 to 7), `reasons`, `rater`, `time` (UTC).

`prefpaint-train reward` reads this folder too."""


def write(strips: Iterable[StoredPresentation], folder: Path) -> int:
    """Write the data set to an existing folder; returns how many rows there are."""
    from datasets import Dataset, disable_progress_bars  # slow to import
    from datasets.arrow_writer import ArrowWriter

    disable_progress_bars()
    spool = folder / "spool" / "rows.arrow"  # save_to_disk wants a data set, which wants a file
    spool.parent.mkdir()
    with ArrowWriter(features=_features(), path=str(spool)) as writer:
        for strip in strips:
            writer.write(_row(strip))
        count, _bytes = writer.finalize()
    rows = Dataset.from_file(str(spool))
    rows.save_to_disk(folder)
    del rows  # lets go of the file, which Windows would not delete otherwise
    shutil.rmtree(spool.parent)
    return int(count)


def _features() -> Any:
    from datasets import Features, Image, List, Value

    text, whole, real = Value("string"), Value("int64"), Value("float64")
    return Features(
        {
            "prompt_id": text,
            "photo": text,
            "prompt": text,
            "reward_model": text,
            "image": Image(),
            "mask": Image(),
            "candidates": List(
                {
                    "fill": Image(),
                    "rank": whole,
                    "seed": whole,
                    "model": text,
                    "reward": real,
                    "trust": real,
                    "features": List(Value("float32")),
                }
            ),
            "opinions": List(
                {
                    "signal": text,
                    "candidate": whole,
                    "order": List(whole),
                    "rating": List(whole),
                    "reasons": List(text),
                    "rater": text,
                    "time": text,
                }
            ),
        }
    )


def _row(strip: StoredPresentation) -> dict[str, Any]:
    shown = strip.presentation
    index = {one.seed: number for number, one in enumerate(shown.candidates)}
    return {
        "prompt_id": prompt_id(strip),
        "photo": shown.photo_sha256,
        "prompt": shown.prompt,
        "reward_model": shown.reward_model,
        "image": image_cell(masked_picture(shown)),
        "mask": image_cell(hole_picture(shown)),
        "candidates": [
            {
                "fill": image_cell(one.pixels),
                "rank": one.rank,
                "seed": one.seed,
                "model": one.model,
                "reward": one.reward,
                "trust": one.trust,
                "features": one.features,
            }
            for one in shown.candidates
        ],
        "opinions": [
            {
                "signal": said.opinion.signal,
                "candidate": None if said.opinion.seed is None else index[said.opinion.seed],
                "order": [index[seed] for seed in said.opinion.order],
                "rating": list(said.opinion.rating or ()),
                "reasons": list(said.opinion.reasons),
                "rater": said.opinion.person,
                "time": said.recorded_at,
            }
            for said in strip.opinions
        ],
    }
