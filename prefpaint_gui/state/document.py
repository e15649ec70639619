"""The open photo, the mask painted on it, and the one history of both."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from prefpaint_gui.state.history import Edit, History, Patch, Swap, Versions
from prefpaint_gui.state.pyramid import Pyramid
from prefpaint_gui.state.strokes import Point, capsule, painted_box, rectangle
from training.inpainting.request import Box, Mask

if TYPE_CHECKING:
    from pathlib import Path

    from prefpaint_gui.photo_io import Photo

Image = npt.NDArray[np.uint8]
"""(height, width, 3 or 4) uint8, sRGB, the fourth channel alpha."""


class Document(QObject):
    """What is being edited.

    `pixels` is never written in place: an edit puts a new array in its stead, so that workers may
    read the one they were given. `mask` is written in place; workers get copies.
    `versions` names the contents of both, and comes back when an edit is undone.
    """

    replaced = Signal()
    pixels_changed = Signal(object)
    """Carries the Box that changed, as does mask_changed."""
    mask_changed = Signal(object)
    history_changed = Signal()
    answers_swapped = Signal(object)
    """Undo or redo takes answers back or gives them again; carries a Swap."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._set(None, np.zeros((0, 0, 3), np.uint8), None, Pyramid())

    def _set(self, photo: Photo | None, pixels: Image, mask: Mask | None, pyramid: Pyramid) -> None:
        self.photo = photo
        self.path: Path | None = photo.path if photo is not None else None
        self.is_own_file = False
        """True once `path` is a file that this program wrote, which Save may write again."""
        self.pixels = pixels
        self.pyramid = pyramid
        """The pixels as the canvas draws them."""
        self.mask: Mask = np.zeros(pixels.shape[:2], np.bool_) if mask is None else mask.copy()
        self._settled = self.mask.copy()
        """The mask as the history knows it; `mask` runs ahead of it during a stroke."""
        self._history = History()
        self._stroke: _Stroke | None = None
        self.versions = Versions(next(self._numbers), next(self._numbers))
        self._saved_version = self.versions.pixels

    def load(self, photo: Photo, mask: Mask | None = None, pyramid: Pyramid | None = None) -> None:
        """Show another photo, with an empty history.

        mask: (height, width) bool, copied. pyramid: of the photo's pixels, made when None.
        """
        self._set(photo, photo.pixels, mask, pyramid or Pyramid.of(photo.pixels))
        if photo.path is None:
            self._saved_version = 0
        self.replaced.emit()
        self.history_changed.emit()

    @property
    def is_open(self) -> bool:
        return self.photo is not None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def is_modified(self) -> bool:
        """Whether the pixels differ from the file (a pasted photo has none, and always does)."""
        return self.is_open and self.versions.pixels != self._saved_version

    def mark_saved(self, path: Path, version: int) -> None:
        """The pixels of that version are now in a file that this program wrote."""
        self.path = path
        self.is_own_file = True
        self._saved_version = version
        self.history_changed.emit()

    # --- the mask -----------------------------------------------------------------------------

    @property
    def is_painting(self) -> bool:
        return self._stroke is not None

    def begin_stroke(self, point: Point, radius: float, value: bool) -> None:
        """Start a brush (True) or eraser (False) stroke; radius in photo pixels."""
        self.end_stroke()
        self._stroke = _Stroke(point, radius, value)
        self.extend_stroke(point)

    def extend_stroke(self, point: Point) -> None:
        """Draw on to the next point."""
        stroke = self._stroke
        if stroke is None:
            return
        drawn = capsule(stroke.last, point, stroke.radius, *self.size)
        stroke.last = point
        if drawn is None:
            return
        box, covered = drawn
        self.mask[box.slices][covered] = stroke.value
        stroke.box = box if stroke.box is None else _union(stroke.box, box)
        self.mask_changed.emit(box)

    def end_stroke(self) -> None:
        """Put the whole stroke into the history as one edit."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None and stroke.box is not None:
            self._commit_mask(stroke.box, "brush stroke" if stroke.value else "eraser stroke")

    def fill_rectangle(self, start: Point, end: Point) -> None:
        """Mask every pixel that the rectangle touches."""
        box = rectangle(start, end, *self.size)
        if box is not None:
            self.mask[box.slices] = True
            self._commit_mask(box, "rectangle")

    def invert_mask(self) -> None:
        self._replace_mask(np.logical_not(self.mask), Box(0, 0, *self.size), "invert mask")

    def clear_mask(self) -> None:
        box = painted_box(self.mask)
        if box is not None:
            self._replace_mask(np.zeros_like(self.mask), box, "clear mask")

    def _replace_mask(self, mask: Mask, box: Box, label: str) -> None:
        if self.is_open and not self.is_painting:
            self.mask = mask
            self._commit_mask(box, label)

    def _commit_mask(self, box: Box, label: str) -> None:
        patch = self._mask_patch(box)
        if patch is not None:
            before, self.versions = self.versions, self.versions._replace(mask=next(self._numbers))
            self._history.push(Edit(label, patch, None, before, self.versions))
            self.mask_changed.emit(box)
            self.history_changed.emit()

    def _mask_patch(self, box: Box) -> Patch | None:
        patch = Patch.between(box, self._settled, self.mask)
        self._settled[box.slices] = patch.after
        return patch if patch.changes else None

    # --- the pixels ---------------------------------------------------------------------------

    def accept(self, box: Box, region: Image, filled: Mask, token: int) -> None:
        """Put a pasted region into the photo and take the filled pixels off the mask.

        region: the box's new pixels, equal to the old ones outside the mask and its feather.
        filled: the mask that the fill was made for, cut to the box.
        token: names the feedback that this accept gives.
        """
        self.end_stroke()
        before, self.pixels = self.pixels, self.pixels.copy()
        self.pixels[box.slices] = region
        self.mask[box.slices] &= ~filled
        versions = Versions(next(self._numbers), next(self._numbers))
        edit = Edit(
            "accept candidate",
            self._mask_patch(box),
            Patch.between(box, before, self.pixels),
            self.versions,
            versions,
            Swap(None, token),
        )
        self.versions = versions
        self._history.push(edit)
        self._announce(edit)

    # --- the history --------------------------------------------------------------------------

    def note_answers(self, label: str, answers: Swap) -> None:
        """Make a change of the person's answers a step that can be undone."""
        self.end_stroke()
        self._history.push(Edit(label, None, None, self.versions, self.versions, answers))
        self.history_changed.emit()

    @property
    def undo_label(self) -> str | None:
        edit = self._history.next_undo
        return edit.label if edit else None

    @property
    def redo_label(self) -> str | None:
        edit = self._history.next_redo
        return edit.label if edit else None

    def undo(self) -> None:
        self.end_stroke()
        edit = self._history.step_back()
        if edit is not None:
            self._restore(edit, before=True)
            if edit.answers is not None:
                self.answers_swapped.emit(edit.answers.reverse)

    def redo(self) -> None:
        self.end_stroke()
        edit = self._history.step_forward()
        if edit is not None:
            self._restore(edit, before=False)
            if edit.answers is not None:
                self.answers_swapped.emit(edit.answers)

    def _restore(self, edit: Edit, *, before: bool) -> None:
        if edit.mask is not None:
            content = edit.mask.before if before else edit.mask.after
            self.mask[edit.mask.box.slices] = content
            self._settled[edit.mask.box.slices] = content
        if edit.pixels is not None:
            self.pixels = self.pixels.copy()
            self.pixels[edit.pixels.box.slices] = (
                edit.pixels.before if before else edit.pixels.after
            )
        self.versions = edit.before if before else edit.after
        self._announce(edit)

    def _announce(self, edit: Edit) -> None:
        if edit.pixels is not None:
            self.pyramid.update(self.pixels, edit.pixels.box)
            self.pixels_changed.emit(edit.pixels.box)
        if edit.mask is not None:
            self.mask_changed.emit(edit.mask.box)
        self.history_changed.emit()


class _Stroke:
    """A stroke under way: what it draws, where it is, and the box it has touched so far."""

    def __init__(self, point: Point, radius: float, value: bool) -> None:
        self.last = point
        self.radius = radius
        self.value = value
        self.box: Box | None = None


def _union(a: Box, b: Box) -> Box:
    top, left = min(a.top, b.top), min(a.left, b.left)
    bottom = max(a.top + a.height, b.top + b.height)
    right = max(a.left + a.width, b.left + b.width)
    return Box(top, left, bottom - top, right - left)
