"""The reward network of PrefPaint (arXiv 2410.21966, section 3.1): R(x) = <F(x), psi>."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, cat, nn

from training.reward.appearance import FEATURE_SIZE
from training.reward.encoders import ComparingEncoder, EncoderConfig

if TYPE_CHECKING:
    from training.reward.clip_encoder import ClipEncoder
    from training.reward.resnet_encoder import ResNetEncoder


@dataclass(frozen=True)
class RewardOutput:
    """features: (n, 256), the paper's z. rewards: (n,), z . psi, not normalised."""

    features: Tensor
    rewards: Tensor


class RewardNetwork(nn.Module):
    """Embeddings of the fill and of the photo with its hole in white, side by side, through one
    transformer layer over a sequence of length one and a linear head.

    With CLIP ViT-B/32 the sizes are the paper's: 512 + 512 = 1024 wide, 16 heads.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _build_encoder(config)
        width = 2 * self.encoder.embedding_size
        self.block = nn.TransformerEncoderLayer(
            width,
            nhead=16,
            dim_feedforward=width,
            dropout=config.block_dropout,
            batch_first=True,
        )
        self.mlp = nn.Sequential(
            nn.Linear(width, 512), nn.Dropout(config.head_dropout), nn.Linear(512, FEATURE_SIZE)
        )
        self.psi = nn.Linear(FEATURE_SIZE, 1, bias=False)

    def freeze(self, share: float) -> None:
        """Keep this share of the encoder's layers as they are (0.7 in the paper)."""
        self.encoder.freeze(share)

    def forward(self, images: Tensor, holes: Tensor, sizes: Sequence[int]) -> RewardOutput:
        """Of the fills of several prompts, one prompt after the other.

        images: (n, 3, s, s) in 0-1, of each prompt its fills and then the photo with the hole in
        white. holes: (n, 1, s, s) of 0 and 1, or one for all. sizes: how many fills each has.
        """
        return self.judge_groups(self.encode(images, holes), sizes)

    def judge_groups(self, embeddings: Tensor, sizes: Sequence[int]) -> RewardOutput:
        """As `forward`, from the embeddings of its images; in fp32, for two fills differ by less
        than bf16 can tell."""
        fills, prompts = [], []
        for part in embeddings.float().split([size + 1 for size in sizes]):
            fills.append(part[:-1])
            prompts.append(part[-1:].expand(len(part) - 1, -1))
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.judge(cat(fills), cat(prompts))

    def encode(self, images: Tensor, holes: Tensor) -> Tensor:
        """images: (n, 3, s, s) in 0-1; holes: (n, 1, s, s) of 0 and 1, or one for all; gives
        (n, embedding)."""
        return cast(Tensor, self.encoder(images, holes))

    @torch.no_grad()  # what a split network computes in inference mode could not learn again
    def judge_pictures(
        self,
        masked: npt.NDArray[np.uint8],
        pictures: npt.NDArray[np.uint8],
        hole: npt.NDArray[np.bool_],
    ) -> RewardOutput:
        """Pictures (k, s, s, 3) of one prompt, whose photo with the hole in white is `masked`
        (s, s, 3) and is encoded once; hole: (s, s). The output lies on the processor."""
        device = self.psi.weight.device
        images = to_images(np.concatenate([pictures, masked[None]])).to(device)
        holes = torch.from_numpy(hole).float().to(device).expand(1, 1, -1, -1)
        output = self(images, holes, [len(pictures)])
        return RewardOutput(output.features.cpu(), output.rewards.cpu())

    @torch.inference_mode()
    def embed(
        self, pictures: npt.NDArray[np.uint8], hole: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """Embeddings of pictures (k, s, s, 3) with one hole (s, s): (k, embedding)."""
        device = self.psi.weight.device
        holes = torch.from_numpy(hole).float().to(device).expand(1, 1, -1, -1)
        embedded = self.encode(to_images(pictures).to(device), holes)
        return np.asarray(embedded.float().cpu().numpy(), np.float32)

    def judge(self, fills: Tensor, prompts: Tensor) -> RewardOutput:
        """Embeddings of fills and of the prompts they fill, both (n, embedding)."""
        sequence = cat([fills, prompts], dim=1).unsqueeze(1)
        features = self.mlp(self.block(sequence).squeeze(1))
        # not squeezed: what is split may not give away a view
        return RewardOutput(features, self.psi(features).sum(dim=1))


def to_images(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """(n, s, s, 3) to (n, 3, s, s) in 0-1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def _build_encoder(config: EncoderConfig) -> "ComparingEncoder | ResNetEncoder | ClipEncoder":
    if config.kind in ("small", "lite"):
        return ComparingEncoder(config)
    if config.kind == "resnet":
        from training.reward.resnet_encoder import ResNetEncoder

        return ResNetEncoder(config)
    from training.reward.clip_encoder import ClipEncoder  # transformers takes seconds to import

    return ClipEncoder(config)
