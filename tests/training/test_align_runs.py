"""How an alignment run goes: a reward that learns too, early stop, memory, what is measured."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file

from tests.training.tiny_alignment import (
    CONFIG,
    deceived,
    learned_weights,
    make_policy,
    make_reward,
    read_log,
    sized_prompts,
)
from tests.training.tiny_models import make_pipeline
from training.alignment import run as run_module
from training.alignment.align import align
from training.alignment.config import Method
from training.alignment.measures import alarm, looks
from training.alignment.policy import Policy
from training.alignment.rollouts import Rollout, SizedPrompt, draw_fills, score_fills
from training.alignment.run import first_seed
from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel
from training.reward.ensemble import RewardEnsemble
from training.reward.model import RewardModel


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> list[SizedPrompt]:
    return sized_prompts(tmp_path_factory.mktemp("prompts"))


class Idler:
    """Leaves the reward as it is."""

    digest = "an idler"

    def __call__(self, iteration: int, rollout: Rollout) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


def killed_run(prompts: list[SizedPrompt], out: Path) -> None:
    """In a process of its own, which ends in the middle of the third iteration."""
    run_module.CHECKPOINT_EVERY = 2

    class Killer(Idler):
        def __call__(self, iteration: int, _rollout: Rollout) -> None:
            if iteration == 2:
                os._exit(9)  # as a kill does: nothing is closed, nothing flushed

    align(make_policy(), make_reward(), prompts, CONFIG, out, lambda _: None, refresh=Killer())


def test_a_run_that_was_killed_goes_on_to_the_same_end(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 2)
    child = multiprocessing.get_context("spawn").Process(
        target=killed_run, args=(prompts, tmp_path / "killed")
    )
    child.start()
    child.join(120)
    assert child.exitcode == 9
    assert len(read_log(tmp_path / "killed")) == 2
    weights = []
    for out in ("whole", "killed"):
        policy, words = make_policy(), (make_reward(), prompts, CONFIG, tmp_path / out)
        align(policy, *words, lambda _: None, refresh=Idler())
        weights.append(learned_weights(policy.model))
    assert read_log(tmp_path / "whole") == read_log(tmp_path / "killed")
    assert torch.equal(*weights)


class Teacher:
    """Moves the reward after each iteration by what it saw."""

    digest = "a teacher"

    def __init__(self, reward: RewardModel) -> None:
        self.reward = reward
        self.seen: list[int] = []

    def __call__(self, iteration: int, rollout: Rollout) -> None:
        self.seen.append(iteration)
        self.reward.mean += float(rollout.latents.mean()) + 1

    def state(self) -> dict[str, Any]:
        return {"seen": self.seen, "mean": self.reward.mean}

    def load_state(self, state: dict[str, Any]) -> None:
        self.seen, self.reward.mean = state["seen"], state["mean"]


def test_a_reward_that_is_refreshed_goes_on_where_it_was(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 2)

    def run(out: str, on_progress: Any) -> Teacher:
        reward = make_reward()
        teacher = Teacher(reward)
        align(make_policy(), reward, prompts, CONFIG, tmp_path / out, on_progress, refresh=teacher)
        return teacher

    def pull_the_plug(share: float) -> None:
        if share == 0.75:
            raise KeyboardInterrupt

    whole = run("whole", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        run("cut", pull_the_plug)
    resumed = run("cut", lambda _: None)
    assert whole.seen == resumed.seen == [0, 1, 2, 3]
    assert whole.reward.mean == resumed.reward.mean != 0
    assert read_log(tmp_path / "whole") == read_log(tmp_path / "cut")


@pytest.mark.parametrize("refreshed", [(False, True), (True, False)])
def test_a_run_goes_on_with_the_refresh_that_it_began_with(
    tmp_path: Path, prompts: list[SizedPrompt], refreshed: tuple[bool, bool]
) -> None:
    def run(is_refreshed: bool, digest: str = "one") -> None:
        reward = make_reward()
        teacher = Teacher(reward)
        teacher.digest = digest
        refresh = teacher if is_refreshed else None
        config = replace(CONFIG, iterations=1)
        align(make_policy(), reward, prompts, config, tmp_path, lambda _: None, refresh=refresh)

    begun, resumed = refreshed
    run(begun)
    for is_refreshed, digest in ((resumed, "one"), (True, "other")):
        with pytest.raises(PrefPaintError, match=r"other settings \(refresh\)"):
            run(is_refreshed, digest)
    run(begun)


def test_alarms_may_change_when_a_run_goes_on(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 1)

    def run(iterations: int, **changes: Any) -> None:
        config = replace(CONFIG, iterations=iterations, **changes)
        reward, known = deceived()
        align(make_policy(), reward, list(map(known, prompts)), config, tmp_path, lambda _: None)

    run(1, alarms=False)
    with pytest.raises(PrefPaintError, match="is being deceived"):
        run(3)
    run(3, alarms=False)
    assert all(line["margin"] > 900 for line in read_log(tmp_path))
    assert all("brightness" in line for line in read_log(tmp_path))
    assert len(read_log(tmp_path)) == 3


@pytest.mark.parametrize("method", ["paper", "nft"])
def test_no_two_iterations_share_noise_be_it_of_runs_with_neighbouring_seeds(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    noises, seeds = [], []
    score, forward = run_module.score_fills, run_module.forward_updates

    def watched(*words: Any) -> Rollout:
        made = score(*words)
        noises.extend(noise.numpy().tobytes() for noise in made.start.noise)
        return made

    def watched_updates(policy: Any, rollout: Any, config: Any, seed: int, whole: Any) -> Any:
        seeds.append(seed)
        return forward(policy, rollout, config, seed, whole)

    monkeypatch.setattr(run_module, "score_fills", watched)
    monkeypatch.setattr(run_module, "forward_updates", watched_updates)
    for seed in range(3):
        config = replace(CONFIG, method=method, iterations=3, seed=seed)
        out = tmp_path / str(seed)
        align(make_policy(), make_reward(), prompts, config, out, lambda _: None)
    assert len(set(noises)) == len(noises) == 3 * 3 * CONFIG.prompts * CONFIG.samples
    assert len(set(seeds)) == len(seeds) == (9 if method == "nft" else 0)


def test_seeds_of_long_runs_are_apart_for_torchs_generator() -> None:
    """It tells 2^32 apart."""
    config = replace(CONFIG, iterations=5000, prompts=16, samples=4)
    each = config.prompts * config.samples + 1
    firsts = [
        first_seed(replace(config, seed=seed), iteration)
        for seed in range(4)
        for iteration in range(config.iterations)
    ]
    taken = (np.array(firsts)[:, None] + np.arange(each)) % 2**32
    assert len(np.unique(taken)) == taken.size


def test_the_paper_learns_from_steps_that_draw_noise_alone(
    tmp_path: Path, prompts: list[SizedPrompt]
) -> None:
    """With a noise schedule that ends without noise the last step has no likelihood."""

    def clean_policy() -> Policy:
        pipeline = make_pipeline()
        config = pipeline.scheduler.config
        pipeline.scheduler = DDIMScheduler.from_config(config, set_alpha_to_one=True)
        model = DiffusionModel(pipeline, torch.device("cpu"), torch.float32)
        return Policy(model, "lora", CONFIG.rank, 0)

    config = replace(CONFIG, updated_steps=CONFIG.steps)
    align(clean_policy(), make_reward(), prompts, config, tmp_path / "out", lambda _: None)
    for line in read_log(tmp_path / "out"):
        assert np.isfinite(list(line.values())).all()
    config = replace(config, steps=1)
    with pytest.raises(PrefPaintError, match="Raise --steps"):
        align(clean_policy(), make_reward(), prompts, config, tmp_path / "one", lambda _: None)
    assert not (tmp_path / "one").exists()


def test_a_run_that_no_longer_improves_ends_with_what_was_best(
    tmp_path: Path, prompts: list[SizedPrompt]
) -> None:
    reward, policy, weights = make_reward(), make_policy(), []

    def watch(_share: float) -> None:
        weights.append(learned_weights(policy.model))

    config = replace(CONFIG, iterations=8)
    align(policy, reward, prompts, config, tmp_path / "whole", watch)
    rewards = [line["reward"] for line in read_log(tmp_path / "whole")]
    worse = next(i for i in range(1, 8) if rewards[i] <= rewards[i - 1])
    config = replace(config, patience=1)
    shares: list[float] = []
    for _ in range(2):  # the second time there is nothing left to do
        policy = make_policy()
        align(policy, reward, prompts, config, tmp_path / "early", shares.append)
        assert len(read_log(tmp_path / "early")) == worse + 1
        assert torch.equal(learned_weights(policy.model), weights[worse - 1])
    assert shares[-1] == 1
    assert len(shares) == worse + 1


def test_gradient_checkpointing_changes_nothing_and_may_be_turned_on_midway(
    tmp_path: Path, prompts: list[SizedPrompt]
) -> None:
    saving = replace(CONFIG, gradient_checkpointing=True)
    made, computed = [], []
    for number, settings in enumerate(
        ([CONFIG], [saving], [replace(CONFIG, iterations=2), saving])
    ):
        for config in settings:
            policy, calls = make_policy(), []
            policy.unet.down_blocks[0].resnets[0].register_forward_pre_hook(
                lambda *_, to=calls: to.append(1)
            )
            out = tmp_path / str(number)
            file = align(policy, make_reward(), prompts, config, out, lambda _: None)
        computed.append(len(calls))
        made.append(torch.cat([v.flatten() for _, v in sorted(load_file(file).items())]))
    assert computed[1] == computed[0] + CONFIG.iterations * CONFIG.updated_steps
    for other in made[1:]:
        torch.testing.assert_close(made[0], other)


def test_a_run_tells_of_itself(tmp_path: Path, prompts: list[SizedPrompt]) -> None:
    align(make_policy(), make_reward(), prompts, CONFIG, tmp_path, lambda _: None)
    names = {"reward", "deviation", "bound", "ratio", "clipped", "divergence", "loss"}
    names |= {"brightness", "contrast", "diversity", "gamma", "unet_calls"}
    log = read_log(tmp_path)
    assert [line["iteration"] for line in log] == [0, 1, 2, 3]
    assert all(set(line) == {"iteration", *names} for line in log)
    sampled, learned = 4 * CONFIG.steps, 4 * CONFIG.updated_steps
    assert {line["unet_calls"] for line in log} == {sampled + 2 * learned}
    assert log[0]["divergence"] == 0 < log[-1]["divergence"]
    (events,) = tmp_path.glob("events.out.tfevents.*")
    assert all(name.encode() in events.read_bytes() for name in (*names, "seconds"))


def test_steps_of_the_optimiser_take_so_many_updates(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: steps.append(1) or step(self))
    for accumulation, expected in ((1, 3), (2, 2), (3, 1), (9, 1)):
        steps.clear()
        config = replace(CONFIG, accumulation=accumulation, iterations=1)
        out = tmp_path / str(accumulation)
        align(make_policy(), make_reward(), prompts, config, out, lambda _: None)
        assert len(steps) == expected


def test_too_little_memory_is_said_with_what_to_change(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object, **_more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(run_module, "score_fills", full)
    with pytest.raises(PrefPaintError) as said:
        align(make_policy(), make_reward(), prompts, CONFIG, tmp_path, lambda _: None)
    for knob in ("--prompts-each", "--samples", "--gradient-checkpointing", "--trained lora"):
        assert knob in str(said.value)


def test_weights_that_would_be_no_numbers_are_never_taken(
    tmp_path: Path, prompts: list[SizedPrompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = make_policy()
    before = learned_weights(policy.model)
    loss = "training.alignment.updates.clipped_policy_loss"
    monkeypatch.setattr(loss, lambda now, *_: (now * float("nan")).mean())
    with pytest.raises(PrefPaintError, match="Lower --learning-rate"):
        align(policy, make_reward(), prompts, CONFIG, tmp_path, lambda _: None)
    assert torch.equal(learned_weights(policy.model), before)


def test_several_rewards_count_by_their_mean(tmp_path: Path, prompts: list[SizedPrompt]) -> None:
    several = RewardEnsemble((make_reward(0), make_reward(1)))
    model = make_policy().model
    one, other, both = (
        score_fills(draw_fills(model, prompts[:1], 2, 3, steps=2, eta=0.0), reward)
        for reward in (*several.members, several)
    )
    torch.testing.assert_close(both.rewards, (one.rewards + other.rewards) / 2)
    apart = (one.rewards - other.rewards).abs() / 2
    torch.testing.assert_close(both.bounds, (one.bounds + other.bounds) / 2 + apart)
    align(make_policy(), several, prompts, CONFIG, tmp_path, lambda _: None)


def test_looks_are_of_the_hole_and_against_what_is_known(prompts: list[SizedPrompt]) -> None:
    fills = draw_fills(make_policy().model, prompts[:2], 2, 0, steps=2, eta=0.0)
    for number, (picture, hole) in enumerate(zip(fills.pictures, fills.holes, strict=True)):
        picture[~hole] = np.arange(3 * (~hole).sum()).reshape(-1, 3) % 100
        picture[hole] = 51 * number
    rows = looks(fills)
    known = fills.pictures[0][~fills.holes[0]] / 255
    assert rows[0]["brightness"] == pytest.approx(-known.mean())
    assert rows[0]["contrast"] == 0
    assert [row["diversity"] for row in rows] == pytest.approx([0.2] * 4)
    (alone,) = looks(draw_fills(make_policy().model, prompts[:1], 1, 0, steps=2, eta=0.0))
    assert "diversity" not in alone


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"brightness": -0.2}, "brightness"),
        ({"contrast": 0.5}, "contrast"),
        ({"diversity": 0.02}, "alike"),
        ({"margin": 0.1}, "deceived"),
    ],
)
def test_a_collapse_is_told_by_its_kind(changes: dict[str, float], says: str | None) -> None:
    first = {"brightness": 0.0, "contrast": 1.0, "diversity": 0.1}
    why = alarm({**first, "margin": -0.5, **changes}, first, CONFIG)
    assert (why is None) if says is None else says in why
