"""From groups of pictures to rewards that can be learned from."""

import numpy as np
import torch
from torch import Tensor

from training.reward.groups import Group
from training.reward.network import RewardNetwork, to_images


class Embedder:
    """Runs the network on groups. keep: what the frozen layers make of a picture is computed once
    and kept in memory, for groups that are the same whenever they are drawn.

    bf16 serves the encoder alone.
    """

    def __init__(self, network: RewardNetwork, bf16: bool, keep: bool = False) -> None:
        self.network = network
        self._bf16 = bf16
        self._keep = keep and network.encoder.is_kept
        self._kept: dict[int | None, Tensor] = {}

    def rewards(self, groups: list[Group]) -> Tensor:
        """Rewards of all pictures of the groups, group after group: (n,)."""
        device = next(self.network.parameters()).device
        sizes = [len(group.pictures) for group in groups]
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            if self._keep:
                output = self.network.judge_groups(self._embed_kept(groups, device), sizes)
            else:
                images, holes = _images(groups).to(device), _holes(groups).to(device)
                output = self.network(images, holes, sizes)
        rewards: Tensor = output.rewards
        return rewards

    def _embed_kept(self, groups: list[Group], device: torch.device) -> Tensor:
        encoder = self.network.encoder
        fresh = [group for group in groups if group.index not in self._kept]
        made: dict[int, Tensor] = {}
        if fresh:
            hidden = encoder.frozen(_images(fresh).to(device), _holes(fresh).to(device))
            parts = hidden.split([len(group.pictures) + 1 for group in fresh])
            made = {id(group): part.cpu() for group, part in zip(fresh, parts, strict=True)}
            self._kept |= {g.index: made[id(g)] for g in fresh if g.index is not None}
        parts = tuple(made[id(g)] if id(g) in made else self._kept[g.index] for g in groups)
        return encoder.learning(torch.cat(parts).to(device))


def _images(groups: list[Group]) -> Tensor:
    """The pictures of each group and then its prompt: (n, 3, s, s) in 0-1."""
    return to_images(np.concatenate([p for g in groups for p in (g.pictures, g.prompt[None])]))


def _holes(groups: list[Group]) -> Tensor:
    """The hole of each of `_images`: (n, 1, s, s) of 0 and 1."""
    holes = [hole for g in groups for hole in [g.hole] * (len(g.pictures) + 1)]
    return torch.from_numpy(np.stack(holes)).float().unsqueeze(1)
