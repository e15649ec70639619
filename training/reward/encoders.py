"""Image encoders that the reward network stands on, built from a plain configuration."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection


@dataclass(frozen=True)
class EncoderConfig:
    """kind "small": trained from scratch, sees picture and hole together as four channels.

    kind "clip": CLIP's vision tower with projection, sees the picture alone; `clip` overrides
    the ViT-B/32 defaults of transformers' CLIPVisionConfig.
    """

    kind: Literal["small", "clip"] = "small"
    image_size: int = 192
    widths: tuple[int, ...] = (32, 64, 128, 192)
    embedding_size: int = 256
    clip: dict[str, Any] | None = None


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
                pooled.append(_pool(x, holes))
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


class ClipEncoder(nn.Module):
    """CLIP's vision tower; ViT-B/32 gives embeddings of 512 from pictures of 224 x 224."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        settings = {"hidden_size": 768, "patch_size": 32, "projection_dim": 512}
        clip = CLIPVisionConfig(
            **{**settings, "image_size": config.image_size, **(config.clip or {})}
        )
        self.vision = CLIPVisionModelWithProjection(clip)
        self.embedding_size = clip.projection_dim
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
        deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
        self.mean = nn.Buffer(mean.view(1, 3, 1, 1), persistent=False)
        self.deviation = nn.Buffer(deviation.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:  # noqa: ARG002 - CLIP sees no hole
        """images: (n, 3, s, s) in 0-1; gives (n, embedding)."""
        normalised = (images - self.mean) / self.deviation
        return cast(Tensor, self.vision(pixel_values=normalised).image_embeds)


def build_encoder(config: EncoderConfig) -> SmallEncoder | ClipEncoder:
    """The encoder that a configuration describes, with fresh weights."""
    return SmallEncoder(config) if config.kind == "small" else ClipEncoder(config)


def _pool(x: Tensor, holes: Tensor) -> Tensor:
    """Averages of (n, c, h, w) inside the hole, along its rim and outside: (n, 3 c)."""
    inside = functional.adaptive_avg_pool2d(holes, (x.shape[2], x.shape[3])).to(x.dtype)
    rim = functional.max_pool2d(inside, 3, stride=1, padding=1) * (1 - inside)
    weights = torch.stack([inside, rim, 1 - inside], dim=1).flatten(3)  # (n, 3, 1, h w)
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-4)
    return (x.flatten(2).unsqueeze(1) * weights).sum(dim=-1).flatten(1)
