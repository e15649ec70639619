"""The reward learns the newest fills while a policy is aligned."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resources import SAMPLE_PHOTO
from tests.training.tiny_alignment import CONFIG, make_policy, make_reward, read_log
from tests.training.tiny_models import make_pipeline
from training.alignment import refresh as refresh_module
from training.alignment import run as run_module
from training.alignment.align import align
from training.alignment.originals import size_with_original
from training.alignment.refresh import RewardRefresh
from training.alignment.rollouts import SizedPrompt, draw_fills, score_fills
from training.alignment.sample_pairs import SamplePairs, write_sample_pairs
from training.inpainting.diffusion.model import DiffusionModel
from training.prompts.incomplete import IncompletePhoto, make_prompts, read_prompts
from training.reward.calibration import prompt_features
from training.reward.model import RewardModel
from training.reward.pair_data import Prompt, load_prompts
from training.reward.trust import inverse_covariance

SEED = 3
REFRESHED = replace(CONFIG, iterations=4, alarms=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[IncompletePhoto], list[Prompt]]:
    """Prompts with originals, and pairs at the reward's size, which is not the model's."""
    folder = tmp_path_factory.mktemp("refresh")
    make_prompts([SAMPLE_PHOTO], "blobs", 3, 64, 0, folder / "prompts", lambda _: None)
    prompts = read_prompts(folder / "prompts")
    model = DiffusionModel(make_pipeline(), torch.device("cpu"), torch.float32)
    size = make_reward().network.config.image_size
    settings = SamplePairs(samples=1, steps=2, size=size)
    write_sample_pairs(model, prompts, settings, folder / "pairs", lambda _: None)
    return prompts, list(load_prompts(folder / "pairs", size))


def _reward() -> RewardModel:
    reward = make_reward()
    reward.network.mlp[1].p = 0.2  # as the published one: what it learns is drawn
    return reward


def _run(
    made: tuple[list[IncompletePhoto], list[Prompt]], out: Path, on_progress: Any
) -> tuple[RewardModel, dict[str, torch.Tensor]]:
    prompts, known = made
    policy, reward = make_policy(), _reward()
    sized: list[SizedPrompt] = [size_with_original(policy.model, one) for one in prompts]
    refresh = RewardRefresh(reward, sized, known, SEED)
    align(policy, reward, sized, REFRESHED, out, on_progress, refresh=refresh)
    return reward, policy.state()


def test_the_reward_changes_and_a_killed_run_goes_on_to_the_same_reward(
    tmp_path: Path,
    made: tuple[list[IncompletePhoto], list[Prompt]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 3)
    monkeypatch.setattr(refresh_module, "EVERY", 2)
    whole, policy = _run(made, tmp_path / "whole", lambda _: None)
    begun = _reward().network.state_dict()
    assert any(not torch.equal(v, begun[n]) for n, v in whole.network.state_dict().items())

    def pull_the_plug(share: float) -> None:
        if share == 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(made, tmp_path / "cut", pull_the_plug)
    torch.manual_seed(99)  # whatever else was drawn meanwhile
    resumed, again = _run(made, tmp_path / "cut", lambda _: None)
    assert read_log(tmp_path / "whole") == read_log(tmp_path / "cut")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for name, value in policy.items():
        assert torch.equal(value, again[name]), name


def test_it_learns_that_originals_are_better_than_the_newest_fills(
    made: tuple[list[IncompletePhoto], list[Prompt]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_module, "LEARNING_RATE", 1e-3)
    monkeypatch.setattr(refresh_module, "EVERY", 1)
    prompts, known = made
    reward = make_reward()
    model = DiffusionModel(make_pipeline(), torch.device("cpu"), torch.float32)
    sized = [size_with_original(model, prompt) for prompt in prompts]
    rollout = score_fills(draw_fills(model, sized, 2, 0, steps=2, eta=1.0), reward)

    def margin() -> float:
        margins = []
        for number, prompt in enumerate(sized):
            pictures = [prompt.original, *rollout.pictures[2 * number : 2 * number + 2]]
            first, *others = (
                score.reward for score in reward.score(prompt.masked, prompt.hole, pictures)
            )
            margins.append(first - np.mean(others))
        return float(np.mean(margins))

    before = margin()
    refresh = RewardRefresh(reward, sized, known, SEED)
    for iteration in range(30):
        refresh(iteration, rollout)
    assert margin() > before + 0.1
    features = prompt_features(reward.network, known)
    np.testing.assert_allclose(reward.trust.v_inverse, inverse_covariance(features), rtol=1e-4)
