"""The settings of an alignment run, and the paper's."""

from dataclasses import dataclass
from typing import Literal

from training.inpainting.settings import SamplerName

Method = Literal["paper", "nft", "dpo"]
Amplification = Literal["none", "static", "linear", "exponential"]
Trained = Literal["lora", "full"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class AlignmentConfig:
    """The defaults are the paper's (arXiv 2410.21966) but for the LoRA.

    prompts: of an iteration in all processes, or pairs (dpo); samples: of each prompt. steps: of
    denoising, of which `updated_steps` are learned from; nft and dpo draw noise so often.
    sampler: ddim with eta 1, which the paper's method needs; nft takes any.
    grouped: advantages within each prompt's samples.
    divergence: weight of the KL to the model as it began. accumulation: backward passes of a step
    of the optimiser. alarms: whether a run may stop because of what is seen of the fills, or
    because they are rewarded above their own untouched originals, which is the reward being
    deceived; False to watch it go on.
    text: what every fill is asked for. guidance: towards it, for the paper's method alone, whose
    likelihoods are then of the guided steps.
    beta: of DiffusionNFT. preference_beta: of dpo, half of what Diffusion-DPO's code calls beta.
    precision: of what goes through the UNet; see Policy.
    gradient_checkpointing: computes twice what it would have to remember; the result is the same.
    patience: the run ends when the mean reward over so many iterations is no better than over as
    many before; the weights of before are then what is kept.
    ema_decay: of a moving average of the weights, an iteration at a time, that is kept at the end;
    0 keeps what was learned last, as the paper does: with a clipped ratio and so small a rate the
    weights hardly tremble, and an average would only lag behind in a short run.
    """

    method: Method = "paper"
    iterations: int = 1000
    prompts: int = 16
    samples: int = 1
    steps: int = 50
    updated_steps: int = 5
    grouped: bool = False
    amplification: Amplification = "exponential"
    clip: float = 1e-4
    divergence: float = 0.0
    trained: Trained = "lora"
    rank: int = 16
    precision: Precision = "fp32"
    learning_rate: float = 2e-6
    weight_decay: float = 0.01
    accumulation: int = 3
    beta: float = 1.0
    preference_beta: float = 2500.0
    gradient_checkpointing: bool = False
    patience: int | None = None
    ema_decay: float = 0.0
    seed: int = 0
    alarms: bool = True
    text: str = ""
    guidance: float = 1.0
    sampler: SamplerName = "ddim"
