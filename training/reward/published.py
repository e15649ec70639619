"""PrefPaint's published reward (`kd5678/prefpaintReward`) as a RewardModel of ours."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from training.errors import PrefPaintError
from training.reward.appearance import FEATURE_SIZE
from training.reward.calibration import measure_trust, prompt_features
from training.reward.encoders import EncoderConfig
from training.reward.model import RewardModel
from training.reward.network import RewardNetwork
from training.reward.pair_data import Prompt
from training.reward.pickled_weights import read_pickled, read_state_dict
from training.reward.trust import Matrix

MEAN, DEVIATION = 0.4064, 2.3021
"""Of the published rewards, as the published code normalises them for a group of fills."""
ROUNDING = 1e-4
"""Of float32: how far, of its largest entry, V^-1 may be from symmetric; the published one is 6e-6
off."""
PUBLISHED = EncoderConfig(
    kind="clip", image_size=224, resample="bicubic", block_dropout=0.1, head_dropout=0.2
)

_HEAD = {
    r"vit_block\.transformer_encoder\.layers\.0\.(.+)": r"block.\1",
    r"mlp\.layers\.0\.(.+)": r"mlp.0.\1",
    r"mlp\.layers\.[23]\.(.+)": r"mlp.2.\1",  # 3 where an activation stood before the dropout
    r"mlp\.last_layer(?:\.|_)weight": "psi.weight",
}
_UNUSED = r"clip_model\.(?!visual\.).+|vit_block\.encoder_layer\..+"
"""The text tower, and a copy of the block that is never run."""
_VISION = "encoder.vision.vision_model."
_CLIP = {
    r"class_embedding": "embeddings.class_embedding",
    r"positional_embedding": "embeddings.position_embedding.weight",
    r"conv1\.weight": "embeddings.patch_embedding.weight",
    r"ln_pre\.(.+)": r"pre_layrnorm.\1",
    r"ln_post\.(.+)": r"post_layernorm.\1",
    r"transformer\.resblocks\.(\d+)\.ln_([12])\.(.+)": r"encoder.layers.\1.layer_norm\2.\3",
    r"transformer\.resblocks\.(\d+)\.attn\.out_proj\.(.+)": (
        r"encoder.layers.\1.self_attn.out_proj.\2"
    ),
    r"transformer\.resblocks\.(\d+)\.mlp\.c_fc\.(.+)": r"encoder.layers.\1.mlp.fc1.\2",
    r"transformer\.resblocks\.(\d+)\.mlp\.c_proj\.(.+)": r"encoder.layers.\1.mlp.fc2.\2",
}


def convert_published(
    checkpoint: Path,
    v_inverse: Path,
    reference: Sequence[Prompt],
    config: EncoderConfig = PUBLISHED,
) -> RewardModel:
    """Read the published state dict and V^-1 (both with `weights_only`).

    OpenAI CLIP's names become transformers'; the text tower, the unused copy of the block and the
    alias of the last layer are dropped. The bounds of its training data are not published, so
    trust compares with the `reference` prompts, whose pictures are of the encoder's size.

    Raises PrefPaintError that names the file and the first key which is missing, unknown or has
    another shape, and a V^-1 of another size, not symmetric or not positive definite.
    """
    tensors = rename(read_state_dict(checkpoint))
    network = RewardNetwork(config)
    _check(tensors, network, checkpoint)
    network.load_state_dict(tensors)
    network.eval()
    inverse = read_v_inverse(v_inverse)
    photos = len({prompt.photo for prompt in reference})
    return RewardModel(
        network=network,
        mean=MEAN,
        deviation=DEVIATION,
        trust=measure_trust(
            network,
            inverse,
            prompt_features(network, reference),
            reference,
            DEVIATION,
            f"{len(reference)} prompts of {photos} photo(s), not the training data",
        ),
        provenance={
            "converted from": checkpoint.name,
            "labels": "people: PrefPaint's annotators (arXiv 2410.21966); data CC BY-NC 4.0",
            "training prompts": 12_000,
        },
    )


def rename(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published names as RewardNetwork's, in float32; what the reward does not use is left
    out, and what is unknown keeps its name."""
    renamed = {}
    for name, tensor in published.items():
        bare = name.removeprefix("module.")
        if bare.startswith("clip_model.visual."):
            renamed.update(_rename_clip(bare.removeprefix("clip_model.visual."), tensor.float()))
        elif not re.fullmatch(_UNUSED, bare):
            renamed[_rename_with(_HEAD, bare) or bare] = tensor.float()
    return renamed


def read_v_inverse(path: Path) -> Matrix:
    """(256, 256) float64. Raises PrefPaintError unless it is symmetric and positive definite."""
    matrix = read_pickled(path)
    if not isinstance(matrix, Tensor) or tuple(matrix.shape) != (FEATURE_SIZE, FEATURE_SIZE):
        found = tuple(matrix.shape) if isinstance(matrix, Tensor) else type(matrix).__name__
        raise PrefPaintError(f"{path} holds no V^-1 of {FEATURE_SIZE} x {FEATURE_SIZE}: {found}.")
    inverse = np.asarray(matrix.double().numpy(), np.float64)
    symmetric = (inverse + inverse.T) / 2
    if not np.isfinite(symmetric).all() or np.linalg.eigvalsh(symmetric)[0] <= 0:
        raise PrefPaintError(f"The V^-1 in {path} is not positive definite.")
    if np.abs(inverse - symmetric).max() > ROUNDING * np.abs(symmetric).max():
        raise PrefPaintError(f"The V^-1 in {path} is not symmetric.")
    return symmetric


def _rename_clip(name: str, tensor: Tensor) -> dict[str, Tensor]:
    if name == "proj":  # OpenAI multiplies from the right
        return {"encoder.vision.visual_projection.weight": tensor.T.contiguous()}
    if match := re.fullmatch(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)", name):
        attention = f"{_VISION}encoder.layers.{match[1]}.self_attn."
        return {
            f"{attention}{letter}_proj.{match[2]}": part.contiguous()
            for letter, part in zip("qkv", tensor.tensor_split(3), strict=True)
        }
    known = _rename_with(_CLIP, name)
    return {_VISION + known if known else f"clip_model.visual.{name}": tensor}


def _rename_with(patterns: dict[str, str], name: str) -> str | None:
    for pattern, ours in patterns.items():
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    return None


def _check(tensors: dict[str, Tensor], network: RewardNetwork, path: Path) -> None:
    known = network.state_dict()
    for name in tensors:
        if name not in known:
            raise PrefPaintError(f"{path} has another architecture: {name} is unknown.")
    for name, wanted in known.items():
        if name not in tensors:
            raise PrefPaintError(f"{path} is no PrefPaint reward: {name} is missing.")
        if tensors[name].shape != wanted.shape:
            raise PrefPaintError(
                f"{path} has another architecture: {name} is {tuple(tensors[name].shape)} where "
                f"{tuple(wanted.shape)} is wanted."
            )
