"""Blind sheets of fills to rank by eye, the ranking's file, and what a reward says of it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.errors import PrefPaintError
from training.prompts.masks import MaskSet
from training.prompts.photos import Split, read_rgb, split_of
from training.reward.looks import Tiers, clear_pairs, looks_of, tier_pairs
from training.reward.pairs import (
    VIEW_SIZE,
    PairPrompt,
    Recipe,
    plan_prompt,
    render_prompt,
    write_pictures,
    write_view,
)
from training.reward.view import view_boxes, view_of, white_hole

LETTERS = "ABCDE"
CELL, GAP, LABEL = 256, 8, 20
ROWS = 5


@dataclass(frozen=True)
class EyeRanking:
    """looks: of each blind look at the prompt's fills."""

    prompt: PairPrompt
    looks: tuple[Tiers, ...]


def plan_eye_prompts(
    photos: list[Path], split: Split, masks: MaskSet, count: int, seed: int
) -> list[tuple[Path, PairPrompt]]:
    """Prompts of a split's photos, each with three PatchMatch fills, Telea's and Navier-Stokes',
    shuffled. The same photos, masks, count and seed give the same prompts."""
    chosen = [path for path in photos if split_of(path) == split]
    if not chosen:
        raise PrefPaintError(f"None of these photographs is in the {split} split. Give more.")
    order = np.random.default_rng(seed).permutation(len(chosen))
    shuffled = [chosen[position] for position in order]
    planned = []
    for index in range(count):
        path, prompt = plan_prompt(shuffled, index, seed, masks)
        rng = np.random.default_rng([seed, index, 1])
        seeds = rng.choice(1000, size=3, replace=False)
        recipes = [Recipe("patchmatch", seed=int(value)) for value in seeds]
        recipes += [recipe for recipe in prompt.recipes if recipe.radius]
        shuffle = rng.permutation(len(recipes))
        planned.append((path, replace(prompt, recipes=tuple(recipes[i] for i in shuffle))))
    return planned


def write_sheet(planned: list[tuple[Path, PairPrompt]], number: int, out: Path) -> Iterator[Path]:
    """In a worker: draw sheet `number` of the planned prompts, and keep their pictures beside it,
    so that `write_ranked` to the same folder finds them made; yields the sheet's file."""
    cv2.setNumThreads(1)
    rows = planned[number * ROWS : (number + 1) * ROWS]
    width = (len(LETTERS) + 1) * (CELL + GAP) + GAP
    sheet = Image.new("RGB", (width, len(rows) * (CELL + LABEL + GAP) + GAP), (24, 25, 28))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=14)
    for row, (path, prompt) in enumerate(rows):
        top = GAP + row * (CELL + LABEL + GAP)
        prompt = with_original(prompt)
        hole, (original, *fills) = render_prompt(read_rgb(path), prompt)
        write_view(prompt.name, view_of(hole, [original, *fills], VIEW_SIZE), out)
        box = view_boxes(hole)[0]
        pictures = [white_hole(original, hole), *fills]
        names = [f"{number * ROWS + row:03d}", *LETTERS]
        for column, (name, picture) in enumerate(zip(names, pictures, strict=True)):
            left = GAP + column * (CELL + GAP)
            cell = Image.fromarray(np.ascontiguousarray(picture[box.slices]))
            sheet.paste(cell.resize((CELL, CELL), Image.Resampling.BICUBIC), (left, top + LABEL))
            draw.text((left, top), name, font=font, fill=(230, 230, 230))
    file = out / f"sheet-{number:02d}.png"
    sheet.save(file)
    yield file


def read_answers(texts: Sequence[str], prompts: list[PairPrompt]) -> list[EyeRanking]:
    """Parse lines such as `007: B > A C > D E` (best first; letters together are close). A text for
    each look.

    Raises PrefPaintError that names a line which is about no prompt, about one of before, or does
    not rank each letter once.
    """
    looks: dict[int, list[Tiers]] = {}
    for text in texts:
        for number, tiers in _read_look(text, len(prompts)).items():
            looks.setdefault(number, []).append(tiers)
    return [EyeRanking(prompts[number], tuple(seen)) for number, seen in looks.items()]


