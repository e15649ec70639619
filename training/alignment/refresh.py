"""Teaching the reward the policy's newest fills, so that the policy cannot run away from it."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from training.alignment.originals import original_of
from training.alignment.rollouts import Rollout, SizedPrompt
from training.processes import gathered, join_processes
from training.reward.calibration import prompt_features
from training.reward.embedding import Embedder
from training.reward.groups import Group, Pair, draw_group
from training.reward.losses import PAIR_WEIGHTS, group_loss
from training.reward.model import RewardModel
from training.reward.pair_data import VISIBLE, Prompt, certainty, visible_difference
from training.reward.trust import inverse_covariance
from training.reward.view import view_of, white_hole

REMEMBERED = 64
"""Groups of the policy's newest fills, of which each refresh learns."""
EVERY, STEPS, BATCH, LEARNING_RATE = 5, 2, 8, 5e-5
"""Iterations between two refreshes; steps of each, of so many groups, and AdamW's rate."""
FEATURE_PROMPTS = 100
"""Prompts whose features stand for all in V."""


class RewardRefresh:
    """Every few iterations the reward takes small steps: originals over the policy's newest fills,
    and beside them the pairs that it was trained on, which it must not forget. V^-1 is computed
    anew from these, for the features move; the units (mean, deviation) stay. Several processes
    learn the same.

    prompts: of the run. digest: of what it teaches. The reward model is changed in place. Raises
    PrefPaintError for a prompt without its original.
    """

    def __init__(
        self,
        reward: RewardModel,
        prompts: Sequence[SizedPrompt],
        known: Sequence[Prompt],
        seed: int,
    ) -> None:
        self._reward, self._known, self._seed = reward, known, seed
        self._newest: deque[Group] = deque(maxlen=REMEMBERED)
        shown = hashlib.sha256()
        for sized in prompts:
            shown.update(sized.name.encode() + original_of(sized).tobytes())
        for prompt in known:
            shown.update(prompt.name.encode())
        self.digest = shown.hexdigest()[:16]
        self._accelerator = join_processes()
        self._embedder = Embedder(reward.network, bf16=False)
        self._optimiser = torch.optim.AdamW(
            reward.network.parameters(), lr=LEARNING_RATE, weight_decay=0.05
        )
        self._renew_trust()

    def __call__(self, iteration: int, rollout: Rollout) -> None:
        """Remember the fills of a rollout, and learn when it is time."""
        self._newest.extend(gathered(self._groups(rollout), self._accelerator))
        if (iteration + 1) % EVERY == 0:
            with torch.random.fork_rng():
                for step in range(STEPS):
                    torch.manual_seed((self._seed * 1_000_003 + iteration) * STEPS + step)
                    self._learn(np.random.default_rng([self._seed, iteration, step]))
            self._renew_trust()

    def _groups(self, rollout: Rollout) -> list[Group]:
        groups = []
        for prompt, fills in rollout.by_prompt:
            config = self._reward.network.config
            pictures = [original_of(prompt), *fills]
            view = view_of(prompt.hole, pictures, config.image_size, config.resample)
            original, *seen = view.pictures
            differences = [visible_difference(original, fill, view.hole) for fill in seen]
            pairs = tuple(
                Pair(0, place, certainty(difference), "fill")
                for place, difference in enumerate(differences, 1)
                if difference >= VISIBLE
            )
            masked = white_hole(original, view.hole)
            groups.append(Group(None, np.stack(view.pictures), masked, view.hole, pairs))
        return groups

    def _learn(self, rng: np.random.Generator) -> None:
        newest = min(BATCH // 2, len(self._newest))
        places = rng.choice(len(self._newest), newest, replace=False)
        groups = [self._newest[int(place)] for place in places]
        count = min(BATCH - newest, len(self._known))
        for index in rng.choice(len(self._known), count, replace=False):
            groups.append(draw_group(self._known, int(index), rng))
        self._reward.network.train()
        total, weight = group_loss(self._embedder.rewards(groups), groups, "ranking", PAIR_WEIGHTS)
        if float(weight):
            (total / weight).backward()
            torch.nn.utils.clip_grad_norm_(self._reward.network.parameters(), 1.0)
            self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)

    def _renew_trust(self) -> None:
        """V^-1 of the known pictures' features as they are now, each of some standing for several:
        with the old one every bound would grow, however well the reward knows the fills."""
        self._reward.network.eval()
        some = self._known[:: max(1, len(self._known) // FEATURE_PROMPTS)]
        if not some:
            return
        weight = sum(len(p.pictures) for p in self._known) / sum(len(p.pictures) for p in some)
        features = np.sqrt(np.float32(weight)) * prompt_features(self._reward.network, some)
        trust = replace(self._reward.trust, v_inverse=inverse_covariance(features))
        self._reward.trust = trust

    def state(self) -> dict[str, Any]:
        """What an interrupted run goes on from."""
        return {
            "network": self._reward.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "newest": [
                {
                    "pictures": torch.from_numpy(group.pictures),
                    "prompt": torch.from_numpy(group.prompt),
                    "hole": torch.from_numpy(group.hole),
                    "pairs": [list(vars(pair).values()) for pair in group.pairs],
                }
                for group in self._newest
            ],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self._reward.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._newest.clear()
        for kept in state["newest"]:
            pictures, prompt, hole = (kept[name].numpy() for name in ("pictures", "prompt", "hole"))
            pairs = tuple(Pair(*pair) for pair in kept["pairs"])
            self._newest.append(Group(None, pictures, prompt, hole, pairs))
        self._renew_trust()
