"""Alignment from end to end on models of a few thousand weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
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
from tests.training.tiny_models import make_pipeline, save_pipeline
from training.alignment import run as run_module
from training.alignment.align import align
from training.alignment.config import Method, Trained
from training.alignment.policy import Policy
from training.alignment.rollouts import Fills, Rollout, SizedPrompt, draw_fills, score_fills
from training.errors import PrefPaintError
from training.inpainting.diffusion.loading import load_inpainter, load_model
from training.inpainting.diffusion.model import DiffusionModel, EncodedPhoto
from training.inpainting.request import Mask, Pixels
from training.pretraining.networks import make_autoencoder, make_unet
from training.pretraining.networks import make_pipeline as make_pretrained
from training.pretraining.presets import PRESETS
from training.reward.model import RewardModel


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> list[SizedPrompt]:
    return sized_prompts(tmp_path_factory.mktemp("prompts"))


@pytest.fixture(scope="module")
def reward() -> RewardModel:
    return make_reward()


@pytest.mark.parametrize("method", ["paper", "nft"])
@pytest.mark.parametrize("trained", ["lora", "full"])
def test_what_it_makes_is_loaded_by_the_app_and_fills_otherwise(
    tmp_path: Path,
    prompts: list[SizedPrompt],
    reward: RewardModel,
    method: Method,
    trained: Trained,
) -> None:
    policy = make_policy(trained)
    config = replace(CONFIG, method=method, trained=trained)
    before = draw_fills(policy.model, prompts[:1], 1, 5, steps=4, eta=0.0).latents
    made = align(policy, reward, prompts, config, tmp_path / "out", lambda _: None)
    after = draw_fills(policy.model, prompts[:1], 1, 5, steps=4, eta=0.0).latents
    assert not torch.equal(before, after)
    assert list((tmp_path / "out" / "sheets").glob("*.png"))
    base = save_pipeline(tmp_path / "base")
    path, loras = (made, []) if trained == "full" else (base, [made])
    loaded = load_inpainter(path, "aligned", device="cpu", loras=loras)
    again = draw_fills(loaded._model, prompts[:1], 1, 5, steps=4, eta=0.0).latents
    torch.testing.assert_close(again, after, atol=1e-4, rtol=1e-4)


def test_a_lora_of_a_pretrained_pipeline_is_loaded_whole(tmp_path: Path) -> None:
    """Its UNet has attention outside of transformers, whose weights diffusers' own names lose."""
    preset = replace(PRESETS["nano"], unet_widths=(16, 32), attention=(False, True))
    pipeline = make_pretrained(make_autoencoder(preset), make_unet(preset))
    pipeline.save_pretrained(tmp_path / "pipeline")
    policy = Policy(load_model(tmp_path / "pipeline", "cpu"), "lora", 2, 0)
    with torch.no_grad():
        for parameter in policy.parameters:
            parameter.add_(torch.randn_like(parameter) / 10)
    made = policy.save(tmp_path)
    loaded = load_inpainter(tmp_path / "pipeline", "aligned", device="cpu", loras=(made,))
    noisy, time = torch.randn(1, policy.unet.config.in_channels, 16, 16), torch.tensor([500])
    text = torch.zeros(1, 1, policy.unet.config.cross_attention_dim)
    with torch.no_grad():
        ours = policy.unet(noisy, time, text).sample
        theirs = loaded._model.unet(noisy, time, text).sample
        with policy.as_it_began() as original:
            before = original(noisy, time, text).sample
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert (before - ours).abs().max() > 0.01


@pytest.mark.parametrize("method", ["paper", "nft"])
def test_a_killed_run_goes_on_to_the_same_end(
    tmp_path: Path,
    prompts: list[SizedPrompt],
    reward: RewardModel,
    monkeypatch: pytest.MonkeyPatch,
    method: Method,
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 2)
    config = replace(CONFIG, method=method, ema_decay=0.5)
    whole = make_policy()
    align(whole, reward, prompts, config, tmp_path / "whole", lambda _: None)

    def pull_the_plug(share: float) -> None:
        if share == 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        align(make_policy(), reward, prompts, config, tmp_path / "cut", pull_the_plug)
    resumed = make_policy()
    align(resumed, reward, prompts, config, tmp_path / "cut", lambda _: None)
    assert read_log(tmp_path / "whole") == read_log(tmp_path / "cut")
    for name, value in whole.state().items():
        assert torch.equal(value, resumed.state()[name])


def test_the_paper_method_makes_what_was_rewarded_likelier(
    prompts: list[SizedPrompt], reward: RewardModel
) -> None:
    """With one prompt and the same noise over again, the better of two fills becomes likelier."""
    from training.alignment.updates import policy_updates

    policy = make_policy()
    rollout = score_fills(
        draw_fills(policy.model, prompts[:1], 2, 0, steps=4, eta=1.0, wanted=frozenset({1})),
        reward,
    )
    config = replace(CONFIG, divergence=0.0, amplification="none", clip=1.0)
    optimiser = torch.optim.SGD(policy.parameters, lr=1e-2)
    (update,) = policy_updates(policy, rollout, config)
    update.loss.backward()
    optimiser.step()
    (after,) = policy_updates(policy, rollout, config)
    assert after.loss < update.loss


