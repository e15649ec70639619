"""Four candidates of a 400 x 400 hole in 12 megapixels, against bare library calls in turn."""

import statistics
import threading
import time

from patchmatch_cython import inpaint_pyramid

from tests.bench.scene import request
from training.inpainting.patchmatch import PatchMatchInpainter, settings_for
from training.ranking import generate_and_score
from training.reward.scorer import ProcessScorer, builtin_reward_path

SEEDS = (0, 1, 2, 3)
ROUNDS = 3


def main() -> None:
    """Print times to the first and to the last ranked card and their ratio to the library's."""
    wanted = request(SEEDS)
    inpainter, scorer = PatchMatchInpainter(), ProcessScorer(builtin_reward_path())
    first, drafts, last, bare = [], [], [], []
    try:
        inpainter.start()
        scorer.preload(threading.Event())
        for _ in range(ROUNDS):
            started = time.perf_counter()
            seen: dict[int, float] = {}
            fills = generate_and_score(wanted, inpainter, scorer, lambda _: None, threading.Event())
            for fill in fills:
                seen.setdefault(fill.candidate.seed, time.perf_counter() - started)
            first.append(min(seen.values()))
            drafts.append(max(seen.values()))
            last.append(time.perf_counter() - started)

            started = time.perf_counter()
            for seed in SEEDS:
                settings = settings_for(seed)
                inpaint_pyramid(
                    wanted.image,
                    wanted.hole,
                    patch_size=settings.patch_size,
                    seed=seed,
                    em_loops=settings.em_loops,
                    reverse_search=settings.reverse_search,
                )
            bare.append(time.perf_counter() - started)
    finally:
        inpainter.close()
        scorer.close()
    ratio = statistics.median(ours / theirs for ours, theirs in zip(last, bare, strict=True))
    print(f"first ranked card           {statistics.median(first):6.2f} s")
    print(f"all four ranked, as drafts  {statistics.median(drafts):6.2f} s")
    print(f"all four at full resolution {statistics.median(last):6.2f} s")
    print(f"bare library, one by one    {statistics.median(bare):6.2f} s")
    print(f"ratio                       {ratio:6.2f}")
