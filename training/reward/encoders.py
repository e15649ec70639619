"""What describes a reward's encoder, and the one that compares a hole with what lies around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import ConfigDict, Field, PositiveInt, with_config
from torch import Tensor, nn
from torch.nn import functional

from training.reward.lite_stages import LITE_WIDTHS, lite_stages
from training.reward.residual_stages import residual_stages
from training.reward.view import Resample


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class EncoderConfig:
    """kind "small": trained from scratch, sees picture, hole and the jumps at its edge together;
    `widths` are its stages'.

    kind "lite": the same by the stages of EfficientNet-Lite0, which begin with what they learned
    of ImageNet; it has its own widths.

    kind "resnet": picture and hole by a plain ResNet of `widths`, from scratch.

    kind "clip": CLIP's vision tower with projection, sees the picture alone; `clip` overrides
    the ViT-B/32 defaults of transformers' CLIPVisionConfig.

    resample: how pictures are brought to image_size ("bicubic" is CLIP's preprocessing).
    block_dropout, head_dropout: 0.1 and 0.2 in the paper, for regression. Under a ranking loss the
    noise in what two fills share would drown the little in which they differ.
    """

    kind: Literal["small", "lite", "resnet", "clip"] = "small"
    image_size: PositiveInt = 192
    resample: Resample = "area"
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 64, 128, 192)
    embedding_size: PositiveInt = 256
    clip: dict[str, Any] | None = None
    block_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    head_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


MEASURED = 10 * 6
"""What is measured of a picture before anything is learned: six channels in three regions."""


CHANNELS = 10
"""That the stages see: picture, fine detail, hole, jumps at its edge."""


class ComparingEncoder(nn.Module):
    """A convolutional network that compares the hole with its rim and its surroundings after each
    stage, and in the picture itself by its fine detail and the jumps at the hole's edge, of which
    strides leave little.

    A fill gives itself away by unlikeness to what lies around it. With the comparison built in,
    the ranking loss falls in tens of steps; plain averages stand still for hundreds.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        if config.kind == "lite":
            widths: tuple[int, ...] = LITE_WIDTHS
            self.stem, self.stages = lite_stages(CHANNELS)
        else:
            widths = config.widths
            self.stem, self.stages = residual_stages(CHANNELS, widths)
        self.compares_rectified = config.kind == "small"  # a lite stage ends without activation
        compared = 10 * sum(widths)
        self.project = nn.Sequential(
            nn.LayerNorm(compared),
            nn.Linear(compared, config.embedding_size),
            nn.ReLU(),
            nn.Linear(config.embedding_size, config.embedding_size),
        )
        self.project_measured = nn.Sequential(
            nn.LayerNorm(MEASURED),
            nn.Linear(MEASURED, config.embedding_size),
            nn.ReLU(),
            nn.Linear(config.embedding_size, config.embedding_size),
        )
        self.embedding_size = config.embedding_size

    def freeze(self, share: float) -> None:
        """Keep this share of the stages, and the stem below them, as they are."""
        if count := round(share * len(self.stages)):
            for part in (self.stem, *self.stages[:count]):
                part.requires_grad_(False)

    @property
    def parts(self) -> Sequence[nn.Module]:
        """Of its weights the most, in parts that are called as a whole."""
        return list(self.stages)

    def checkpoint_gradients(self) -> None:
        """Not done: the stages are small."""

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        """images: (n, 3, s, s) in 0-1; holes: (n, 1, s, s) of 0 and 1, or one for all; gives
        (n, embedding)."""
        return self.learning(self.frozen(images, holes))

    @property
    def is_kept(self) -> bool:
        """Whether all that `frozen` goes through is as it was."""
        below = (*self.stem.parameters(), *self.stages.parameters())
        return not any(parameter.requires_grad for parameter in below)

    def frozen(self, images: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        """What is measured of pictures and what the stages make of them, for `learning` to go on
        from: (n, MEASURED + 10 sum of the stages' widths)."""
        detail, jumps = _fine_detail(images), _jumps(images, holes)
        with torch.autocast(images.device.type, enabled=False):
            measured = torch.cat([detail.abs(), jumps], dim=1)
            compared = [_compare_regions(measured, holes)]
        every_hole = holes.expand(len(images), -1, -1, -1)
        x = torch.cat([images * 4 - 2, detail, every_hole, jumps], dim=1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for stage in self.stages:
            x = stage(x)
            with torch.autocast(x.device.type, enabled=False):  # bf16 rounds differences away
                seen = functional.relu(x.float()) if self.compares_rectified else x.float()
                compared.append(_compare_regions(seen, holes))
        return torch.cat(compared, dim=1)

    def learning(self, compared: torch.Tensor) -> torch.Tensor:
        """Embeddings (n, embedding)."""
        with torch.autocast(compared.device.type, enabled=False):
            measured, learned = compared.tensor_split([MEASURED], dim=1)
            return cast(Tensor, self.project(learned) + self.project_measured(measured))


def _fine_detail(images: Tensor) -> Tensor:
    """What a pixel has that its neighbours do not, compressed so that the grain of a sky counts
    beside the edge of a roof."""
    blurred = _sums_of_nine(images) / _sums_of_nine(torch.ones_like(images[:1, :1]))
    return asinh((images - blurred) * 255)


def _sums_of_nine(x: Tensor) -> Tensor:
    """Of each pixel and its neighbours, (n, c, h, w) to the same shape: as avg_pool2d would, in a
    sixth of its time on a processor."""
    padded = functional.pad(x, (1, 1, 1, 1))
    rows = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]
    return rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]


def _jumps(images: Tensor, holes: Tensor) -> Tensor:
    """How much the picture changes from known to filled neighbours, summed over them, compressed
    as the fine detail is: (n, 3, s, s), 0 but on both sides of the hole's edge. There a seam or a
    moved texture shows, which convolutions of picture and hole do not find by themselves."""
    across = (images.diff(dim=3) * holes.diff(dim=3)).abs()
    down = (images.diff(dim=2) * holes.diff(dim=2)).abs()
    sides = functional.pad(across, (1, 0)) + functional.pad(across, (0, 1))
    ends = functional.pad(down, (0, 0, 1, 0)) + functional.pad(down, (0, 0, 0, 1))
    return asinh((sides + ends) * 255)


def asinh(x: Tensor) -> Tensor:
    """As torch.asinh within 1e-6, in a fraction of its time on a processor."""
    size = x.abs()
    return (size + (size * size + 1).sqrt()).log().copysign(x)


def region_weights(*regions: Tensor) -> Tensor:
    """k regions (n, 1, h, w) to (n, k, h w) that add up to 1 in each, for means over it."""
    weights = torch.cat(regions, dim=1).flatten(2)
    return weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-4)


def _compare_regions(x: Tensor, holes: Tensor) -> Tensor:
    """(n, c, h, w) to (n, 10 c): mean and log deviation inside the hole, on its rim and outside,
    and how far inside is from outside and from the rim. holes: (n, 1, s, s), or one for all.

    The logarithm, because a texture is too weak or too strong by a factor (Weber's law).
    """
    inside = functional.adaptive_avg_pool2d(holes, (x.shape[2], x.shape[3]))
    rim = functional.max_pool2d(inside, 3, stride=1, padding=1) * (1 - inside)
    weights = region_weights(inside, rim, 1 - inside)
    pixels = x.flatten(2).transpose(1, 2)
    mean = weights @ pixels
    variance = weights @ (pixels * pixels) - mean * mean
    regions = torch.cat([mean, variance.clamp_min(0).add(1e-5).log()], dim=-1)  # (n, 3, 2 c)
    hole, edge, around = regions.unbind(dim=1)
    return torch.cat([hole, edge, around, (hole - around).abs(), (hole - edge).abs()], dim=1)
