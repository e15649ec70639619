"""Alignment with bf16 passes through the UNet."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from tests.training.several_processes import in_one
from tests.training.tiny_alignment import (
    CONFIG,
    make_policy,
    make_reward,
    read_log,
    sized_prompts,
    write_prompts,
)
from tests.training.tiny_models import save_pipeline
from training.alignment.config import Precision, Trained
from training.alignment.rollouts import draw_fills, score_fills
from training.alignment.updates import policy_updates


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("trained", get_args(Trained))
def test_the_ratio_before_an_update_is_one(
    tmp_path: Path, precision: Precision, trained: Trained, checkpointing: bool
) -> None:
    """To the bit, at every step, of weights that have learned something."""
    policy = make_policy(trained, precision=precision)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in policy.parameters:
            parameter.add_(torch.randn_like(parameter) / 50)
    if checkpointing:
        policy.unet.enable_gradient_checkpointing()
    prompts = sized_prompts(tmp_path)
    wanted = frozenset({0, 1, 2})
    rollout = score_fills(
        draw_fills(policy.model, prompts, 2, 0, steps=4, eta=1.0, wanted=wanted), make_reward()
    )
    for update in policy_updates(policy, rollout, replace(CONFIG, clip=0.0)):
        assert update.figures["ratio"] == 1
        assert update.figures["clipped"] == 0
        assert update.loss.dtype == torch.float32
        update.loss.backward()
    for step in rollout.steps:
        for tensor in (step.latents, step.mean, step.log_probability):
            assert tensor is not None
            assert tensor.dtype == torch.float32
    assert {parameter.grad.dtype for parameter in policy.parameters} == {torch.float32}


def test_a_run_in_bf16_keeps_what_it_learns_in_fp32(
    tmp_path: Path,
) -> None:
    make_reward().save(tmp_path / "reward.safetensors")
    words = ["align", str(save_pipeline(tmp_path / "base")), str(write_prompts(tmp_path / "holes"))]
    words += ["--reward", str(tmp_path / "reward.safetensors")]
    words += ["--prompts-each", "2", "--samples", "2", "--iterations", "2", "--steps", "4"]
    words += ["--no-alarms"]
    for precision in get_args(Precision):
        options = ["--precision", precision, "--out", str(tmp_path / precision)]
        in_one([[*words, *options]])
    exact, rounded = (read_log(tmp_path / precision) for precision in get_args(Precision))
    for one, other in zip(exact, rounded, strict=True):
        assert one["loss"] != other["loss"]
        assert other == pytest.approx(one, rel=0.1, abs=0.1)
    content = torch.load(tmp_path / "bf16" / "checkpoint.pt", weights_only=True)
    kept = [*content["policy"].values()]
    kept += [value for state in content["optimiser"]["state"].values() for value in state.values()]
    assert {value.dtype for value in kept} == {torch.float32}
