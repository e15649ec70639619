"""A reward model of a few thousand random weights, in the file format of the real ones."""

from pathlib import Path

import numpy as np
import torch

from training.reward.appearance import FEATURE_SIZE
from training.reward.encoders import EncoderConfig
from training.reward.model import RewardModel
from training.reward.network import RewardNetwork
from training.reward.trust import Trust


def save_tiny_reward(path: Path) -> Path:
    """Write the model to `path`; its order of fills is arbitrary, but always the same."""
    torch.manual_seed(0)
    config = EncoderConfig(image_size=64, widths=(8, 8, 8), embedding_size=16)
    network = RewardNetwork(config).eval()
    model = RewardModel(
        network,
        mean=0.0,
        deviation=1.0,
        trust=Trust(np.eye(FEATURE_SIZE), np.linspace(0, 50, 101), scale=0.001),
        provenance={"trained_on": "nothing: random weights for tests"},
    )
    model.save(path)
    return path
