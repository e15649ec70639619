"""Whether a trained reward is better than the one it began with, where neither has learned."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.reward.evaluation import (
    FAULT,
    JUDGED,
    PairAccuracy,
    accuracy,
    network_judge,
    pair_outcomes,
)
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt

FILE = "held-out.json"


def held_out_accuracies(
    network: RewardNetwork, prompts: Sequence[Prompt]
) -> tuple[PairAccuracy, PairAccuracy]:
    """How often the network puts the picture first that people preferred, and of two pictures of
    which one has more of a fault the other: what a taste must not cost too much of.

    Raises PrefPaintError where the prompts have no such pair.
    """
    outcomes = pair_outcomes(network_judge(network), prompts, seed=0)
    if JUDGED not in outcomes:
        raise PrefPaintError("The held-out prompts hold no pair that someone ranked. Give more.")
    return accuracy(JUDGED, outcomes[JUDGED]), accuracy(FAULT, outcomes[FAULT])


def write_held_out(
    out: Path, old: RewardNetwork | None, new: RewardNetwork, prompts: Sequence[Prompt]
) -> dict[str, object]:
    """Measure both and keep `old`, `old faults`, `new` and `new faults` in held-out.json, as
    objects of PairAccuracy's fields; gives them."""
    figures: dict[str, object] = {}
    for name, network in (("old", old), ("new", new)):
        if network is not None:
            judged, faults = held_out_accuracies(network, prompts)
            figures |= {name: asdict(judged), f"{name} faults": asdict(faults)}
    with replaced_when_complete(out / FILE) as file:
        file.write(json.dumps(figures, indent=2).encode())
    return figures
