"""A copy of weights that follows them slowly."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from training.sharding import own_part


class Average:
    """Begins as the weights are, and stays where they were until `follow`."""

    def __init__(self, learned: Mapping[str, torch.nn.Parameter]) -> None:
        self._learned = learned
        self.weights = {name: value.detach().clone() for name, value in learned.items()}

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        """average <- keep average + (1 - keep) learned; 0 makes it equal to what is learned."""
        for name, value in self.weights.items():
            value.mul_(keep).add_(self._learned[name], alpha=1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Compute with the average, without gradients."""
        self._swap()
        try:
            with torch.no_grad():
                yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        """In the same memory, which FSDP knows its part of a parameter by."""
        for name, value in self.weights.items():
            parameter = self._learned[name]
            held = value.clone()
            value.copy_(parameter)
            parameter.copy_(held)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take up whole weights by the same names."""
        for name, value in self.weights.items():
            value.copy_(own_part(weights[name], value))


def sampling_keep(iteration: int) -> float:
    """eta_i = min(0.001 i, 0.5) of DiffusionNFT (arXiv 2509.16117, section 3.3): how much the
    weights that sample keep of themselves after iteration i, counted from 0."""
    return min(0.001 * iteration, 0.5)


def smoothing_keep(iteration: int, decay: float) -> float:
    """min(decay, (1 + i) / (10 + i)): an average of few iterations forgets sooner, so that it does
    not stay at the model as it began."""
    return min(decay, (1 + iteration) / (10 + iteration))
