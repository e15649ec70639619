"""Undo and redo: each edit keeps only the box that it changed, before and after."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.inpainting.request import Box

MEMORY_LIMIT = 512 * 1024 * 1024
"""Bytes of patches kept; beyond it the oldest edits can no longer be undone."""


@dataclass(frozen=True, eq=False)
class Patch:
    """The content of one box before and after an edit; both have the box's height and width."""

    box: Box
    before: npt.NDArray[Any]
    after: npt.NDArray[Any]

    @classmethod
    def between(cls, box: Box, before: npt.NDArray[Any], after: npt.NDArray[Any]) -> "Patch":
        """Copy the box out of two whole arrays."""
        return cls(box, before[box.slices].copy(), after[box.slices].copy())

    @property
    def changes(self) -> bool:
        return not np.array_equal(self.before, self.after)


class Versions(NamedTuple):
    """Numbers that name a content of the pixels and of the mask; undo brings them back."""

    pixels: int
    mask: int


@dataclass(frozen=True)
class Swap:
    """What an edit does to the person's answers: `old` is taken back, `new` is given.

    Both are tokens that name answers; None for no answer.
    """

    old: int | None
    new: int | None

    @property
    def reverse(self) -> "Swap":
        return Swap(self.new, self.old)


@dataclass(frozen=True, eq=False)
class Edit:
    """One step of the history.

    label: what the person did, as the Edit menu names it.
    answers: what it does to the person's answers, if anything.
    """

    label: str
    mask: Patch | None
    pixels: Patch | None
    before: Versions
    after: Versions
    answers: Swap | None = None

    @property
    def size(self) -> int:
        """Bytes held."""
        patches = [patch for patch in (self.mask, self.pixels) if patch is not None]
        return sum(patch.before.nbytes + patch.after.nbytes for patch in patches)


class History:
    """A line of edits with a position in it; a new edit drops what was undone before it."""

    def __init__(self) -> None:
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def next_undo(self) -> Edit | None:
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Edit | None:
        return self._undone[-1] if self._undone else None

    def push(self, edit: Edit) -> None:
        self._undone.clear()
        self._done.append(edit)
        held = sum(kept.size for kept in self._done)
        while held > MEMORY_LIMIT and len(self._done) > 1:
            held -= self._done.pop(0).size

    def step_back(self) -> Edit | None:
        """Move one edit to the redo side and return it, or None at the beginning."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def step_forward(self) -> Edit | None:
        """Move one edit back to the undo side and return it, or None at the end."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]
