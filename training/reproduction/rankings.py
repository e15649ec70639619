"""A round's fills of training prompts, ranked by eye, for the next round to learn.

A reward that knows nothing but orders by construction is deceived by what no fault of these shows.
The paper's rewards learned from rankings of the very models' fills; these are the same in small.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from training.alignment.originals import original_of, size_with_original
from training.alignment.rollouts import ETA, draw_fills
from training.checkpoints import claim
from training.errors import PrefPaintError
from training.evaluation.contenders import Contender
from training.files import replaced_when_complete
from training.inpainting.diffusion.loading import load_model
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.request import Pixels
from training.inpainting.settings import DeviceName, SamplerName
from training.prompts.incomplete import IncompletePhoto
from training.prompts.paper_folder import PictureFiles
from training.reproduction.forms import (
    ANSWERS,
    is_written,
    labelled_row,
    read_form,
    write_form,
    write_sheets,
)
from training.reward.eye import LETTERS, read_tiers
from training.reward.pairs import MANIFEST, write_view
from training.reward.view import view_of

SAME_SEEDS = 2
"""Fills of a prompt by the base, and by the newest model of the same seeds; the fifth is the base's
by DDIM."""
DOWN, TOGETHER = 6, 8
"""Rows of a sheet; rows that are drawn at a time."""


@dataclass(frozen=True, eq=False)
class RankingTask:
    """Fills that are to be ranked. folder: each of its folders holds what the reward of that name
    learns. prompts: of each. orders: the fill that each letter of a row stands for."""

    folder: Path
    prompts: Mapping[str, Sequence[IncompletePhoto]]
    orders: list[list[int]]

    @cached_property
    def rows(self) -> list[tuple[PictureFiles, IncompletePhoto]]:
        """Where the pictures of each row lie, and its prompt. Picture 0 is the original."""
        return [
            (PictureFiles(self.folder / name, prompt.prompt), prompt)
            for name, own in self.prompts.items()
            for prompt in own
        ]

    @cached_property
    def digest(self) -> str:
        """Of the fills, which are all there."""
        shown = hashlib.sha256()
        for files, _ in self.rows:
            for fill in range(1, 1 + len(LETTERS)):
                shown.update(files.fill_file(str(fill)).read_bytes())
        return shown.hexdigest()[:12]


@dataclass(frozen=True)
class Ranking:
    """by: whose eye. prompts: how many it ranked. digest: of the order that it gave.

    newest_preferred, base_preferred, close: pairs of the base's and the newest model's fill of one
    seed; in the first round DDIM's stand for the newest.
    """

    by: str
    prompts: int
    digest: str
    newest_preferred: int
    base_preferred: int
    close: int


def ranking_task(
    base: Contender,
    newest: Contender | None,
    prompts: Mapping[str, Sequence[IncompletePhoto]],
    steps: int,
    sampler: SamplerName,
    seed: int,
    out: Path,
    device: DeviceName,
    on_progress: Callable[[float], None],
) -> RankingTask:
    """Draw the fills that are missing in `out`, five of each prompt, as alignment draws them.

    newest: what was aligned last, to be ranked beside the base; before that, DDIM's fills take its
    place.
    """
    count = sum(map(len, prompts.values()))
    rng = np.random.default_rng([seed, 61])
    orders = [[int(fill) for fill in rng.permutation(len(LETTERS))] for _ in range(count)]
    task = RankingTask(out, prompts, orders)
    drawn_by = {"base": base.digest, "newest": newest.digest if newest else None}
    claim(out / "settings.json", {**drawn_by, "steps": steps, "sampler": sampler, "seed": seed})
    missing = [
        first
        for first in range(0, count, TOGETHER)
        # The mask is written last.
        if not all(files.mask_file.exists() for files, _ in task.rows[first : first + TOGETHER])
    ]
    if not missing:
        on_progress(1)
        return task
    model = load_model(base.path, device)
    aligned = load_model(newest.path, device, loras=newest.loras) if newest else None
    plans: list[tuple[DiffusionModel, SamplerName, int, int]] = [
        (model, sampler, SAME_SEEDS, 0),
        (aligned or model, sampler if aligned else "ddim", SAME_SEEDS, 0),
        (model, "ddim", 1, SAME_SEEDS),
    ]
    for done, first in enumerate(missing, start=1):
        rows = task.rows[first : first + TOGETHER]
        sized = [size_with_original(model, prompt) for _, prompt in rows]
        pictures = [[original_of(prompt)] for prompt in sized]
        for drawn, by, samples, after in plans:
            own = seed + first * len(LETTERS) + after * len(rows)
            fills = draw_fills(drawn, sized, samples, own, steps=steps, eta=ETA, sampler=by)
            for there, (_, made) in zip(pictures, fills.by_prompt, strict=True):
                there += made
        for (files, prompt), one, made in zip(rows, sized, pictures, strict=True):
            view = view_of(one.hole, made, model.native_side)
            write_view(prompt.prompt, view, files.folder)
        on_progress(done / len(missing))
    return task


def write_ranking_sheets(task: RankingTask) -> None:
    """Rows of a number, the masked photo and its fills, unnamed and shuffled; and a form, for a
    line a row, best first, letters together where it is close: `007: B > A C > D E`. Rows may be
    left out."""
    if is_written(task.digest, task.folder):
        return

    def row(number: int) -> Pixels:
        files, _ = task.rows[number]
        fills = [files.fill(str(1 + fill)) for fill in task.orders[number]]
        return labelled_row((f"{number:03d}", *LETTERS), [files.masked, *fills])

    count = len(task.orders)
    write_sheets(map(row, range(count)), 1, DOWN, task.folder)
    write_form(task.digest, count, task.folder)


def take_in_ranking(task: RankingTask) -> Ranking | None:
    """Keep the order that the answers give beside the fills, for a reward to learn from; None where
    there are no answers. Raises PrefPaintError as read_form and read_tiers do, and where they
    prefer nothing to learn from."""
    file = task.folder / ANSWERS
    if not file.exists():
        return None
    by, answers = read_form(file, task.digest, len(task.orders), rf"[{LETTERS} >]*")
    rows: dict[Path, list[dict[str, Any]]] = {task.folder / name: [] for name in task.prompts}
    order, leads = hashlib.sha256(), []
    kinds = ("original", *["sample"] * len(LETTERS))
    for number, (answer, (files, prompt)) in enumerate(zip(answers, task.rows, strict=True)):
        if answer:
            places = read_tiers(answer, f"{file}, row {number:03d}")
            tiers = [[1 + task.orders[number][place] for place in tier] for tier in places]
            row = {"name": prompt.prompt, "photo": prompt.photo, "looks": [tiers]}
            rows[files.folder].append({**row, "recipes": [{"kind": kind} for kind in kinds]})
            order.update(json.dumps([prompt.prompt, tiers]).encode())
            place_of = {fill: place for place, tier in enumerate(tiers) for fill in tier}
            leads += [
                place_of[base] - place_of[base + SAME_SEEDS] for base in range(1, 1 + SAME_SEEDS)
            ]
    for folder, own in rows.items():
        if not any(len(row["looks"][0]) > 1 for row in own):
            raise PrefPaintError(
                f"{file} prefers no fill of the {folder.name}'s rows to another. Rank some of the "
                "first half of the rows and some of the second."
            )
    for folder, own in rows.items():
        with replaced_when_complete(folder / MANIFEST) as manifest:
            manifest.write("".join(f"{json.dumps(row)}\n" for row in own).encode())
    return Ranking(
        by,
        sum(map(len, rows.values())),
        order.hexdigest()[:12],
        newest_preferred=sum(lead > 0 for lead in leads),
        base_preferred=sum(lead < 0 for lead in leads),
        close=leads.count(0),
    )
