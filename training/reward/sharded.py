"""A reward network split among processes, and what is whole of it again."""

from collections.abc import Mapping

from accelerate import Accelerator
from torch import Tensor

from training.errors import PrefPaintError
from training.reward.network import RewardNetwork
from training.sharding import own_part, shard, whole


def split(network: RewardNetwork, accelerator: Accelerator, prompts: int) -> None:
    """Split the network among the processes, each on its device.

    prompts: of a step. Raises PrefPaintError where there is one process, or more than prompts: all
    have to go through the network in every step.
    """
    processes = accelerator.num_processes
    if processes == 1:
        raise PrefPaintError(
            "--shard splits the network among processes, and there is one. Start several with "
            "`accelerate launch -m training reward ...`, or leave it out."
        )
    if prompts < processes:
        raise PrefPaintError(
            f"--shard needs a prompt in each of {processes} processes at every step, and a step "
            f"has {prompts}. Give more prompts, raise --batch-size, or start fewer processes."
        )
    shard([*network.encoder.parts, network.block, network], accelerator.device, processes)


def whole_network(network: RewardNetwork) -> RewardNetwork:
    """On the processor, and not split. Every process has to ask for it."""
    copy = RewardNetwork(network.config)
    own = copy.state_dict()
    for name, value in network.state_dict().items():
        own[name].copy_(whole(value))
    return copy


def load_whole(network: RewardNetwork, weights: Mapping[str, Tensor]) -> None:
    """Take up whole weights, whether the network is split or not. Raises RuntimeError when they
    are of another."""
    own = network.state_dict()
    network.load_state_dict(
        {name: own_part(value, own.get(name, value)) for name, value in weights.items()}
    )
