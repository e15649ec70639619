"""The iterations of one alignment run, in one of its processes."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from training.alignment.average import sampling_keep, smoothing_keep
from training.alignment.config import AlignmentConfig
from training.alignment.measures import (
    ALARM_WINDOW,
    LOOKS,
    CollapseError,
    Figures,
    alarm,
    check_rewards,
    has_stalled,
    looks,
    means,
    reward_figures,
)
from training.alignment.pairs import PreferencePair
from training.alignment.policy import Policy
from training.alignment.preferences import PairEncoder, preference_updates
from training.alignment.rollouts import (
    ETA,
    Fills,
    Rollout,
    SizedPrompt,
    draw_fills,
    noisy_steps,
    score_fills,
)
from training.alignment.run_folder import (
    CHECKPOINT,
    AlignmentFolder,
    Refresh,
    RunState,
)
from training.alignment.updates import Update, WholeBatch, forward_updates, policy_updates
from training.errors import PrefPaintError
from training.processes import gathered, share, sum_gradients
from training.reward.ensemble import Reward
from training.run_log import RunLog
from training.sharding import whole

CHECKPOINT_EVERY, SHEET_EVERY = 10, 25
SHEET_PROMPTS, SHEET_SAMPLES = 8, 3


def first_seed(config: AlignmentConfig, iteration: int) -> int:
    """Of the seeds in a row that an iteration takes: one for each sample, and one for the updates.

    The next iteration's follow, and a run with another seed has its own elsewhere among the 2^32
    that torch's generator tells apart.
    """
    run = int(np.random.SeedSequence(config.seed).generate_state(1)[0])
    return run + iteration * (config.prompts * config.samples + 1)


@dataclass
class Run:
    """One run in this process; see `align`."""

    policy: Policy
    reward: Reward | None
    prompts: Sequence[SizedPrompt]
    pairs: Sequence[PreferencePair]
    config: AlignmentConfig
    folder: AlignmentFolder
    optimiser: torch.optim.Optimizer
    refresh: Refresh | None
    accelerator: Accelerator

    def __post_init__(self) -> None:
        self.encode_pair = PairEncoder(self.policy.model)
        self.policy.unet.eval()
        self.noisy_steps = noisy_steps(self.policy.model, self.config.steps)

    def until_the_end(
        self, state: RunState, log: RunLog, on_progress: Callable[[float], None]
    ) -> Path:
        config, total = self.config, self.config.iterations
        if state.done == 0:
            begun = self.draw_sheet(0)
            if config.method == "dpo":
                state.first = {name: begun[name] for name in LOOKS}
        while state.done < total and not state.has_stopped:
            began = time.monotonic()
            line = {"iteration": state.done, **self.iterate(state.done)}
            state.done += 1
            line["seconds"] = round(time.monotonic() - began, 2)
            is_last = state.done == total
            if is_last or state.done % SHEET_EVERY == 0:
                seen = self.draw_sheet(state.done)
                line |= seen if config.method == "dpo" else {}
            if self.accelerator.is_main_process:
                log.write(line)
            self.watch(line, state)
            if is_last or state.has_stopped or state.done % CHECKPOINT_EVERY == 0:
                self.folder.save(state)
                self.accelerator.wait_for_everyone()
            if self.accelerator.is_main_process:
                on_progress(1.0 if state.has_stopped else state.done / total)
        if config.patience is not None:
            self.folder.load_best()
        made = self.policy.save(self.folder.path)
        self.accelerator.wait_for_everyone()
        return made

    # --- one iteration ------------------------------------------------------------------------

    def iterate(self, iteration: int) -> Figures:
        """Gives what is logged of it."""
        config, calls = self.config, self.policy.unet_calls
        rng = np.random.default_rng([config.seed, iteration])
        there = self.pairs if config.method == "dpo" else self.prompts
        chosen = rng.choice(len(there), config.prompts, replace=False)
        own = share(config.prompts, self.accelerator)
        rollout: Rollout | None = None
        figures: Figures = {}
        if config.method == "dpo":
            encoded = [self.encode_pair(self.pairs[i]) for i in chosen[own]]
            first = first_seed(config, iteration)
            updates = preference_updates(self.policy, encoded, config, first, own, config.prompts)
            count = config.updated_steps
        else:
            count = min(config.updated_steps, len(self.noisy_steps))
            wanted = rng.choice(self.noisy_steps, count, replace=False)
            rollout = self.fill([self.prompts[i] for i in chosen[own]], own, iteration, wanted)
            whole, figures = self.bring_together(rollout, own, iteration)
            if config.method == "paper":
                updates = policy_updates(self.policy, rollout, config, whole)
                count = len(rollout.steps)
            else:
                seed = first_seed(config, iteration) + config.prompts * config.samples
                updates = forward_updates(self.policy, rollout, config, seed, whole)
                count = config.updated_steps
        figures |= self.learn(updates, count, (own.stop - own.start) / config.prompts)
        if config.method == "nft":
            self.policy.averages["sampling"].follow(sampling_keep(iteration))
        if config.ema_decay:
            self.policy.averages["smooth"].follow(smoothing_keep(iteration, config.ema_decay))
        if self.refresh is not None and rollout is not None:
            self.refresh(iteration, rollout)
        calls = self.policy.unet_calls - calls
        return {**figures, "unet_calls": sum(gathered([calls], self.accelerator))}

    def fill(
        self, prompts: Sequence[SizedPrompt], own: slice, iteration: int, wanted: Iterable[int]
    ) -> Rollout:
        """This process's part of an iteration's fills; seeds go on from part to part."""
        config = self.config
        first = first_seed(config, iteration) + own.start * config.samples
        assert self.reward is not None
        with self.policy.as_average("sampling"):
            kept = frozenset(map(int, wanted)) if config.method == "paper" else frozenset[int]()
            fills = self.draw(prompts, config.samples, first, kept)
            return score_fills(fills, self.reward)

    def draw(
        self,
        prompts: Sequence[SizedPrompt],
        samples: int,
        seed: int,
        wanted: frozenset[int] = frozenset(),
    ) -> Fills:
        """With the weights as they are, as the run's settings say; see draw_fills."""
        config = self.config
        return draw_fills(
            self.policy.model,
            prompts,
            samples,
            seed,
            steps=config.steps,
            eta=ETA,
            sampler=config.sampler,
            wanted=wanted,
            encode=self.policy.encode,
            text=config.text,
            guidance=config.guidance,
        )

    def bring_together(
        self, rollout: Rollout, own: slice, iteration: int
    ) -> tuple[WholeBatch, Figures]:
        """The rewards of all processes, and what is logged of all fills."""
        config = self.config
        rows = [
            {"reward": reward, "bound": bound, **row}
            for reward, bound, row in zip(
                rollout.rewards.tolist(), rollout.bounds.tolist(), looks(rollout), strict=True
            )
        ]
        for row, number in zip(rows, rollout.prompts.tolist(), strict=True):
            original = rollout.originals[number]
            if original is not None:
                row["margin"] = row["reward"] - original
        rows = gathered(rows, self.accelerator)
        whole = WholeBatch(
            torch.tensor([row["reward"] for row in rows], dtype=torch.float64),
            torch.arange(config.prompts).repeat_interleave(config.samples),
            slice(own.start * config.samples, own.stop * config.samples),
        )
        check_rewards(whole, config, iteration, self.as_it_was)
        return whole, reward_figures(rows)

    def learn(self, updates: Iterator[Update], count: int, part: float) -> Figures:
        """Step the optimiser. count: of updates; part: this process's share of the samples."""
        rows = []
        for number, update in enumerate(updates, 1):
            (update.loss * (part / self.config.accumulation)).backward()
            rows.append({"loss": update.loss.item(), **update.figures})
            if number % self.config.accumulation == 0 or number == count:
                parameters = self.policy.parameters
                if not self.policy.is_sharded:  # else they are sums already
                    sum_gradients(parameters, self.accelerator)
                norm = whole(torch.nn.utils.clip_grad_norm_(parameters, 1.0))
                if not torch.isfinite(norm):
                    raise PrefPaintError(
                        "The gradients are no numbers any more. Lower --learning-rate, in another "
                        f"folder. {self.as_it_was}"
                    )
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
        every = gathered([(means(rows), part)], self.accelerator)
        return means([figures for figures, _ in every], [weight for _, weight in every])

    # --- the course of the run ----------------------------------------------------------------

    @property
    def as_it_was(self) -> str:
        path = self.folder.path / CHECKPOINT
        return f"{path} holds the run as it was before." if path.exists() else "Nothing is kept."

    def watch(self, line: Figures, state: RunState) -> None:
        """Raise CollapseError where the run collapses; keep the best, and see when to stop."""
        state.first = state.first or {name: line[name] for name in LOOKS}
        seen = {name: line[name] for name in (*LOOKS, "margin") if name in line}
        state.recent = [*state.recent, seen][-ALARM_WINDOW:]
        why = alarm(means(state.recent), state.first, self.config)
        if why is not None:
            self.draw_sheet(state.done)  # to be looked at
            kept = state.done - 1 - (state.done - 1) % CHECKPOINT_EVERY
            again = f" Run it with --iterations {kept} to get that model." if kept else ""
            raise CollapseError(
                f"{why} at iteration {line['iteration']}, so the run has stopped. "
                f"{self.as_it_was}{again}",
                kept,
            )
        patience = self.config.patience
        if patience is None:
            return
        state.rewards.append(line["reward"])
        if state.done % patience and state.done != self.config.iterations:
            return
        if not has_stalled(state.rewards, patience):
            self.folder.save_best()
            self.accelerator.wait_for_everyone()
        else:
            state.has_stopped = state.done % patience == 0

    def draw_sheet(self, done: int) -> Figures:
        """The same prompts and seeds each time, by the weights that are kept at the end; every
        process draws it, so that all see its looks."""
        shown = self.prompts[:SHEET_PROMPTS]
        with self.policy.as_average("smooth"):
            fills = self.draw(shown, SHEET_SAMPLES, self.config.seed)
        if self.accelerator.is_main_process:
            self.folder.draw_sheet(fills, done)
        return means(looks(fills))
