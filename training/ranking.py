"""Generate and score: what the Generate button and `prefpaint fill` both run."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from training.inpainting.request import Candidate, Event, Inpainter, InpaintRequest
from training.reward.score import Score, Scorer


@dataclass(frozen=True, eq=False)
class RankedFill:
    """A candidate and what the reward model says of it."""

    candidate: Candidate
    score: Score


def generate_and_score(
    request: InpaintRequest,
    inpainter: Inpainter,
    scorer: Scorer,
    on_event: Callable[[Event], None],
    cancel: threading.Event,
) -> Iterator[RankedFill]:
    """Yield every candidate, drafts included, as soon as it is filled and scored.

    Raises Cancelled soon after `cancel` is set, PrefPaintError when filling or scoring fails.
    """
    with closing(inpainter.generate(request, on_event, cancel)) as candidates:
        for candidate in candidates:
            (score,) = scorer.score(request.image, request.hole, [candidate.pixels], cancel)
            yield RankedFill(candidate, score)


def best_first(fills: Iterable[RankedFill]) -> list[RankedFill]:
    """The latest rendering of each seed, highest reward first; equal rewards by seed."""
    latest = {fill.candidate.seed: fill for fill in fills}
    return sorted(latest.values(), key=lambda fill: (-fill.score.reward, fill.candidate.seed))
