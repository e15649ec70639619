"""From a trained network to a reward model: what it needs beside its weights."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from training.errors import PrefPaintError
from training.reward.calibration import measure_trust, prompt_features
from training.reward.config import RewardTrainingConfig
from training.reward.evaluation import network_judge
from training.reward.lite_stages import LITE
from training.reward.model import RewardModel
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt
from training.reward.trust import inverse_covariance

FEATURE_PROMPTS = 2000
"""Prompts whose features, six each, make V: far more than its 256 dimensions need."""
BUILT = (
    "of known order: original over fill, weaker over stronger fault, everything over noise; and "
    "where fills were ranked by eye, the order that was seen"
)


def finish(
    network: RewardNetwork,
    prompts: Sequence[Prompt],
    validation: Sequence[Prompt],
    config: RewardTrainingConfig,
    begun: RewardModel | None,
) -> RewardModel:
    """Bring some of the start back; V^-1 from the training features, each of some standing for
    several; rewards in units of the fills of held-out photos.

    Raises PrefPaintError when those fills have no spread.
    """
    if begun and config.of_start:
        _average(network, begun.network, config.of_start)
    seen = prompts[:: max(1, len(prompts) // FEATURE_PROMPTS)]
    features = prompt_features(network, seen)
    judge = network_judge(network)
    rewards = np.concatenate([judge(prompt, _fills(prompt)) for prompt in validation])
    mean, deviation = float(rewards.mean()), float(rewards.std())
    if not (math.isfinite(deviation) and deviation > 0):
        raise PrefPaintError(
            f"The rewards of the validation prompts' fills have a deviation of {deviation}, which "
            "is no unit for scores. Give more validation prompts, and another folder."
        )
    weight = sum(len(prompt.kinds) for prompt in prompts) / len(features)
    v_inverse = inverse_covariance(np.sqrt(np.float32(weight)) * features)
    by_people = sum(bool(prompt.scores) for prompt in prompts)
    by_eye = sum(bool(prompt.looks) for prompt in prompts) - by_people
    return RewardModel(
        network=network,
        mean=mean,
        deviation=deviation,
        trust=measure_trust(network, v_inverse, features, validation, deviation),
        provenance={
            "labels": BUILT if not by_people else f"people, of {by_people} prompts",
            "training photos": len({prompt.photo for prompt in prompts}),
            "training prompts": len(prompts),
            "of these ranked by a reviewer's eye": by_eye,
            "objective": config.objective,
            "steps": config.steps,
            "prompts a step": config.batch_size,
            "seed": config.seed,
            "torch": torch.__version__,
            **({"encoder began with": LITE} if not begun and config.encoder.kind == "lite" else {}),
            **({"share of the start": config.of_start} if config.of_start else {}),
            **({"continued from": begun.provenance} if begun else {}),
        },
    )


@torch.no_grad()
def _average(network: RewardNetwork, start: RewardNetwork, share: float) -> None:
    """Mix this share of the start's weights in; the rest are the network's own."""
    before = start.state_dict()
    for name, value in network.state_dict().items():
        value.lerp_(before[name], share)


def _fills(prompt: Prompt) -> npt.NDArray[np.uint8]:
    """The pictures without the original, where there is one."""
    return prompt.pictures[1:] if prompt.kinds[0] == "original" else prompt.pictures
