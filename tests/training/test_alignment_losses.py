"""The pure functions of alignment, against slow references written from their equations."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.alignment.advantages import optimality, standardised
from training.alignment.amplification import amplification
from training.alignment.losses import (
    clipped_policy_loss,
    forward_process_loss,
    preference_loss,
    step_divergence,
)

NUMBERS = st.floats(-50, 50, allow_nan=False, width=32)
BATCHES = st.lists(NUMBERS, min_size=2, max_size=12)


@given(BATCHES, st.data())
@settings(deadline=None)
def test_advantages_are_standardised_within_each_group(
    values: list[float], data: st.DataObject
) -> None:
    rewards = torch.tensor(values, dtype=torch.float64)
    groups = torch.tensor(
        data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    )
    advantages = standardised(rewards, groups)
    for group in groups.unique():
        inside = rewards[groups == group]
        std = inside.std(unbiased=False)
        if std > 1e-4:
            expected = ((inside - inside.mean()) / std).clamp(-10, 10)
            torch.testing.assert_close(advantages[groups == group], expected)


def test_equal_rewards_give_no_advantage() -> None:
    assert standardised(torch.full((4,), 3.3)).eq(0).all()
    assert optimality(torch.full((4,), 3.3)).eq(0.5).all()


@given(BATCHES)
@settings(deadline=None)
def test_optimality_is_a_probability_and_keeps_the_order(values: list[float]) -> None:
    rewards = torch.tensor(values, dtype=torch.float64)
    chance = optimality(rewards)
    assert ((chance >= 0) & (chance <= 1)).all()
    order = rewards.argsort()
    assert (chance[order].diff() >= 0).all()


@given(st.floats(0, 60))
def test_amplification_is_the_papers_formula_within_its_clamp(bound: float) -> None:
    gamma = amplification(torch.tensor([bound], dtype=torch.float64), "exponential").item()
    assert gamma == pytest.approx(min(2.21, max(1.0, math.exp(-0.05 * bound + 0.7))))
    linear = amplification(torch.tensor([bound], dtype=torch.float64), "linear").item()
    assert 1.0 <= linear <= gamma + 1e-9
    assert amplification(torch.tensor([bound]), "none").item() == 1.0
    assert amplification(torch.tensor([bound]), "static").item() == pytest.approx(1.4)


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_policy_loss_is_equation_12_sample_by_sample(seed: int) -> None:
    torch.manual_seed(seed)
    new, old = torch.randn(2, 6, dtype=torch.float64) * 1e-4
    advantages, gamma = torch.randn(6, dtype=torch.float64), 1 + torch.rand(6, dtype=torch.float64)
    expected = 0.0
    for i in range(6):
        ratio = math.exp(new[i] - old[i])
        clipped = min(max(ratio, 1 - 1e-4), 1 + 1e-4)
        a = advantages[i].item()
        expected += gamma[i].item() * max(-a * ratio, -a * clipped) / 6
    assert clipped_policy_loss(new, old, advantages, gamma).item() == pytest.approx(expected)


def test_policy_gradient_stops_where_the_ratio_has_gone_far_enough() -> None:
    new = torch.tensor([1e-2, 1e-2], requires_grad=True)
    advantages = torch.tensor([1.0, -1.0])
    clipped_policy_loss(new, torch.zeros(2), advantages, torch.ones(2)).backward()
    assert new.grad is not None
    assert new.grad[0] == 0  # better than expected, and likelier already
    assert new.grad[1] > 0  # worse than expected, and likelier: still pushed back


def test_divergence_is_that_of_two_gaussians() -> None:
    mean, reference = torch.randn(2, 3, 4, 2, 2, dtype=torch.float64)
    std = torch.tensor(0.3, dtype=torch.float64)
    for i in range(3):
        one, other = (torch.distributions.Normal(m[i], std) for m in (mean, reference))
        expected = torch.distributions.kl_divergence(one, other).mean()
        torch.testing.assert_close(step_divergence(mean, reference, std)[i], expected)


@given(st.integers(0, 1000), st.floats(0.1, 100))
@settings(deadline=None)
def test_preference_loss_is_equation_14_sample_by_sample(seed: int, beta: float) -> None:
    torch.manual_seed(seed)
    errors = torch.rand(4, 5, dtype=torch.float64)
    expected = 0.0
    for won, lost, won_ref, lost_ref in errors.T.tolist():
        inside = -beta * ((won - won_ref) - (lost - lost_ref))
        expected += math.log1p(math.exp(-inside)) / 5
    assert preference_loss(*errors, beta).item() == pytest.approx(expected)


@given(st.integers(0, 1000), st.floats(0.1, 2))
@settings(deadline=None)
def test_forward_process_loss_is_equation_5_sample_by_sample(seed: int, beta: float) -> None:
    torch.manual_seed(seed)
    new, old, target = torch.randn(3, 4, 2, 3, 3, dtype=torch.float64)
    chance = torch.rand(4, dtype=torch.float64)
    expected = 0.0
    for i in range(4):
        positive = ((1 - beta) * old[i] + beta * new[i] - target[i]).pow(2).mean().item()
        negative = ((1 + beta) * old[i] - beta * new[i] - target[i]).pow(2).mean().item()
        expected += (chance[i].item() * positive + (1 - chance[i].item()) * negative) / 4
    assert forward_process_loss(new, old, target, chance, beta).item() == pytest.approx(expected)


def test_forward_process_loss_leads_to_the_good_and_away_from_the_bad() -> None:
    target, old = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    for chance, sign in ((1.0, -1), (0.0, 1)):
        new = torch.zeros(1, 1, 1, 1, requires_grad=True)
        forward_process_loss(new, old, target, torch.tensor([chance]), 1.0).backward()
        assert new.grad is not None
        assert new.grad.sign().item() == sign
