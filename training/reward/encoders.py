"""Image encoders that the reward network stands on, built from a plain configuration."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from training.reward.clip_encoder import ClipEncoder


@dataclass(frozen=True)
class EncoderConfig:
    """kind "small": trained from scratch, sees picture and hole together as four channels.

    kind "clip": CLIP's vision tower with projection, sees the picture alone; `clip` overrides
    the ViT-B/32 defaults of transformers' CLIPVisionConfig.

    block_dropout, head_dropout: 0.1 and 0.2 in the paper, for regression. Under a ranking loss the
    noise in what two fills share would drown the little in which they differ.
    """

    kind: Literal["small", "clip"] = "small"
    image_size: int = 192
    widths: tuple[int, ...] = (32, 64, 128, 192)
    embedding_size: int = 256
    clip: dict[str, Any] | None = None
    block_dropout: float = 0.0
    head_dropout: float = 0.0


class SmallEncoder(nn.Module):
    """A residual network with strides 4, 8, 16 and 32, averaged in, along and around the hole.

    Where the hole is told apart from its rim and its surroundings, a small network sees a seam or
    a foreign texture that a plain average would dilute.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        first, *deeper = config.widths
        self.stem = nn.Conv2d(4, first, 4, stride=4)
        self.stages = nn.ModuleList([ResidualBlock(first)])
        for shallower, width in zip(config.widths, deeper, strict=False):
            downsample = nn.Conv2d(shallower, width, 2, stride=2)
            blocks = [ResidualBlock(width) for _ in range(1 if width == deeper[-1] else 2)]
            self.stages.append(nn.Sequential(downsample, *blocks))
        self.project = nn.Linear(3 * sum(deeper), config.embedding_size)
        self.embedding_size = config.embedding_size

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        """images: (n, 3, s, s) in 0-1; holes: (n, 1, s, s) of 0 and 1; gives (n, embedding)."""
        x = torch.cat([images * 4 - 2, holes], dim=1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        pooled = []
        for depth, stage in enumerate(self.stages):
            x = stage(x)
            if depth > 0:
                pooled.append(_pool(x.float(), holes))
        with torch.autocast(x.device.type, enabled=False):  # bf16 would round the difference away
            return cast(Tensor, self.project(torch.cat(pooled, dim=1)))


class ResidualBlock(nn.Module):
    """Group norm, two 3 x 3 convolutions, identity shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) to the same shape."""
        inner = self.first(functional.relu(self.norm(x)))
        return x + cast(Tensor, self.second(functional.relu(inner)))


def build_encoder(config: EncoderConfig) -> "SmallEncoder | ClipEncoder":
    """The encoder that a configuration describes, with fresh weights."""
    if config.kind == "small":
        return SmallEncoder(config)
    from training.reward.clip_encoder import ClipEncoder  # transformers takes seconds to import

    return ClipEncoder(config)


def _pool(x: Tensor, holes: Tensor) -> Tensor:
    """Averages of (n, c, h, w) inside the hole, along its rim and outside: (n, 3 c)."""
    inside = functional.adaptive_avg_pool2d(holes, (x.shape[2], x.shape[3]))
    rim = functional.max_pool2d(inside, 3, stride=1, padding=1) * (1 - inside)
    weights = torch.stack([inside, rim, 1 - inside], dim=1).flatten(3)  # (n, 3, 1, h w)
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-4)
    return (x.flatten(2).unsqueeze(1) * weights).sum(dim=-1).flatten(1)
