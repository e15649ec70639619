"""The published checkpoint's layout, converted, scores as its architecture says."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.photos import write_photos
from tests.training.published_reward import CONFIG, SIZE, published_state, reference_forward
from training.errors import PrefPaintError
from training.inpainting.process_pool import ProcessPool
from training.prompts.photos import find_photos
from training.reward.appearance import FEATURE_SIZE
from training.reward.model import load_reward
from training.reward.pair_data import PromptPictures, load_prompts
from training.reward.pairs import make_pairs
from training.reward.published import convert_published
from training.reward.view import white_hole

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[PromptPictures]:
    import threading

    folder = tmp_path_factory.mktemp("reference")
    write_photos(folder / "photos", count=2)
    photos, pool = find_photos([folder / "photos"]), ProcessPool(1)
    make_pairs(photos, None, 3, 0, "repair", folder, pool, lambda _: None, threading.Event())
    pool.close()
    return load_prompts(folder, SIZE)


@pytest.fixture
def v_inverse(tmp_path: Path) -> Path:
    features = torch.randn(400, 256, generator=torch.Generator().manual_seed(1))
    matrix = torch.linalg.inv(features.T @ features + 0.01 * torch.eye(256))
    return save(tmp_path / "V_inverse.pt", matrix)


def save(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize(("prefix", "second"), [("module.", 2), ("", 3)])
def test_features_and_scores_are_those_of_the_published_architecture(
    prefix: str,
    second: int,
    reference: list[PromptPictures],
    v_inverse: Path,
    tmp_path: Path,
) -> None:
    state = published_state(prefix, second)
    checkpoint = save(tmp_path / "prefpaintReward.pt", state)
    convert_published(checkpoint, v_inverse, reference, CONFIG).save(tmp_path / "out.safetensors")
    model = load_reward(tmp_path / "out.safetensors")
    assert "annotators" in model.provenance["labels"]
    assert "not the training data" in model.trust.reference
    prompt = reference[0]
    scores = model.score(prompt.pictures[0], prompt.hole, list(prompt.pictures))

    def normalised(pictures: np.ndarray) -> Tensor:
        return (torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - MEAN) / DEVIATION

    masked = white_hole(prompt.pictures[0], prompt.hole)[None]
    z, raw = reference_forward(state, normalised(prompt.pictures), normalised(masked))
    features = np.stack([score.features[:FEATURE_SIZE] for score in scores])
    np.testing.assert_allclose(features, z.numpy(), atol=1e-4)
    rewards = [score.reward * 2.3021 + 0.4064 for score in scores]
    np.testing.assert_allclose(rewards, raw.numpy(), atol=1e-4)


def _without(name: str) -> Callable[[dict[str, Tensor]], object]:
    return lambda state: {key: value for key, value in state.items() if not key.endswith(name)}


def _with(name: str) -> Callable[[dict[str, Tensor]], object]:
    return lambda state: {**state, name: torch.zeros(8)}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without("visual.proj"), "visual_projection.weight is missing"),
        (lambda state: {**state, "mlp.layers.0.weight": torch.zeros(8, 8)}, "another architecture"),
        (lambda state: list(state), "no state dict"),
        (_with("vit_block.transformer_encoder.layers.1.norm1.weight"), "layers.1.norm1"),
        (_with("mlp.layers.4.weight"), "mlp.layers.4.weight"),
        (_with("clip_model.visual.transformer.resblocks.2.ln_1.bias"), "layers.2.layer_norm1"),
    ],
)
def test_another_checkpoint_is_named_with_its_key(
    spoil: Callable[[dict[str, Tensor]], object],
    says: str,
    reference: list[PromptPictures],
    v_inverse: Path,
    tmp_path: Path,
) -> None:
    checkpoint = save(tmp_path / "other.pt", spoil(published_state("")))
    with pytest.raises(PrefPaintError, match=says) as caught:
        convert_published(checkpoint, v_inverse, reference, CONFIG)
    assert "other.pt" in str(caught.value)


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (torch.eye(8), "256 x 256"),
        (torch.eye(256) + torch.triu(torch.full((256, 256), 1e-3), 1), "not symmetric"),
        (-torch.eye(256), "not positive definite"),
        (torch.full((256, 256), float("nan")), "not positive definite"),
    ],
)
def test_a_wrong_v_inverse_is_named(
    matrix: Tensor, says: str, reference: list[PromptPictures], tmp_path: Path
) -> None:
    checkpoint = save(tmp_path / "reward.pt", published_state())
    with pytest.raises(PrefPaintError, match=says) as caught:
        convert_published(checkpoint, save(tmp_path / "V.pt", matrix), reference, CONFIG)
    assert "V.pt" in str(caught.value)


def test_nothing_is_unpickled(
    reference: list[PromptPictures], v_inverse: Path, tmp_path: Path
) -> None:
    trap, sprung = tmp_path / "trap.pt", tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (sprung,))

    trap.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(PrefPaintError, match=r"trap\.pt"):
        convert_published(trap, v_inverse, reference, CONFIG)
    assert not sprung.exists()
