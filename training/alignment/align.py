"""Alignment: fill prompts, score the fills, make the likelier ones better; again and again."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.alignment.average import sampling_keep, smoothing_keep
from training.alignment.config import AlignmentConfig
from training.alignment.policy import Policy
from training.alignment.rollouts import Rollout, SizedPrompt, draw_fills, roll_out
from training.alignment.updates import Update, forward_updates, policy_updates
from training.checkpoints import read_checkpoint
from training.errors import PrefPaintError
from training.files import replaced_when_complete, write_png
from training.reward.ensemble import Reward

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"
CHECKPOINT_EVERY, SHEET_EVERY = 10, 25
SHEET_PROMPTS, SHEET_SAMPLES = 8, 3
SEEDS_EACH = 1_000_000
"""Seeds of one iteration lie this far from the next one's."""
ALARM_BRIGHTNESS, ALARM_CONTRAST = 0.15, 0.4
"""Against the first iteration's: a shift of the fills' mean (of 1), a share of deviation lost."""


def align(
    policy: Policy,
    reward: Reward,
    prompts: Sequence[SizedPrompt],
    config: AlignmentConfig,
    out: Path,
    on_progress: Callable[[float], None],
) -> Path:
    """Align a policy; returns the LoRA file or pipeline folder that the app loads.

    Goes on from the checkpoint in `out`: an iteration depends on the weights, the seed and its
    number alone. Raises PrefPaintError when the run collapses (its alarm is then in the log), when
    rewards are no numbers, or when `out` holds another run.
    """
    if len(prompts) < config.prompts:
        raise PrefPaintError(
            f"An iteration takes {config.prompts} prompts, there are {len(prompts)}. "
            "Make more, or lower --prompts-each."
        )
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    if config.method == "nft":
        policy.keep_average("sampling")
    if config.ema_decay:
        policy.keep_average("smooth")
    optimiser = torch.optim.AdamW(
        policy.parameters,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    state = _resume(out, policy, optimiser, config)
    if state["done"] == 0:
        _draw_sheet(policy, prompts, config, out / "sheets" / "0000.png")
    for iteration in range(state["done"], config.iterations):
        began = time.monotonic()
        rollout = _fill(policy, reward, prompts, config, iteration)
        if not torch.isfinite(rollout.rewards).all():
            raise PrefPaintError(
                f"The reward gives no numbers at iteration {iteration}. Use another reward; "
                f"{out / CHECKPOINT} holds the run as it was before."
            )
        updates = _update(policy, rollout, optimiser, config, iteration)
        _follow(policy, config, iteration)
        line = _measured(rollout, updates, iteration, time.monotonic() - began)
        with (out / LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")
        state["done"] = iteration + 1
        state["first"] = state["first"] or {name: line[name] for name in ("brightness", "contrast")}
        alarm = _alarm(line, state["first"], config)
        if alarm is not None:
            raise PrefPaintError(
                f"{alarm} at iteration {iteration}, so the run has stopped. "
                f"{out / CHECKPOINT} holds it as it was before."
            )
        if state["done"] % CHECKPOINT_EVERY == 0 or state["done"] == config.iterations:
            _save(out, policy, optimiser, config, state)
        if state["done"] % SHEET_EVERY == 0 or state["done"] == config.iterations:
            _draw_sheet(policy, prompts, config, out / "sheets" / f"{state['done']:04}.png")
        on_progress(state["done"] / config.iterations)
    return policy.save(out)


def _fill(
    policy: Policy,
    reward: Reward,
    prompts: Sequence[SizedPrompt],
    config: AlignmentConfig,
    iteration: int,
) -> Rollout:
    rng = np.random.default_rng([config.seed, iteration])
    chosen = [prompts[i] for i in rng.choice(len(prompts), config.prompts, replace=False)]
    is_paper = config.method == "paper"
    wanted = rng.choice(config.steps, min(config.updated_steps, config.steps), replace=False)
    policy.unet.eval()
    with policy.as_average("sampling"):
        return roll_out(
            policy.model,
            reward,
            chosen,
            config.samples,
            config.seed + (iteration + 1) * SEEDS_EACH,
            steps=config.steps,
            eta=1.0 if is_paper else 0.0,
            sampler="ddim" if is_paper else "dpm++",
            wanted=frozenset(int(step) for step in wanted) if is_paper else frozenset(),
            encode=policy.encode,
        )


def _update(
    policy: Policy,
    rollout: Rollout,
    optimiser: torch.optim.Optimizer,
    config: AlignmentConfig,
    iteration: int,
) -> list[Update]:
    if config.method == "paper":
        updates = policy_updates(policy, rollout, config)
    else:
        updates = forward_updates(policy, rollout, config, config.seed + iteration)
    count = len(rollout.steps) if config.method == "paper" else config.updated_steps
    done = []
    for number, update in enumerate(updates, 1):
        (update.loss / config.accumulation).backward()
        done.append(update)
        if number % config.accumulation == 0 or number == count:
            torch.nn.utils.clip_grad_norm_(policy.parameters, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
    return done


def _follow(policy: Policy, config: AlignmentConfig, iteration: int) -> None:
    """Lead the averages, where they are kept, towards what was learned."""
    if config.method == "nft":
        policy.averages["sampling"].follow(sampling_keep(iteration))
    if config.ema_decay:
        policy.averages["smooth"].follow(smoothing_keep(iteration, config.ema_decay))


def _measured(
    rollout: Rollout, updates: list[Update], iteration: int, seconds: float
) -> dict[str, float]:
    brightness, contrast = _against_surroundings(rollout)
    return {
        "iteration": iteration,
        "reward": rollout.rewards.mean().item(),
        "deviation": rollout.rewards.std().item() if len(rollout.rewards) > 1 else 0.0,
        "bound": rollout.bounds.mean().item(),
        "ratio": math.fsum(update.ratio for update in updates) / len(updates),
        "clipped": math.fsum(update.clipped for update in updates) / len(updates),
        "divergence": math.fsum(update.divergence for update in updates) / len(updates),
        "brightness": brightness,
        "contrast": contrast,
        "seconds": round(seconds, 2),
    }


def _against_surroundings(rollout: Rollout) -> tuple[float, float]:
    """(mean of what is filled less that of what is known, of 1; its deviation as a share of the
    known's), means over the fills."""
    shifts, shares = [], []
    for picture, hole in zip(rollout.pictures, rollout.holes, strict=True):
        filled, known = picture[hole] / 255, picture[~hole] / 255
        shifts.append(filled.mean() - known.mean())
        shares.append(filled.std() / max(known.std(), 1e-3))
    return float(np.mean(shifts)), float(np.mean(shares))


def _alarm(line: dict[str, float], first: dict[str, float], config: AlignmentConfig) -> str | None:
    if config.alarm is not None and line["reward"] > config.alarm:
        return (
            f"The mean reward {line['reward']:.2f} has passed that of untouched originals, "
            f"{config.alarm:.2f}: the reward is being deceived"
        )
    if abs(line["brightness"] - first["brightness"]) > ALARM_BRIGHTNESS:
        return "The fills' mean brightness has drifted far from the first iteration's"
    if line["contrast"] < (1 - ALARM_CONTRAST) * first["contrast"]:
        return "The fills have lost their contrast"
    return None


def _draw_sheet(
    policy: Policy,
    prompts: Sequence[SizedPrompt],
    config: AlignmentConfig,
    path: Path,
) -> None:
    """The same prompts and seeds each time, by the weights that are kept at the end: a row each,
    the hole first."""
    shown = prompts[:SHEET_PROMPTS]
    with policy.as_average("smooth"):
        drawn = draw_fills(
            policy.model,
            shown,
            SHEET_SAMPLES,
            config.seed,
            steps=config.steps,
            eta=0.0,
            encode=policy.encode,
        )
    rows = []
    for number, prompt in enumerate(shown):
        fills = drawn.pictures[number * SHEET_SAMPLES : (number + 1) * SHEET_SAMPLES]
        rows.append(np.hstack([prompt.masked, *fills]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.vstack(rows))


def _resume(
    out: Path, policy: Policy, optimiser: torch.optim.Optimizer, config: AlignmentConfig
) -> dict[str, Any]:
    content = read_checkpoint(out / CHECKPOINT, _settings(config))
    if content is None:
        (out / LOG).unlink(missing_ok=True)
        return {"done": 0, "first": None}
    policy.load_state(content["policy"])
    optimiser.load_state_dict(content["optimiser"])
    state: dict[str, Any] = content["state"]
    lines = (out / LOG).read_text().splitlines()[: state["done"]]
    (out / LOG).write_text("".join(f"{line}\n" for line in lines))
    return state


def _save(
    out: Path,
    policy: Policy,
    optimiser: torch.optim.Optimizer,
    config: AlignmentConfig,
    state: dict[str, Any],
) -> None:
    content = {
        "settings": _settings(config),
        "policy": policy.state(),
        "optimiser": optimiser.state_dict(),
        "state": state,
    }
    with replaced_when_complete(out / CHECKPOINT) as file:
        torch.save(content, file)


def _settings(config: AlignmentConfig) -> str:
    return json.dumps({**asdict(config), "iterations": None}, sort_keys=True)
