"""Work that several processes share, under `accelerate launch` or torchrun."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from training.errors import PrefPaintError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

Row = TypeVar("Row")


def is_main_process() -> bool:
    """Whether this is the process that writes files, or the only one."""
    return not int(os.environ.get("RANK", "0"))


def join_processes() -> "Accelerator":
    """This process among those of the run; each has its own GPU, where there are several."""
    import torch
    from accelerate import Accelerator  # slow to import, as torch is

    return Accelerator(cpu=not torch.cuda.is_available())


def refuse_to_split(accelerator: "Accelerator") -> None:
    """Raise PrefPaintError where accelerate is set up to split models."""
    from accelerate import DistributedType

    how = accelerator.distributed_type
    if how in (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM):
        raise PrefPaintError(
            f"accelerate is set up for {how.value}. Models are split with --shard instead: run "
            "`accelerate config` and choose several GPUs without it."
        )


def share(count: int, accelerator: "Accelerator") -> slice:
    """Which of `count` things in a row are this process's; all processes' together are all."""
    part, parts = accelerator.process_index, accelerator.num_processes
    return slice(count * part // parts, count * (part + 1) // parts)


def gathered(rows: Sequence[Row], accelerator: "Accelerator") -> list[Row]:
    """Small rows of all processes, in the order of their shares."""
    if accelerator.num_processes == 1:
        return list(rows)
    from torch.distributed import all_gather_object

    every: list[Any] = [None] * accelerator.num_processes
    all_gather_object(every, list(rows))
    return [row for part in every for row in part]


def sum_gradients(parameters: "Sequence[torch.nn.Parameter]", accelerator: "Accelerator") -> None:
    """Replace each gradient by its sum over all processes."""
    if accelerator.num_processes == 1:
        return
    import torch

    for parameter in parameters:
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        parameter.grad = accelerator.reduce(gradient, reduction="sum")
