"""How large a proof is."""

from dataclasses import dataclass, replace

from training.alignment.config import AlignmentConfig, Method
from training.pretraining.presets import PresetName
from training.prompts.patterns import Pattern
from training.reward.config import RewardTrainingConfig
from training.reward.encoders import EncoderConfig
from training.reward.losses import PAIR_WEIGHTS


@dataclass(frozen=True)
class Proof:
    """Prompts are counted for each pattern.

    pairs: prompts that the reward learns from; the judge gets as many of other photos.
    validation: prompts that set the units of each. test: prompts that are evaluated. ranked: of
    the reward's and of the judge's prompts, those whose fills can be ranked by eye in a round.
    samples: fills of a prompt in the pairs. steps: of denoising, for pairs and evaluation.
    methods: a run of each of the three. aligned: the one that the claims of the first round are
    about. preferring: a run that learns by dpo what an eye preferred, and nothing else. refining:
    one by the reward that begins where that ends, and from the second round on what the claims are
    about. ablation: of runs by the paper's method with a fixed reward and no KL, for AdamW takes a
    constant gamma out of a gradient again, but not out of its balance with the KL.
    """

    reward: RewardTrainingConfig
    judge: RewardTrainingConfig
    methods: dict[Method, AlignmentConfig]
    ablation: AlignmentConfig
    aligned: Method
    preferring: AlignmentConfig
    refining: AlignmentConfig
    patterns: tuple[Pattern, ...] = ("blobs", "outpaint-rect")
    pairs: int = 300
    validation: int = 40
    align: int = 200
    test: int = 60
    ranked: int = 150
    samples: int = 3
    steps: int = 12
    ablation_seeds: tuple[int, ...] = (0, 1, 2)

    def learner(self, part: str) -> RewardTrainingConfig:
        """Of the judge's parts its own, of all others the reward's."""
        return self.judge if part.startswith("judge") else self.reward


def _methods(paper: AlignmentConfig) -> dict[Method, AlignmentConfig]:
    """nft learns all weights, which in pilots of 25 iterations gained more than its LoRA or any
    rate of the paper's method did, from fills as the app draws them; and a little longer, for after
    as many iterations as the paper's method its fills were still getting better."""
    nft = replace(
        paper,
        method="nft",
        iterations=5 * paper.iterations // 4,
        trained="full",
        learning_rate=5e-5,
        updated_steps=4,
        sampler="dpm++",
    )
    return {"paper": paper, "nft": nft, "dpo": replace(paper, method="dpo")}


def _preferring(paper: AlignmentConfig) -> AlignmentConfig:
    """In pilots of 60 iterations a rate five times as high threw the fills' colours about."""
    return replace(
        paper,
        method="dpo",
        iterations=2 * paper.iterations,
        prompts=16,
        updated_steps=4,
        trained="full",
        learning_rate=1e-5,
        preference_beta=500.0,
        sampler="dpm++",
        ema_decay=0.95,
    )


def _refining(paper: AlignmentConfig) -> AlignmentConfig:
    """Held to where it begins. With a weight of 0.01 the reward rose faster, and in blind looks at
    learned prompts the fills became worse than before it, flat and of wrong colours. With one of
    0.5 for 50 iterations, as an earlier and weaker reward needed, WinRate and PSNR on the test
    prompts rose less. All of it was found at the size of nano."""
    return replace(_methods(paper)["nft"], iterations=80, divergence=0.2, ema_decay=0.9)


# The clip is wider than the paper's: a LoRA's larger steps would leave most samples beyond that
# after the first of an iteration.
_NANO = AlignmentConfig(
    iterations=80,
    prompts=8,
    samples=4,
    steps=12,
    updated_steps=6,
    grouped=True,
    clip=1e-2,
    divergence=0.01,
    learning_rate=3e-4,
    accumulation=1,
    precision="fp32",
)
_MINI = AlignmentConfig(
    iterations=300,
    prompts=16,
    samples=4,
    steps=20,
    updated_steps=5,
    grouped=True,
    clip=1e-2,
    divergence=0.01,
    learning_rate=2e-4,
    accumulation=1,
    precision="bf16",
)

_WEIGHTS = PAIR_WEIGHTS | {"eye": 9.0}
"""What rankings say of the pipeline's own fills outweighs what faults teach."""


def _beginning_with_imagenet(image_size: int) -> RewardTrainingConfig:
    """From nothing, at 64, one of as many rankings ordered fewer of the pairs that the eye called
    clear; so one that was aligned by it hardly won more often than the base."""
    return RewardTrainingConfig(
        steps=600,
        batch_size=8,
        learning_rate=4e-4,
        warmup_steps=50,
        checkpoint_every=200,
        ranked_share=0.8,
        pair_weights=_WEIGHTS,
        freeze=0.4,
        encoder=EncoderConfig(kind="lite", image_size=image_size, embedding_size=192),
    )


PROOFS: dict[PresetName, Proof] = {
    "nano": Proof(
        reward=_beginning_with_imagenet(128),
        judge=RewardTrainingConfig(
            steps=1200,
            batch_size=8,
            checkpoint_every=200,
            ranked_share=0.7,
            pair_weights=_WEIGHTS,
            seed=1,
            encoder=EncoderConfig(kind="resnet", image_size=64, widths=(24, 48, 96, 128)),
        ),
        methods=_methods(_NANO),
        aligned="nft",
        preferring=_preferring(_NANO),
        refining=_refining(_NANO),
        test=40,
        ablation=replace(_NANO, divergence=0.0, iterations=15),
    ),
    "mini": Proof(
        reward=replace(_beginning_with_imagenet(256), steps=2000),
        judge=RewardTrainingConfig(
            steps=3000,
            ranked_share=0.7,
            seed=1,
            encoder=EncoderConfig(kind="resnet", image_size=256, widths=(32, 64, 128, 192)),
        ),
        methods=_methods(_MINI),
        aligned="nft",
        preferring=_preferring(_MINI),
        refining=_refining(_MINI),
        ablation=replace(_MINI, divergence=0.0),
        pairs=1500,
        validation=100,
        align=1000,
        test=150,
        steps=20,
    ),
}
