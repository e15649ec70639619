"""How soon `nft` gives the reward that `paper` ends with, by wall time and calls of the UNet."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.alignment.align import LOG, align
from training.alignment.config import AlignmentConfig
from training.alignment.policy import Policy
from training.alignment.rollouts import SizedPrompt, roll_out, size_prompt
from training.errors import PrefPaintError
from training.inpainting.diffusion.loading import load_model
from training.prompts.incomplete import read_prompts
from training.reward.model import RewardModel, load_reward
from training.reward.scorer import builtin_reward_path

PAPER = AlignmentConfig(
    method="paper",
    iterations=60,
    prompts=4,
    samples=4,
    grouped=True,
    learning_rate=1e-4,
)
"""The paper's 50 steps, 5 of them learned from, at a rate at which a LoRA moves."""
NFT = replace(PAPER, method="nft", steps=10)
"""Any solver will do, so one of 10 steps."""
HELD_OUT, HELD_OUT_STEPS = 16, 20
MEASURED = 12
"""How often a run's reward on held-out prompts is measured."""
SMOOTHED = 3
"""Measures whose mean counts as the reward at the last of them."""


@dataclass
class Curve:
    """Held-out rewards, and the seconds and the UNet's calls, of one picture each, until then."""

    rewards: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)

    @property
    def smooth(self) -> list[float]:
        """Rewards, each a mean with those just before it."""
        return [
            float(np.mean(self.rewards[max(0, i - SMOOTHED + 1) : i + 1]))
            for i in range(len(self.rewards))
        ]


def compare_methods(
    model: Path, prompts: Path, reward: Path | None, out: Path | None, iterations: int | None
) -> None:
    """Print times and calls; the picture of the curves goes to `out`, the runs are not kept.

    model: a pipeline's folder. prompts: as `prefpaint-train prompts` writes them; the first
    HELD_OUT are not learned from. reward: a file, None for the built-in one. iterations: of
    `paper`; `nft` gets as many as take as many calls of the UNet.
    """
    judge = load_reward(reward or builtin_reward_path())
    iterations = iterations or PAPER.iterations
    paper = _run(replace(PAPER, iterations=iterations), model, prompts, judge)
    more = round(iterations * _calls(PAPER) / _calls(NFT))
    nft = _run(replace(NFT, iterations=more), model, prompts, judge)
    final = paper.smooth[-1]
    print(f"paper: reward {paper.rewards[0]:.3f} to {final:.3f}, {iterations} iterations,", end=" ")
    print(f"{paper.seconds[-1]:.0f} s, {paper.calls[-1]} calls of the UNet")
    place = next((i for i, value in enumerate(nft.smooth) if i and value >= final), None)
    if final <= paper.rewards[0]:
        print("paper has gained nothing, so there is nothing to reach")
    elif place is None:
        print(
            f"nft: reward {nft.rewards[0]:.3f} to {nft.smooth[-1]:.3f} in {nft.seconds[-1]:.0f} s"
        )
    else:
        share = nft.seconds[place] / paper.seconds[-1]
        print(f"nft: there after {nft.seconds[place]:.0f} s, {nft.calls[place]} calls", end=" ")
        print(f"of the UNet: {share:.2f} of the time (target: at most 0.5)")
    if out is not None:
        _draw({"paper": paper, "nft": nft}, out)


def _run(config: AlignmentConfig, model: Path, prompts: Path, reward: RewardModel) -> Curve:
    policy = Policy(load_model(model, "auto"), config.trained, config.rank, config.seed)
    reward.network.to(policy.model.device)
    sized = [size_prompt(prompt, policy.model.native_side) for prompt in read_prompts(prompts)]
    if len(sized) < HELD_OUT + config.prompts:
        raise PrefPaintError(
            f"{prompts} holds {len(sized)} prompts, {HELD_OUT + config.prompts} are needed. "
            "Make more with `prefpaint-train prompts`."
        )
    held, learned = sized[:HELD_OUT], sized[HELD_OUT:]
    every = max(1, config.iterations // MEASURED)
    curve = Curve([_reward_of(policy, reward, held)], [0.0], [0])

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)

        def measure(share: float) -> None:
            done = round(share * config.iterations)
            if done % every and done != config.iterations:
                return
            lines = (out / LOG).read_text().splitlines()
            curve.seconds.append(sum(json.loads(line)["seconds"] for line in lines))
            curve.calls.append(done * _calls(config))
            curve.rewards.append(_reward_of(policy, reward, held))

        try:
            align(policy, reward, learned, config, out, measure)
        except PrefPaintError as error:
            if len(curve.rewards) == 1:
                raise
            print(f"{config.method}: {error}")  # an alarm; the curve ends before it
    return curve


def _calls(config: AlignmentConfig) -> int:
    """Of one iteration, each of one picture, backward passes not counted: all steps of the
    sampling, and in each update the policy's and, where it is asked, the original's."""
    asked = 2 if config.method == "nft" or config.divergence else 1
    return config.prompts * config.samples * (config.steps + asked * config.updated_steps)


def _reward_of(policy: Policy, reward: RewardModel, prompts: Sequence[SizedPrompt]) -> float:
    """Mean over the same prompts and seeds each time."""
    policy.unet.eval()
    rollout = roll_out(policy.model, reward, prompts, 1, 0, steps=HELD_OUT_STEPS, eta=0.0)
    return rollout.rewards.mean().item()


def _draw(curves: dict[str, Curve], out: Path) -> None:
    figure = Figure(figsize=(9, 3.5), dpi=120, layout="constrained")
    by_time, by_calls = figure.subplots(1, 2, sharey=True)
    for name, curve in curves.items():
        by_time.plot(curve.seconds, curve.smooth, marker="o", markersize=3, label=name)
        by_calls.plot(curve.calls, curve.smooth, marker="o", markersize=3, label=name)
    by_time.set_xlabel("seconds of alignment")
    by_calls.set_xlabel("calls of the UNet")
    by_time.set_ylabel("reward on held-out prompts")
    by_time.legend(frameon=False)
    for axes in (by_time, by_calls):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "alignment-methods.png")
    print(f"curves: {out / 'alignment-methods.png'}")
