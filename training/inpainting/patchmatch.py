"""The built-in inpainter: exemplar filling by PatchMatch, on the CPU, with nothing to download.

Barnes et al., "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing",
SIGGRAPH 2009, by the solver of https://pypi.org/project/patchmatch-cython/.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from patchmatch_cython import CythonSolver
from patchmatch_cython.imageops import (
    build_query_patch_centers,
    build_valid_patch_centers,
    downsample,
    poisson_blend,
    resize_image,
    sanitize_nnf,
    upsample,
)

from training.inpainting.process_pool import ProcessPool
from training.inpainting.request import Candidate, Event, InpaintRequest, Mask, Pixels, Progress

FINE_ITERATIONS = 4
"""Iterations on levels of many pixels, where the coarser level has already found the matches."""
FINE_LEVEL_PIXELS = 5_000
DRAFT_PIXELS = 20_000
"""A hole of more pixels than this is shown as a draft before its finest level is done."""


@dataclass(frozen=True)
class PatchMatchSettings:
    """patch_size: odd, pixels; small patches follow detail, large ones keep structure whole.

    em_loops: match-and-vote rounds on the coarse levels; more make the layout more coherent.
    reverse_search: also draw in source patches that the fill does not use yet.
    blend_band: pixels over which the fill's rim is led into its surroundings.
    """

    patch_size: int
    em_loops: int
    reverse_search: bool
    blend_band: float = 4.0


SETTINGS_BY_SEED = (
    PatchMatchSettings(patch_size=7, em_loops=2, reverse_search=False),
    PatchMatchSettings(patch_size=5, em_loops=1, reverse_search=False),
    PatchMatchSettings(patch_size=9, em_loops=3, reverse_search=False),
    PatchMatchSettings(patch_size=5, em_loops=2, reverse_search=True),
)
"""Seed n takes entry n modulo 4, so that neighbouring seeds differ in kind, not only in chance."""


def settings_for(seed: int) -> PatchMatchSettings:
    """The settings that a seed stands for."""
    return SETTINGS_BY_SEED[seed % len(SETTINGS_BY_SEED)]


class PatchMatchInpainter:
    """PatchMatch behind the Inpainter protocol, one seed to a worker process."""

    name = "patchmatch"

    def __init__(self, workers: int | None = None) -> None:
        """workers: how many processes; None takes one a core, at most four."""
        self._pool = ProcessPool(workers or min(4, os.cpu_count() or 1))

    def start(self) -> None:
        """Start the worker processes ahead of the first request."""
        self._pool.start()

    def close(self) -> None:
        """Kill the worker processes."""
        self._pool.close()

    def generate(
        self,
        request: InpaintRequest,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
    ) -> Generator[Candidate, None, None]:
        """See Inpainter.generate. The same seed gives the same pixels."""
        calls = [(request, seed) for seed in request.seeds]
        done = [0.0] * len(calls)
        for index, (share, candidate) in self._pool.run(_candidates, calls, cancel):
            done[index] = share
            on_event(Progress(sum(done) / len(done)))
            if candidate is not None:
                yield candidate


def fill_hole(
    image: Pixels, hole: Mask, seed: int, settings: PatchMatchSettings
) -> Iterator[tuple[int, float, Pixels]]:
    """Fill one hole, coarse to fine.

    Yields (levels still to come, share of the work done 0-1, image so far) for the last two
    levels; the image has the input's size and equals it wherever `hole` is False.
    """
    height, width = hole.shape
    patch_size = min(settings.patch_size, (min(height, width) - 1) // 2 * 2 + 1)
    weight = hole.astype(np.float32)
    blank = np.where(hole[..., None], np.float32(0), image.astype(np.float32))
    sizes = _levels(hole, patch_size)
    fill, matches = None, None
    for level, (level_height, level_width) in enumerate(sizes):
        level_hole = _shrink(weight, level_height, level_width)
        level_image = downsample(blank, level_height, level_width).copy()
        if fill is not None and matches is not None:
            level_image[level_hole] = resize_image(fill, level_height, level_width)[level_hole]
            matches = _refine_matches(matches, level_hole, patch_size, seed)
        is_fine = np.count_nonzero(level_hole) > FINE_LEVEL_PIXELS
        solver = CythonSolver(level_image, level_hole, patch_size)
        fill = solver(
            iterations=FINE_ITERATIONS if is_fine else 2 * level + 5,
            randomize_nnf=matches is None,
            nnf=matches,
            seed=seed,
            em_loops=1 if is_fine else settings.em_loops,
            reverse_search=settings.reverse_search and not is_fine,
        )
        matches = solver.nnf
        remaining = len(sizes) - 1 - level
        if remaining <= 1:
            yield remaining, 0.25**remaining, _compose(image, hole, fill, settings.blend_band)


def _candidates(request: InpaintRequest, seed: int) -> Iterator[tuple[float, Candidate | None]]:
    """In a worker: (share done, a candidate or None) after each level of each separate hole."""
    cv2.setNumThreads(1)
    started = time.process_time()
    pixels = request.image.copy()
    sizes = [int(np.count_nonzero(request.hole[part.slices])) for part in request.parts]
    done = 0.0
    # The largest hole comes last: by its last level but one everything else is final.
    for order, size in sorted(enumerate(sizes), key=lambda item: item[1]):
        slices = request.parts[order].slices
        levels = fill_hole(request.image[slices], request.hole[slices], seed, settings_for(seed))
        is_largest = size == max(sizes)
        for remaining, share, image in levels:
            pixels[slices] = image
            is_final = is_largest and remaining == 0
            is_draft = is_largest and remaining == 1 and size > DRAFT_PIXELS
            candidate = None
            if is_final or is_draft:
                seconds = time.process_time() - started
                candidate = Candidate(
                    request.job_id, seed, pixels.copy(), PatchMatchInpainter.name, seconds, is_draft
                )
            yield done + share * size / sum(sizes), candidate
        done += size / sum(sizes)


def _levels(hole: Mask, patch_size: int) -> list[tuple[int, int]]:
    """(height, width) of the pyramid's levels, coarse to fine; each has some known pixels."""
    height, width = hole.shape
    weight = hole.astype(np.float32)
    coarsest = max(0, int(np.log2(min(height, width) / patch_size)))
    sizes = [(height >> level, width >> level) for level in range(coarsest, -1, -1)]
    while len(sizes) > 1 and _shrink(weight, *sizes[0]).all():
        del sizes[0]
    return sizes


