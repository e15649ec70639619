"""Whether a trained reward is better than the one it began with, where neither has learned."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.reward.evaluation import (
    JUDGED,
    PairAccuracy,
    accuracy,
    network_judge,
    pair_outcomes,
)
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt

FILE = "held-out.json"


def judged_accuracy(network: RewardNetwork, prompts: Sequence[Prompt]) -> PairAccuracy:
    """How often the network puts the picture first that people preferred.

    Raises PrefPaintError where the prompts have no such pair.
    """
    outcomes = pair_outcomes(network_judge(network), prompts, seed=0).get(JUDGED)
    if not outcomes:
        raise PrefPaintError("The held-out prompts hold no pair that someone ranked. Give more.")
    return accuracy(JUDGED, outcomes)


def write_held_out(out: Path, old: PairAccuracy | None, new: PairAccuracy) -> dict[str, object]:
    """Keep `old` and `new` in held-out.json, as objects of PairAccuracy's fields; gives them."""
    figures: dict[str, object] = {"old": old and asdict(old), "new": asdict(new)}
    with replaced_when_complete(out / FILE) as file:
        file.write(json.dumps(figures, indent=2).encode())
    return figures
