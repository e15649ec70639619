"""What a training step learns from, drawn by the seed and the step's number alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from training.errors import PrefPaintError
from training.prompts.photos import Split
from training.reward.groups import Group, draw_group
from training.reward.labelled import LabelledSet, photos_of, read_labelled, write_set_aside
from training.reward.objective import Objective
from training.reward.pair_data import Prompt, load_prompts
from training.reward.pairs import MANIFEST
from training.reward.view import Resample

MOST_KEPT = 500
"""Groups that are the same each time and are kept in memory, half a megabyte each."""


def read_prompts(
    folders: list[Path],
    size: int,
    split: Split,
    out: Path,
    beside: Sequence[Path] = (),
    resample: Resample = "area",
) -> list[Prompt]:
    """Folders of our own manifest, which hold one split, and labelled ones, which are split here.

    beside: folders that other splits are read from; no photo is on two sides of all of them. What a
    labelled folder cannot give is counted and kept in `out`. Raises PrefPaintError when nothing is
    left.
    """
    prompts: list[Prompt] = []
    photos = photos_of([*folders, *beside])
    for folder in folders:
        if (folder / MANIFEST).exists() or not folder.is_dir():
            prompts += load_prompts(folder, size, resample)
            continue
        found = read_labelled(folder, size, split, photos, resample)
        prompts += found.prompts
        write_set_aside(found, out / f"set-aside-{folder.name}-{split}.txt")
    if not prompts:
        raise PrefPaintError(
            f"No {split} prompts lie in {', '.join(map(str, folders))}. Of an export or of labels "
            "whole photos are held out: collect more, or name another folder."
        )
    return prompts


def with_scores(prompts: Sequence[Prompt], objective: Objective, out: Path) -> list[Prompt]:
    """The prompts that an objective of scores can learn from; the others are counted and kept in
    `out`. Raises PrefPaintError when there are none."""
    scored = [prompt for prompt in prompts if prompt.scores]
    if not scored:
        raise PrefPaintError(f"For {objective} the pictures need scores; rank them instead.")
    others = [f"{p.name}: nobody scored its pictures." for p in prompts if not p.scores]
    write_set_aside(LabelledSet(set_aside=others), out / "set-aside-without-scores.txt")
    return scored


@dataclass(frozen=True)
class Batches:
    """size: prompts a step. ranked_share: of them, those that someone ranked, where there are
    others too. augment: see draw_group. part, parts: which of how many processes this one is."""

    prompts: Sequence[Prompt]
    size: int
    ranked_share: float
    seed: int
    augment: bool = True
    part: int = 0
    parts: int = 1
    _kept: dict[int, Group] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _kinds(self) -> tuple[list[int], list[int]]:
        """Indices of the prompts that someone ranked, and of the others."""
        ranked = [index for index, prompt in enumerate(self.prompts) if prompt.looks]
        return ranked, [index for index, prompt in enumerate(self.prompts) if not prompt.looks]

    @property
    def _counts(self) -> tuple[int, int]:
        """How many of each kind a step has."""
        ranked, built = self._kinds
        share = self.ranked_share if ranked and built else float(bool(ranked))
        wanted = round(self.size * share)
        return min(wanted, len(ranked)), min(self.size - wanted, len(built))

    @property
    def prompts_a_step(self) -> int:
        """In all processes: `size`, or fewer where there are not so many."""
        return sum(self._counts)

    def draw(self, step: int) -> list[Group]:
        """This process's groups of a step; those of all processes together are the same however
        many there are."""
        rng = np.random.default_rng([self.seed, step])
        (ranked, built), (of_ranked, of_built) = self._kinds, self._counts
        chosen = [
            *rng.choice(built, size=of_built, replace=False),
            *rng.choice(ranked, size=of_ranked, replace=False),
        ]
        return [
            self._group(int(chosen[place]), np.random.default_rng([self.seed, step, place]))
            for place in range(self.part, len(chosen), self.parts)
        ]

    def _group(self, index: int, rng: np.random.Generator) -> Group:
        group = self._kept.get(index)
        if group is None:
            group = draw_group(self.prompts, index, rng, augment=self.augment)
            if group.index is not None and len(self._kept) < MOST_KEPT:
                self._kept[index] = group
        return group