def _shrink(weight: npt.NDArray[np.float32], height: int, width: int) -> Mask:
    """The hole on a coarser level: every pixel that holds any missing pixel."""
    return np.asarray(downsample(weight, height, width)[..., 0] > 0)


def _refine_matches(
    matches: npt.NDArray[np.int32], hole: Mask, patch_size: int, seed: int
) -> npt.NDArray[np.int32]:
    """The coarser level's matches on this level, those that point into the hole drawn anew."""
    height, width = hole.shape
    half = patch_size // 2
    return np.asarray(
        sanitize_nnf(
            upsample(matches, height, width),
            build_query_patch_centers(hole, half),
            build_valid_patch_centers(hole, half),
            rng=np.random.default_rng(seed),
        )
    )


def _compose(image: Pixels, hole: Mask, fill: npt.NDArray[np.float32], blend_band: float) -> Pixels:
    """The fill in the hole at the image's size, its rim led into the surroundings."""
    height, width = hole.shape
    known = image.astype(np.float32)
    full = fill if fill.shape[:2] == hole.shape else resize_image(fill, height, width)
    guide = np.where(hole[..., None], full, known)
    blended = poisson_blend(known, hole, guide, blend_band=blend_band)
    result = image.copy()
    result[hole] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)[hole]
    return result
