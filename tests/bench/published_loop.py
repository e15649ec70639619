"""PrefPaint's alignment as its published code goes about it, plainly, to compare with.

Written from the paper (arXiv 2410.21966) and from what is known of the code: guidance between two
prompts that are both empty, one UNet that learns whole and a second one that samples, and a reward
that is asked about one picture at a time and encodes the incomplete photo anew for each.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from training.alignment.advantages import standardised
from training.alignment.amplification import amplification
from training.alignment.config import AlignmentConfig
from training.alignment.losses import clipped_policy_loss
from training.alignment.rollouts import SizedPrompt
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.sampler import ddim_step, log_probability
from training.reward.model import RewardModel
from training.reward.network import to_images
from training.reward.view import view_boxes, view_image

GUIDANCE = 7.0


class PublishedLoop:
    """The sampling UNet computes in the model's precision, the one that learns in fp32 with
    autocast to it. (That the first takes up the second's weights every 15 iterations is left out.)
    """

    def __init__(self, model: DiffusionModel, reward: RewardModel, config: AlignmentConfig) -> None:
        self.model = model
        self.reward = reward
        self.config = config
        model.unet.to(memory_format=torch.contiguous_format)  # as diffusers leaves it
        self.learner = copy.deepcopy(model.unet).float().requires_grad_(True)
        self.optimiser = torch.optim.AdamW(
            self.learner.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.text = model.encode_text("", model.native_side, model.native_side).embeddings
        self.scheduler = model.scheduler("ddim")

    def iterate(self, prompts: Sequence[SizedPrompt], wanted: Sequence[int], seed: int) -> Tensor:
        """One sample of each prompt, then an update from each of the `wanted` steps; gives the
        rewards (n,)."""
        known, steps = self.sample(prompts, seed)
        rewards, bounds = self.judge(prompts, steps[-1][2])
        self.learn(known, [steps[index] for index in wanted], rewards, bounds)
        return rewards

    @torch.no_grad()
    def sample(
        self, prompts: Sequence[SizedPrompt], seed: int
    ) -> tuple[Tensor, list[tuple[int, Tensor, Tensor, Tensor]]]:
        """(mask and masked latents (n, 5, h, w), of each step its time, latents before and after
        it, both (n, 4, h, w), and log-probability (n,))."""
        starts = [
            self.model.start(
                self.model.encode_photo(prompt.masked, prompt.hole),
                [torch.Generator("cpu").manual_seed(seed + number)],
            )
            for number, prompt in enumerate(prompts)
        ]
        known = torch.cat([torch.cat([s.mask, s.masked_latents], dim=1) for s in starts])  # type: ignore[list-item]
        latents = torch.cat([start.noise for start in starts])
        count = len(prompts)
        generators = [torch.Generator("cpu").manual_seed(seed + count + i) for i in range(count)]
        self.scheduler.set_timesteps(self.config.steps, device=latents.device)
        taken = []
        for time in self.scheduler.timesteps.tolist():
            output = self.guided(self.model.unet, latents, time, known)
            mean, _, std = ddim_step(self.scheduler, output, time, latents, 1.0)
            noise = randn_tensor(mean.shape, generators, mean.device)
            after = mean + std * noise
            taken.append((time, latents, after, log_probability(after, mean, std)))
            latents = after
        return known, taken

    def guided(self, unet: torch.nn.Module, latents: Tensor, time: int, known: Tensor) -> Tensor:
        """(n, 4, h, w) float32, from a batch of 2 n."""
        dtype = next(unet.parameters()).dtype
        inputs = torch.cat([latents, known], dim=1).to(dtype)
        prompt = self.text.expand(len(inputs), -1, -1)
        negative_prompt = self.text.expand(len(inputs), -1, -1)
        output = unet(
            torch.cat([inputs, inputs]),
            torch.tensor(time, device=inputs.device),
            encoder_hidden_states=torch.cat([negative_prompt, prompt]).to(dtype),
            return_dict=False,
        )[0].float()
        away, towards = output.chunk(2)
        return away + GUIDANCE * (towards - away)

    @torch.inference_mode()
    def judge(self, prompts: Sequence[SizedPrompt], latents: Tensor) -> tuple[Tensor, Tensor]:
        """Rewards and bounds ||z||_V^-1, (n,) each."""
        network, config = self.reward.network, self.reward.network.config
        rewards, bounds = [], []
        for prompt, decoded in zip(prompts, self.model.decode(latents), strict=True):
            (box,) = view_boxes(prompt.hole)
            filled = prompt.masked.copy()
            filled[prompt.hole] = decoded[prompt.hole]
            views = [
                view_image(image, box, config.image_size, config.resample)
                for image in (filled, prompt.masked)
            ]
            picture, colour_mask = to_images(np.stack(views)).to(latents.device).split(1)
            no_hole = torch.zeros_like(picture[:, :1])  # CLIP sees none
            output = network.judge(
                network.encode(picture, no_hole), network.encode(colour_mask, no_hole)
            )
            rewards.append((output.rewards.item() - self.reward.mean) / self.reward.deviation)
            bounds.append(self.reward.trust.bounds(output.features.cpu().numpy())[0])
        return torch.tensor(rewards), torch.tensor(bounds)

    def learn(
        self,
        known: Tensor,
        steps: Sequence[tuple[int, Tensor, Tensor, Tensor]],
        rewards: Tensor,
        bounds: Tensor,
    ) -> None:
        """One backward pass for each step, a step of the optimiser for every few of them."""
        config = self.config
        advantages = standardised(rewards).float().to(known.device)
        gamma = amplification(bounds, config.amplification).float().to(known.device)
        for number, (time, before, after, old) in enumerate(steps, 1):
            with torch.autocast(known.device.type, torch.bfloat16, enabled=known.is_cuda):
                output = self.guided(self.learner, before, time, known)
            mean, _, std = ddim_step(self.scheduler, output, time, before, 1.0)
            now = log_probability(after, mean, std)
            loss = clipped_policy_loss(now, old, advantages, gamma, config.clip)
            (loss / config.accumulation).backward()
            if number % config.accumulation == 0 or number == len(steps):
                torch.nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
