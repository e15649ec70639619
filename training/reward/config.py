"""The settings of a reward's training, and how they are read from a file."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    with_config,
)

from training.errors import PrefPaintError
from training.preferences.formats.archive_rows import what_is_wrong
from training.reward.encoders import EncoderConfig
from training.reward.groups import PairKind
from training.reward.losses import PAIR_WEIGHTS
from training.reward.objective import Objective

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[FiniteFloat, Field(ge=0)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RewardTrainingConfig:
    """batch_size: prompts a step, in all processes. learning_rate: AdamW's highest, after
    `warmup_steps`.

    start: a reward model to go on from, whatever `encoder` says; without one the weights are drawn,
    except those of an encoder of kind "lite", which begins with ImageNet's (see lite_weights).
    of_start: share of `start` in the weights of the result: mixed so, what was learned holds better
    on other photos (WiSE-FT, arXiv 2109.01903).
    ranked_share: of a step's prompts, those that someone ranked, where there are others too.
    objective: "ranking" learns from pairs; the other two from scores that people gave.
    pair_weights: how much a pair counts, by how its order is known.
    freeze: share of the encoder's layers that do not learn. With augment off, what comes out of
    them is computed once for each picture.
    patience: measurements without a better validation accuracy after which the best is kept.
    bf16: in the encoder, where the device has instructions for it.
    """

    steps: PositiveInt = 2000
    batch_size: PositiveInt = 16
    learning_rate: Amount = 6e-4
    weight_decay: Amount = 0.05
    warmup_steps: NonNegativeInt = 100
    start: Path | None = None
    of_start: Share = 0.0
    ranked_share: Share = 0.2
    objective: Objective = "ranking"
    pair_weights: dict[PairKind, Amount] = field(default_factory=lambda: dict(PAIR_WEIGHTS))
    freeze: Share = 0.0
    augment: bool = True
    patience: PositiveInt | None = None
    seed: NonNegativeInt = 0
    checkpoint_every: PositiveInt = 200
    bf16: bool = True
    gradient_checkpointing: bool = False
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


def read_config(path: Path | None, **given: Any) -> RewardTrainingConfig:
    """A TOML file's settings, and over them those that are not None; of pair_weights the file may
    give some. Raises PrefPaintError that names the file and a key which is unknown or whose value
    is of the wrong kind or out of its range."""
    name = path or "What was given on the line"
    try:
        settings = tomllib.loads(path.read_text()) if path else {}
        settings |= {key: value for key, value in given.items() if value is not None}
        weights = settings.get("pair_weights")
        if isinstance(weights, dict):
            settings["pair_weights"] = PAIR_WEIGHTS | weights
        config = TypeAdapter(RewardTrainingConfig)
        return config.validate_json(json.dumps(settings, default=str), strict=True)
    except ValidationError as error:
        raise PrefPaintError(
            f"{name} holds no settings of a reward run: {what_is_wrong(error)}."
        ) from error
    except (OSError, ValueError) as error:
        raise PrefPaintError(f"{name} holds no settings of a reward run: {error}.") from error