def _read_look(text: str, count: int) -> dict[int, Tiers]:
    look: dict[int, Tiers] = {}
    for line in filter(None, (raw.strip() for raw in text.splitlines())):
        number, _, answer = line.partition(":")
        if not number.isdigit() or int(number) >= count:
            raise PrefPaintError(f"'{line}' is about none of {count} prompts.")
        if int(number) in look:
            raise PrefPaintError(f"'{line}' ranks prompt {number} a second time. Remove one.")
        look[int(number)] = read_tiers(answer, number)
    return look


def read_tiers(answer: str, where: str) -> Tiers:
    """Parse `B > A C > D E`: the places of the letters, best first, close ones together.

    Raises PrefPaintError that names `where` if not each letter is there once.
    """
    tiers = [re.findall("[A-Z]", tier) for tier in answer.split(">")]
    if sorted(letter for tier in tiers for letter in tier) != list(LETTERS):
        raise PrefPaintError(f"{where}: '{answer.strip()}' does not rank each of {LETTERS} once.")
    return tuple(tuple(LETTERS.index(letter) for letter in tier) for tier in tiers)


def write_rankings(rankings: list[EyeRanking], path: Path) -> None:
    """One JSON object a line, so that differences can be read."""
    lines = ",\n".join(json.dumps(asdict(ranking)) for ranking in rankings)
    path.write_text(f"[\n{lines}\n]\n")


def read_rankings(path: Path) -> list[EyeRanking]:
    """The inverse of write_rankings. Raises PrefPaintError when the file does not hold that."""
    try:
        return [_ranking(entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PrefPaintError(f"{path} holds no rankings ({error}).") from error


def _ranking(entry: dict[str, Any]) -> EyeRanking:
    fields = dict(entry["prompt"])
    fields["crop"] = tuple(fields["crop"])
    fields["recipes"] = tuple(Recipe(**recipe) for recipe in fields["recipes"])
    return EyeRanking(PairPrompt(**fields), looks_of(entry["looks"]))


def photo_of(ranking: EyeRanking, photos: dict[str, Path]) -> Path:
    """The ranked photograph among these, by file name. Raises PrefPaintError if it is not there."""
    if ranking.prompt.photo not in photos:
        raise PrefPaintError(f"{ranking.prompt.photo} is not among the photographs given.")
    return photos[ranking.prompt.photo]


def write_ranked(path: Path, ranking: EyeRanking, out: Path) -> Iterator[str]:
    """In a worker: write the original and the ranked fills to a folder as `make_pairs` does, to be
    learned from; yields the manifest line, with the looks."""
    prompt = with_original(ranking.prompt)
    write_pictures(path, prompt, out)
    looks = [[[index + 1 for index in tier] for tier in look] for look in ranking.looks]
    yield json.dumps({**asdict(prompt), "looks": looks})


def with_original(prompt: PairPrompt) -> PairPrompt:
    """The prompt with the untouched original before its fills."""
    return replace(prompt, recipes=(Recipe("original"), *prompt.recipes))


def one_look_more(rankings: Sequence[EyeRanking]) -> float | None:
    """Share of the pairs clear to the other looks that one look orders alike, a close pair counted
    half: what a judge can hardly exceed. None where there was one look alone."""
    alike = []
    for ranking in rankings:
        for number, look in enumerate(ranking.looks):
            others = [*ranking.looks[:number], *ranking.looks[number + 1 :]]
            seen = set(tier_pairs(look))
            alike += [
                (((better, worse) in seen) - ((worse, better) in seen) + 1) / 2
                for better, worse in clear_pairs(others)
            ]
    return float(np.mean(alike)) if alike else None
