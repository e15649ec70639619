"""The reward network, its file, its trust, and how it scores."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.training.photos import hole_at, make_photo
from training.errors import PrefPaintError
from training.inpainting.request import Box
from training.reward import calibration
from training.reward.appearance import FEATURE_SIZE
from training.reward.calibration import JudgedPairs, measure_trust
from training.reward.encoders import EncoderConfig, asinh
from training.reward.ensemble import read_reward
from training.reward.evaluation import FAULT, JUDGED, ORIGINAL
from training.reward.model import RewardModel, load_reward
from training.reward.network import RewardNetwork
from training.reward.score import Score, ranks
from training.reward.scorer import ProcessScorer
from training.reward.trust import (
    Trust,
    calibrated_scale,
    error_bound,
    inverse_covariance,
    quantiles_of,
)
from training.reward.view import view_hole, view_image, white_hole

TINY_CLIP = EncoderConfig(
    kind="clip",
    image_size=32,
    clip={
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "patch_size": 16,
        "projection_dim": 16,
    },
)
TINY_SMALL = EncoderConfig(image_size=64, widths=(8, 16, 16, 16), embedding_size=16)


def tiny_model(config: EncoderConfig) -> RewardModel:
    torch.manual_seed(0)
    network = RewardNetwork(config).eval()
    features = np.random.default_rng(0).normal(size=(500, FEATURE_SIZE)).astype(np.float32)
    v_inverse = inverse_covariance(features)
    quantiles = quantiles_of(error_bound(features, v_inverse))
    return RewardModel(network, 0.1, 2.0, Trust(v_inverse, quantiles, 0.5), {"labels": "random"})


@pytest.mark.parametrize("kind", ["small", "lite", "resnet"])
def test_one_hole_serves_all_pictures(kind: Literal["small", "lite", "resnet"]) -> None:
    torch.manual_seed(0)
    network = RewardNetwork(replace(TINY_SMALL, kind=kind)).eval()
    images, hole = torch.rand(3, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    hole[..., 20:40, 10:30] = 1
    with torch.no_grad():
        one, each = (network.encode(images, holes) for holes in (hole, hole.repeat(3, 1, 1, 1)))
    torch.testing.assert_close(one, each)


@given(st.floats(-1e6, 1e6, width=32))
def test_the_logarithm_compresses_as_asinh(value: float) -> None:
    x = torch.tensor(value)
    torch.testing.assert_close(asinh(x), torch.asinh(x), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("config", [TINY_SMALL, TINY_CLIP], ids=["small", "clip"])
def test_scores_survive_the_file_and_do_not_depend_on_the_batch(
    config: EncoderConfig, tmp_path: Path
) -> None:
    model = tiny_model(config)
    model.save(tmp_path / "reward.safetensors")
    loaded = load_reward(tmp_path / "reward.safetensors")
    assert loaded.provenance == {"labels": "random"}
    photo, hole = make_photo(120, 100, 0), hole_at((120, 100), 40, 30, 30, 40)
    fills = [make_photo(120, 100, seed) for seed in range(1, 4)]
    together = model.score(photo, hole, fills)
    apart = [loaded.score(photo, hole, [fill])[0] for fill in fills]
    for one, other in zip(together, apart, strict=True):
        assert one.reward == pytest.approx(other.reward, abs=1e-4)
        assert one.trust == pytest.approx(other.trust, abs=1e-4)
        np.testing.assert_allclose(one.features, other.features, atol=1e-4)
        assert one.features.shape == (FEATURE_SIZE + 4,)
        assert 0 <= one.trust <= 1


@pytest.mark.parametrize("config", [TINY_SMALL, TINY_CLIP], ids=["small", "clip"])
def test_embeddings_are_what_the_reward_is_judged_from(config: EncoderConfig) -> None:
    model = tiny_model(config)
    photo, hole = make_photo(100, 100, 0), hole_at((100, 100), 30, 30, 20, 20)
    fills = [make_photo(100, 100, seed) for seed in (1, 2)]
    embedded = torch.from_numpy(model.embeddings(hole, fills))
    assert embedded.shape == (2, 16)
    masked = np.where(hole[..., None], np.uint8(255), photo)
    prompt = torch.from_numpy(model.embeddings(hole, [masked])).expand(2, -1)
    with torch.inference_mode():
        rewards = (model.network.judge(embedded, prompt).rewards - 0.1) / 2.0
    expected = [score.reward for score in model.score(photo, hole, fills)]
    np.testing.assert_allclose(rewards, expected, atol=2e-2)  # the white was scaled, not drawn


def test_the_reward_is_linear_in_the_features() -> None:
    model = tiny_model(TINY_SMALL)
    photo, hole = make_photo(100, 100, 0), hole_at((100, 100), 30, 30, 20, 20)
    (score,) = model.score(photo, hole, [make_photo(100, 100, 1)])
    psi = model.network.psi.weight.detach().numpy()[0]
    assert score.reward == pytest.approx(
        (score.features[:FEATURE_SIZE] @ psi - 0.1) / 2.0, abs=1e-5
    )


def test_the_network_has_the_papers_shape_with_clip_vit_b_32() -> None:
    with torch.device("meta"):
        network = RewardNetwork(EncoderConfig(kind="clip", image_size=224))
    assert network.block.linear1.weight.shape == (1024, 1024)
    assert network.block.self_attn.num_heads == 16
    assert network.mlp[0].weight.shape == (512, 1024)
    assert network.mlp[2].weight.shape == (256, 512)
    assert network.psi.weight.shape == (1, 256)
    assert network.psi.bias is None


def test_the_bound_follows_its_equations() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, 6)).astype(np.float32)
    v_inverse = inverse_covariance(features, ridge=0.5)
    v = sum(np.outer(z, z) for z in features.astype(float)) + 0.5 * np.eye(6)
    np.testing.assert_allclose(v_inverse @ v, np.eye(6), atol=1e-9)
    for z, paper, bandit in zip(
        features.astype(float),
        error_bound(features, v_inverse, "paper"),
        error_bound(features, v_inverse, "bandit"),
        strict=True,
    ):
        assert paper == pytest.approx(np.sqrt(sum((z @ v_inverse) ** 2)))
        assert bandit == pytest.approx(np.sqrt(z @ np.linalg.solve(v, z)))


def test_trust_falls_as_the_bound_grows() -> None:
    quantiles = np.linspace(1, 3, 101)
    shares = Trust(np.eye(2), quantiles, 1.0).share(np.array([0.0, 1.0, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(shares, [1, 1, 0.5, 0, 0], atol=1e-9)


def test_the_scorer_answers_from_its_own_process(tmp_path: Path) -> None:
    model = tiny_model(TINY_SMALL)
    model.save(tmp_path / "reward.safetensors")
    photo, hole = make_photo(100, 100, 0), hole_at((100, 100), 30, 30, 20, 20)
    fills = [make_photo(100, 100, seed) for seed in (1, 2)]
    scorer = ProcessScorer(tmp_path / "reward.safetensors")
    try:
        scorer.preload(threading.Event())
        answers = scorer.score(photo, hole, fills, threading.Event())
    finally:
        scorer.close()
    expected = model.score(photo, hole, fills)
    assert [a.reward for a in answers] == pytest.approx([e.reward for e in expected], abs=1e-4)


def damaged(path: Path) -> None:
    tiny_model(TINY_SMALL).save(path)
    path.write_bytes(path.read_bytes()[:-1000])


def foreign(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path)


def incomplete(path: Path) -> None:
    model = tiny_model(TINY_SMALL)
    model.network.psi = torch.nn.Linear(3, 1)
    model.save(path)


def no_number(path: Path) -> None:
    model = tiny_model(TINY_SMALL)
    model.mean = float("nan")
    model.save(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: None, "does not exist"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"not safetensors" * 10), "damaged"),
        (damaged, "damaged"),
        (foreign, "no PrefPaint reward"),
        (incomplete, "does not fit"),
        (no_number, "no finite number"),
    ],
)
def test_a_bad_file_is_named(make, says: str, tmp_path: Path) -> None:
    path = tmp_path / "reward.safetensors"
    make(path)
    with pytest.raises(PrefPaintError, match=says) as caught:
        load_reward(path)
    assert str(path) in str(caught.value)


def test_a_folder_of_rewards_is_an_ensemble(tmp_path: Path) -> None:
    photo, hole = make_photo(120, 100, 0), hole_at((120, 100), 40, 30, 30, 40)
    fills = [make_photo(120, 100, seed) for seed in range(1, 4)]
    with pytest.raises(PrefPaintError, match=r"No \.safetensors"):
        read_reward(tmp_path)
    members = []
    for name, shift in (("a", 0.0), ("b", 1.0)):
        model = replace(tiny_model(TINY_SMALL), mean=shift)
        model.save(tmp_path / f"{name}.safetensors")
        members.append(model.score(photo, hole, fills))
    for one, other, both in zip(
        *members, read_reward(tmp_path).score(photo, hole, fills), strict=True
    ):
        assert both.reward == pytest.approx((one.reward + other.reward) / 2, abs=1e-5)
        apart = abs(one.reward - other.reward) / 2
        assert both.bound == pytest.approx((one.bound + other.bound) / 2 + apart, abs=1e-5)


def test_rewards_nearer_than_their_bounds_are_a_tie() -> None:
    def score(reward: float) -> Score:
        return Score(reward, 0.1, 0.5, np.zeros(256, np.float32))

    chain = [score(reward) for reward in (1.0, 0.9, 0.75, 0.5)]
    assert [rank.words for rank in ranks(chain)] == ["1 ≈ 2", "2 ≈ 1", "3", "4"]
    assert [rank.tied for rank in ranks(chain)] == [(2,), (1,), (), ()]
    assert [rank.tied for rank in ranks([score(1.0)] * 3)] == [(2, 3), (1, 3), (1, 2)]


def test_the_scale_is_the_least_that_keeps_clear_pairs_right() -> None:
    margins = np.array([3.0, 2.0, 1.0, -0.5, 0.4, -0.1])
    bounds = np.ones(6)
    assert calibrated_scale(margins, bounds, wanted=0.75) == pytest.approx(0.4)
    assert calibrated_scale(margins, bounds, wanted=1.0) == pytest.approx(1.0)
    assert calibrated_scale(-np.abs(margins), bounds, wanted=0.75) == pytest.approx(3.0)


@pytest.mark.parametrize(("judged", "scale"), [(100, 0.5), (99, 0.2)])
def test_ties_are_set_by_what_was_judged_where_that_is_enough(
    judged: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (JUDGED,) * judged + (FAULT,) * 100 + (ORIGINAL + "telea",) * 100
    margins = np.concatenate([np.full(judged, 0.5), np.full(100, 0.2), np.full(100, -9.0)])
    pairs = JudgedPairs(names, margins, {"paper": np.ones(len(names))})
    monkeypatch.setattr(calibration, "judge_pairs", lambda *_, **__: pairs)
    network = RewardNetwork(EncoderConfig(image_size=64, widths=(8, 8, 8, 8)))
    features = np.ones((4, 256), np.float32)
    trust = measure_trust(network, np.eye(256), features, [], deviation=1.0)
    assert trust.scale == pytest.approx(scale)


@given(
    st.tuples(st.integers(4, 40), st.integers(4, 40)),
    st.integers(4, 60),
    st.integers(0, 2**32 - 1),
)
def test_what_lies_in_the_hole_tells_nothing_beyond_it(
    shape: tuple[int, int], size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    hole = rng.random(shape) < 0.2
    photo = rng.integers(0, 256, (*shape, 3), np.uint8)
    box = Box(0, 0, *shape)
    known, blank = (view_image(p, box, size) for p in (photo, white_hole(photo, hole)))
    outside = ~view_hole(hole, box, size)
    np.testing.assert_array_equal(known[outside], blank[outside])
