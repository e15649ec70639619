"""A round's fills of training prompts, ranked by eye, for the rewards of the next round to learn.

A reward that knows nothing but orders by construction is deceived by what no fault of these shows.
The paper's rewards learned from rankings of the very models' fills; these are the same in small.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.alignment.originals import known_original, through_autoencoder
from training.alignment.rollouts import ETA
from training.errors import PrefPaintError
from training.evaluation.contenders import Contender
from training.evaluation.samples import Sampling, draw_prompts
from training.files import replaced_when_complete
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.settings import DeviceName, DiffusionSettings
from training.prompts.incomplete import IncompletePhoto
from training.prompts.photos import read_rgb
from training.reproduction.forms import labelled_row, read_form, write_form, write_sheets
from training.reward.eye import LETTERS, read_tiers
from training.reward.pairs import MANIFEST, write_view
from training.reward.view import view_of

BASE_FILLS = 3
"""Of a prompt, drawn as the aligned model draws; one by DDIM and one by the aligned model more."""
DOWN = 6
"""Rows of a sheet."""
_RANKING = rf"[{LETTERS} >]+"


@dataclass(frozen=True, eq=False)
class RankingTask:
    """What is to be ranked: prompts, of each the files of its fills, and how letters name them.

    orders: for each prompt, the fill that each letter stands for.
    """

    prompts: list[IncompletePhoto]
    files: list[list[Path]]
    orders: list[list[int]]
    digest: str


@dataclass(frozen=True)
class Ranking:
    """by: whose eye. tiers: for each prompt its fills, best first, those together that are
    close."""

    by: str
    tiers: list[list[list[int]]]


def ranking_task(
    base: Contender,
    aligned: Contender,
    prompts: Sequence[IncompletePhoto],
    settings: DiffusionSettings,
    seed: int,
    out: Path,
    device: DeviceName,
    bar: Callable[[str], Callable[[float], None]],
) -> RankingTask:
    """Draw the fills that are missing in `out`: five of each prompt."""
    ddim = replace(settings, sampler="ddim", eta=ETA)
    planned = [
        ("base", base, Sampling(BASE_FILLS - 1, seed, settings)),
        ("base by DDIM", base, Sampling(0, seed, ddim)),
        ("aligned", aligned, Sampling(0, seed, settings)),
    ]
    drawn = [
        draw_prompts(model, prompts, sampling, out / name, device, bar(f"To rank: {name}"))
        for name, model, sampling in planned
    ]
    files = [[file for some in own for file in some] for own in zip(*drawn, strict=True)]
    shown = hashlib.sha256(b"".join(file.read_bytes() for own in files for file in own))
    rng = np.random.default_rng([seed, 61])
    orders = [[int(fill) for fill in rng.permutation(len(own))] for own in files]
    return RankingTask(list(prompts), files, orders, shown.hexdigest()[:12])


def write_ranking_sheets(task: RankingTask, out: Path) -> None:
    """Rows of a number, the masked photo and its fills, unnamed and shuffled; and a form, for a
    line a row, best first, letters together where it is close: `007: B > A C > D E`."""
    rows = []
    for number, prompt in enumerate(task.prompts):
        fills = [read_rgb(task.files[number][fill]) for fill in task.orders[number]]
        rows.append(labelled_row((f"{number:03d}", *LETTERS), [prompt.masked, *fills]))
    write_form(task.digest, len(rows), out)
    write_sheets(rows, 1, DOWN, out)


def read_ranking(file: Path, task: RankingTask) -> Ranking:
    """The filled-in form. Raises PrefPaintError as read_form does, and for a line that does not
    rank each fill once."""
    by, answers = read_form(file, task.digest, len(task.prompts), _RANKING)
    tiers = []
    for number, (answer, order) in enumerate(zip(answers, task.orders, strict=True)):
        try:
            places = read_tiers(answer)
        except PrefPaintError as error:
            raise PrefPaintError(f"{file}, row {number:03d}: {error}") from error
        tiers.append([[order[place] for place in tier] for tier in places])
    return Ranking(by, tiers)


def write_ranked_pairs(
    model: DiffusionModel,
    task: RankingTask,
    ranking: Ranking,
    is_wanted: Callable[[IncompletePhoto], bool],
    size: int,
    out: Path,
) -> None:
    """Write the wanted prompts, which have the model's size, as `reward` reads them: the original
    through the model's autoencoder, and the fills with their order. Pictures that are there are
    kept. size: the reward's image size."""
    for folder in ("inpaint", "masks", "masks_color"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    lines = []
    for prompt, files, tiers in zip(task.prompts, task.files, ranking.tiers, strict=True):
        if not is_wanted(prompt):
            continue
        if not (out / "masks" / f"{prompt.prompt}_mask.png").exists():  # written last
            original = through_autoencoder(model, known_original(prompt), prompt.mask)
            pictures = [original, *(read_rgb(file) for file in files)]
            write_view(prompt.prompt, view_of(prompt.mask, pictures, size), out)
        row = {
            "name": prompt.prompt,
            "photo": prompt.photo,
            "recipes": [{"kind": kind} for kind in ("original", *["sample"] * len(files))],
            "tiers": [[fill + 1 for fill in tier] for tier in tiers],
        }
        lines.append(json.dumps(row))
    with replaced_when_complete(out / MANIFEST) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
