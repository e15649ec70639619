"""The trust of a trained network: measured on training features and on held-out pairs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.reward.evaluation import FAULT, ORIGINAL, judge_pictures, known_orders
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt
from training.reward.trust import (
    Matrix,
    Trust,
    calibrated_scale,
    error_bound,
    quantiles_of,
)


def prompt_features(network: RewardNetwork, prompts: Sequence[Prompt]) -> npt.NDArray[np.float32]:
    """z of every picture of the prompts: (n, 256)."""
    return np.concatenate(
        [judge_pictures(network, prompt, prompt.pictures).features.numpy() for prompt in prompts]
    )


def measure_trust(
    network: RewardNetwork,
    v_inverse: Matrix,
    features: npt.NDArray[np.float32],
    held_out: Sequence[Prompt],
    deviation: float,
    reference: str = "training data",
) -> Trust:
    """Quantiles of the bounds of the reference's `features` (n, 256), and the scale from the pairs
    of known order of held-out prompts. deviation: of the raw rewards, whose unit the scale is in.

    Originals are left out: no candidate is one, and they are told from fills far more easily than
    fills from each other.
    """
    margins, bounds = [], []
    for orders in known_orders(held_out, seed=0):
        output = judge_pictures(network, orders.prompt, orders.pictures)
        rewards = output.rewards.double().numpy() / deviation
        sizes = error_bound(output.features.float().numpy(), v_inverse)
        pairs = [
            (better, worse)
            for name, better, worse in orders.pairs
            if name != FAULT and not name.startswith(ORIGINAL)
        ]
        margins += [rewards[better] - rewards[worse] for better, worse in pairs]
        bounds += [sizes[better] + sizes[worse] for better, worse in pairs]
    return Trust(
        v_inverse=v_inverse,
        quantiles=quantiles_of(error_bound(features, v_inverse)),
        scale=calibrated_scale(np.array(margins), np.array(bounds)),
        reference=reference,
    )
