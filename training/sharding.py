"""A network split among processes, with PyTorch's FSDP2, and what is whole of it again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from training.processes import is_main_process

Name = TypeVar("Name")


def shard(parts: Sequence[Any], device: torch.device, processes: int) -> None:
    """Split the weights of the last part, which holds the others, their gradients and the
    optimiser's state among all processes; what is inside of another part comes before that.

    A part's weights are together on `device` only while it computes (copies that autocast rounds,
    till the backward pass is over or, where gradients are checkpointed, as long). They may come
    from the processor, and are never all whole on the device. Gradients are summed over the
    processes, not averaged. Every process has to call the parts, and go back through them, as often
    as the others.
    """
    mesh = init_device_mesh(device.type, (processes,))
    for part in parts:
        part.to(memory_format=torch.contiguous_format)  # FSDP takes no other
        split = fully_shard(part, mesh=mesh, reshard_after_forward=True)
        split.set_gradient_divide_factor(1.0)
        split.set_force_sum_reduction_for_comms(True)  # gloo has no other


def whole(tensor: Tensor) -> Tensor:
    """A tensor with the parts of all processes, each of which has to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own_part(tensor: Tensor, parameter: Tensor) -> Tensor:
    """What this process holds of a whole tensor of the parameter's shape, split as that is."""
    if not isinstance(parameter, DTensor):
        return tensor
    mesh, placements = parameter.device_mesh, parameter.placements
    # a copy, for a part is a view that would keep the whole
    return distribute_tensor(tensor, mesh, placements, src_data_rank=None).clone()


def collected(named: Iterable[tuple[Name, Tensor]]) -> dict[Name, Tensor]:
    """Whole tensors on the processor in the main process, nothing in the others; one at a time."""
    found = {}
    for name, tensor in named:
        together = whole(tensor.detach())
        if is_main_process():
            found[name] = together.cpu()
    return found


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """As its state_dict, of whole tensors; complete in the main process alone."""
    content = optimiser.state_dict()
    state = {place: collected(kept.items()) for place, kept in content["state"].items()}
    return {**content, "state": state}


def load_optimiser_state(optimiser: torch.optim.Optimizer, content: Mapping[str, Any]) -> None:
    """Take up what `optimiser_state` gave, whether weights were split then or are now. Raises
    ValueError when it is of other weights."""
    learned = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if len(content["state"]) > len(learned):
        raise ValueError("it is the state of more weights")
    state = {
        place: {
            name: own_part(value, learned[place]) if value.ndim else value  # not the step's number
            for name, value in kept.items()
        }
        for place, kept in content["state"].items()
    }
    optimiser.load_state_dict({**content, "state": state})
