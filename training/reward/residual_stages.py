"""A small residual network, from scratch, as the stages of the reward's encoder."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


def residual_stages(channels: int, widths: Sequence[int]) -> tuple[nn.Sequential, nn.ModuleList]:
    """Stem and stages for pictures of so many channels, at strides 4, 8, 16 ..."""
    first = widths[0]
    stem = nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, first, 2, stride=2),
    )
    stages = nn.ModuleList([ResidualBlock(first)])
    for shallower, width in pairwise(widths):
        downsample = nn.Conv2d(shallower, width, 2, stride=2)
        blocks = [ResidualBlock(width) for _ in range(1 if width == widths[-1] else 2)]
        stages.append(nn.Sequential(downsample, *blocks))
    return stem, stages


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