def test_guided_steps_are_as_likely_when_they_are_learned_from_as_when_they_were_taken(
    tmp_path: Path, prompts: list[SizedPrompt], reward: RewardModel
) -> None:
    """And guidance costs each pass a second one."""
    calls, fills = {}, {}
    for guidance in (1.0, 4.0):
        policy, out = make_policy(), tmp_path / str(guidance)
        config = replace(CONFIG, iterations=1, divergence=0.0, text="a lake", guidance=guidance)
        align(policy, reward, prompts, replace(config, learning_rate=0.0), out, lambda _: None)
        (line,) = read_log(out)
        assert line["ratio"] == pytest.approx(1, abs=1e-6)
        calls[guidance], fills[guidance] = line["unet_calls"], line["reward"]
    samples = CONFIG.prompts * CONFIG.samples
    kl = samples  # of an iteration's first update
    assert calls[1.0] == samples * (CONFIG.steps + CONFIG.updated_steps) + kl
    assert calls[4.0] == 2 * calls[1.0]
    assert fills[1.0] != fills[4.0]


def test_nft_samples_with_an_average_and_learns_against_it(
    tmp_path: Path, prompts: list[SizedPrompt], reward: RewardModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each iteration: average <- eta average + (1 - eta) learned, eta = min(0.001 i, 0.5)."""
    sampled, learned = [], []
    score = run_module.score_fills

    def watched(fills: Fills, reward: RewardModel) -> Rollout:
        sampled.append(learned_weights(policy.model))
        return score(fills, reward)

    monkeypatch.setattr(run_module, "score_fills", watched)
    monkeypatch.setattr(run_module, "sampling_keep", lambda i: 0.25 * i)
    policy = make_policy()
    config = replace(CONFIG, method="nft", iterations=3, divergence=0.0, sampler="dpm++")
    align(
        policy,
        reward,
        prompts,
        config,
        tmp_path,
        lambda _: learned.append(learned_weights(policy.model)),
    )
    expected = sampled[0]
    for iteration in range(2):
        keep = 0.25 * iteration
        expected = keep * expected + (1 - keep) * learned[iteration]
        torch.testing.assert_close(sampled[iteration + 1], expected)
    assert not torch.equal(learned[1], expected)


def test_a_moving_average_is_what_is_kept(
    tmp_path: Path, prompts: list[SizedPrompt], reward: RewardModel
) -> None:
    policy, learned = make_policy(), []
    expected = learned_weights(policy.model)
    config = replace(CONFIG, iterations=3, ema_decay=0.15)
    made = align(
        policy,
        reward,
        prompts,
        config,
        tmp_path,
        lambda _: learned.append(learned_weights(policy.model)),
    )
    for iteration, weights in enumerate(learned):
        keep = min(0.15, (1 + iteration) / (10 + iteration))
        expected = keep * expected + (1 - keep) * weights
    kept = torch.cat([value.flatten() for _, value in sorted(load_file(made).items())])
    torch.testing.assert_close(kept.norm(), expected.norm())
    torch.testing.assert_close(learned_weights(policy.model), learned[-1])


def test_each_prompt_is_encoded_once(
    tmp_path: Path, prompts: list[SizedPrompt], reward: RewardModel
) -> None:
    policy = make_policy()
    encode, seen = policy.model.encode_photo, []

    def counted(masked: Pixels, hole: Mask) -> EncodedPhoto:
        seen.append(masked)
        return encode(masked, hole)

    policy.model.encode_photo = counted
    align(policy, reward, prompts, CONFIG, tmp_path, lambda _: None)
    assert len(seen) == len(prompts)


def test_fills_rewarded_above_their_originals_stop_the_run(
    tmp_path: Path, prompts: list[SizedPrompt]
) -> None:
    reward, known = deceived()
    with pytest.raises(PrefPaintError, match="is being deceived"):
        align(make_policy(), reward, list(map(known, prompts)), CONFIG, tmp_path, lambda _: None)
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"0000.png", "0001.png"}
    assert not (tmp_path / "pytorch_lora_weights.safetensors").exists()


def test_bad_input_is_said_before_anything_is_overwritten(
    tmp_path: Path, prompts: list[SizedPrompt], reward: RewardModel
) -> None:
    plain = DiffusionModel(make_pipeline("sd-plain"), torch.device("cpu"), torch.float32)
    with pytest.raises(PrefPaintError, match="no inpainting model"):
        Policy(plain, "lora", 4, 0)
    with pytest.raises(PrefPaintError, match="there are 3"):
        align(make_policy(), reward, prompts, replace(CONFIG, prompts=9), tmp_path, lambda _: None)
    broken = replace(reward, deviation=float("nan"))
    with pytest.raises(PrefPaintError, match="no numbers"):
        align(make_policy(), broken, prompts, CONFIG, tmp_path / "nan", lambda _: None)
    align(make_policy(), reward, prompts, CONFIG, tmp_path / "run", lambda _: None)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    other = replace(CONFIG, clip=0.5)
    with pytest.raises(PrefPaintError, match="other settings"):
        align(make_policy(), reward, prompts, other, tmp_path / "run", lambda _: None)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before
