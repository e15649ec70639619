"""Alignment's parts of a few thousand weights, and what its runs leave."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from resources import SAMPLE_PHOTO
from tests.training.tiny_models import make_pipeline
from training.alignment.config import AlignmentConfig, Precision, Trained
from training.alignment.policy import Policy
from training.alignment.rollouts import SizedPrompt, size_prompt
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.request import Mask, Pixels
from training.prompts.incomplete import make_prompts, read_prompts
from training.reward.encoders import EncoderConfig
from training.reward.model import RewardModel
from training.reward.network import RewardNetwork
from training.reward.score import Score
from training.reward.trust import Trust, inverse_covariance

CONFIG = AlignmentConfig(
    iterations=4,
    prompts=2,
    samples=2,
    steps=4,
    updated_steps=3,
    rank=4,
    learning_rate=1e-3,
    divergence=0.1,
)


def write_prompts(folder: Path, count: int = 3) -> Path:
    """Blobs of the sample photo, 64 x 64."""
    make_prompts([SAMPLE_PHOTO], "blobs", count, 64, 0, folder, lambda _: None)
    return folder


def sized_prompts(folder: Path) -> list[SizedPrompt]:
    return [size_prompt(prompt, 64) for prompt in read_prompts(write_prompts(folder))]


def make_reward(seed: int = 0) -> RewardModel:
    torch.manual_seed(seed)
    network = RewardNetwork(EncoderConfig(widths=(16, 16, 16), image_size=32)).eval()
    v_inverse = inverse_covariance(np.random.default_rng(0).normal(size=(300, 256)).astype("f4"))
    trust = Trust(v_inverse, np.linspace(0, 1, 101), 1.0)
    return RewardModel(network, 0.0, 1.0, trust, {})


class Deceived(RewardModel):
    """Likes every fill better than its original, which comes last."""

    def score(self, image: Pixels, hole: Mask, fills: Sequence[Pixels]) -> list[Score]:
        *made, original = super().score(image, hole, fills)
        return [*made, replace(original, reward=original.reward - 1000)]


def deceived() -> tuple[RewardModel, Callable[[SizedPrompt], SizedPrompt]]:
    """Such a reward, and what gives a prompt the original that it needs."""
    return Deceived(**vars(make_reward())), lambda prompt: replace(prompt, original=prompt.masked)


def make_policy(trained: Trained = "lora", seed: int = 0, precision: Precision = "fp32") -> Policy:
    model = DiffusionModel(make_pipeline(seed=seed), torch.device("cpu"), torch.float32)
    return Policy(model, trained, CONFIG.rank, 0, precision)


def learned_weights(model: DiffusionModel) -> torch.Tensor:
    """What learns of a LoRA, as one row."""
    named = sorted(model.unet.named_parameters())
    return torch.cat([v.detach().flatten() for name, v in named if "lora" in name])


def read_log(out: Path) -> list[dict[str, float]]:
    """Without the seconds, which are never the same twice."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in line if name != "seconds"} for line in lines]
