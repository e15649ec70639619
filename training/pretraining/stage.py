"""One network learning: steps, moving average, checkpoints that resume exactly."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor

from training.checkpoints import read_checkpoint, run_errors, write_checkpoint
from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.inpainting.diffusion.devices import computes_in_bf16
from training.run_log import LOG

EMA_DECAY = 0.999
WARM_UP_STEPS = 200
LOG_EVERY, SAVE_EVERY = 100, 500


@dataclass(frozen=True)
class Plan:
    """name: of the stage, for its files. settings: tells runs apart. rate: of learning, at most;
    it warms up and then falls along a cosine to a twentieth."""

    name: str
    settings: str
    steps: int
    rate: float
    seed: int


def run_stage(
    network: torch.nn.Module,
    loss_of: Callable[[int], Tensor],
    plan: Plan,
    folder: Path,
    device: torch.device,
    on_progress: Callable[[float], None],
    on_saved: Callable[[int], None] | None = None,
) -> None:
    """Train until the plan's end, from the checkpoint in `folder` if there is one.

    loss_of: of the batch of a step; drawing from torch's generator, which is seeded for each step.
    Ends with the moving average as the network's weights. on_saved: called after each checkpoint,
    with the moving average in place. Raises PrefPaintError when the loss is no number, or when the
    checkpoint is damaged or of another run.
    """
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = list(network.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=plan.rate, betas=(0.9, 0.99), weight_decay=0.01)
    average = EMAModel(parameters, decay=EMA_DECAY, use_ema_warmup=True)
    average.to(device)
    checkpoint = folder / f"{plan.name}.pt"
    done = _resume(checkpoint, plan, network, optimiser, average)
    _cut_log(folder, plan.name, done)
    network.train()
    losses: list[float] = []
    began = time.monotonic()
    for step in range(done, plan.steps):
        torch.manual_seed(plan.seed * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * _schedule(step, plan.steps)
        with autocast(device):
            loss = loss_of(step)
        finite(loss, plan, step, checkpoint)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        average.step(parameters)
        losses.append(loss.item())
        on_progress((step + 1) / plan.steps)
        if (step + 1) % LOG_EVERY == 0 or step + 1 == plan.steps:
            seconds = time.monotonic() - began
            _log(folder, plan.name, step + 1, sum(losses) / len(losses), seconds)
            losses = []
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == plan.steps:
            _save(checkpoint, plan, step + 1, network, optimiser, average)
            if on_saved is not None:
                average.store(parameters)
                average.copy_to(parameters)
                on_saved(step + 1)
                average.restore(parameters)
                network.train()
    average.copy_to(parameters)
    network.eval().requires_grad_(False)


def finite(loss: Tensor, plan: Plan, step: int, checkpoint: Path) -> None:
    """Raise PrefPaintError when a loss is no number."""
    if not torch.isfinite(loss):
        raise PrefPaintError(
            f"The loss of the {plan.name} became {loss.item()} at step {step}. Lower its rate; "
            f"{checkpoint} holds the run as it was before, if it was saved."
        )


def autocast(device: torch.device) -> Any:
    """bf16 for what gains by it; the weights stay in fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_in_bf16(device))


def _schedule(step: int, steps: int) -> float:
    """Share of the full rate: a linear warm-up, then a cosine."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    fall = 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * step / steps))))
    return warm * (0.05 + 0.95 * fall)


def _save(
    path: Path,
    plan: Plan,
    step: int,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    average: EMAModel,
) -> None:
    content = {
        "settings": plan.settings,
        "step": step,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": average.state_dict(),
    }
    write_checkpoint(path, content)


def _resume(
    path: Path,
    plan: Plan,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    average: EMAModel,
) -> int:
    content = read_checkpoint(path, plan.settings)
    if content is None:
        return 0
    network.load_state_dict(content["network"])
    optimiser.load_state_dict(content["optimiser"])
    average.load_state_dict(content["average"])
    return int(content["step"])


def _log(folder: Path, stage: str, step: int, loss: float, seconds: float) -> None:
    line = {"stage": stage, "step": step, "loss": round(loss, 5), "seconds": round(seconds, 1)}
    with run_errors(folder), (folder / LOG).open("a") as file:
        file.write(json.dumps(line) + "\n")


def _cut_log(folder: Path, stage: str, done: int) -> None:
    """Drop the stage's lines of later steps, which will be done again, and all that follow."""
    path = folder / LOG
    with run_errors(folder):
        lines = path.read_text().splitlines() if path.exists() else []
        kept = takewhile(partial(_stays, stage, done), lines)
        with replaced_when_complete(path) as file:
            file.write("".join(f"{line}\n" for line in kept).encode())


def _stays(stage: str, done: int, line: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:  # a crash left half of it
        return False
    return bool(entry["stage"] != stage or entry["step"] <= done)
