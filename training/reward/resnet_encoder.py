"""A plain ResNet as the reward's image encoder."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ResNetConfig, ResNetModel

from training.reward.encoders import EncoderConfig, region_weights


class ResNetEncoder(nn.Module):
    """A ResNet (arXiv 1512.03385) from scratch; it sees picture and hole as four channels.

    Every stage is averaged inside the hole and outside, side by side. Batch norm, other widths and
    no comparison built in: unlike `ComparingEncoder`, so that a reward with one can check a reward
    with the other.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.trunk = ResNetModel(
            ResNetConfig(
                num_channels=4,
                embedding_size=config.widths[0],
                hidden_sizes=list(config.widths),
                depths=[1] * len(config.widths),
                layer_type="basic",
            )
        )
        self.project = nn.Linear(2 * sum(config.widths), config.embedding_size)
        self.embedding_size = config.embedding_size

    def freeze(self, share: float) -> None:
        """Keep the weights of the first layers and of this share of the stages; batch norm goes on
        counting."""
        stages = self.trunk.encoder.stages
        if count := round(share * len(stages)):
            for part in (self.trunk.embedder, *stages[:count]):
                part.requires_grad_(False)

    @property
    def parts(self) -> Sequence[nn.Module]:
        """None, for it learns in one process alone."""
        return ()

    def checkpoint_gradients(self) -> None:
        """Nothing to save: the stages are small."""

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        """images: (n, 3, s, s) in 0-1; holes: (n, 1, s, s) of 0 and 1, or one for all; gives
        (n, embedding)."""
        return self.learning(self.frozen(images, holes))

    @property
    def is_kept(self) -> bool:
        """Never: batch norm goes on counting."""
        return False

    def frozen(self, images: Tensor, holes: Tensor) -> Tensor:
        """What the trunk makes of pictures, for `learning` to go on from: (n, 2 sum(widths))."""
        x = torch.cat([images * 4 - 2, holes.expand(len(images), -1, -1, -1)], dim=1)
        stages = self.trunk(x, output_hidden_states=True).hidden_states[1:]
        with torch.autocast(x.device.type, enabled=False):
            return torch.cat([_inside_and_outside(stage.float(), holes) for stage in stages], 1)

    def learning(self, averages: Tensor) -> Tensor:
        """Embeddings (n, embedding)."""
        with torch.autocast(averages.device.type, enabled=False):
            return cast(Tensor, self.project(averages))


def _inside_and_outside(x: Tensor, holes: Tensor) -> Tensor:
    """(n, c, h, w) to its means (n, 2 c)."""
    inside = functional.adaptive_avg_pool2d(holes, (x.shape[2], x.shape[3]))
    return (region_weights(inside, 1 - inside) @ x.flatten(2).transpose(1, 2)).flatten(1)
