"""A trained reward: its file, and how it scores the fills of one photo."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.inpainting.request import Mask, Pixels
from training.reward.appearance import appearance
from training.reward.encoders import EncoderConfig
from training.reward.network import RewardNetwork
from training.reward.score import Score
from training.reward.trust import Trust
from training.reward.view import view_boxes, view_hole, view_image, white_hole

FORMAT = "prefpaint-reward-1"
V_INVERSE, QUANTILES = "trust.v_inverse", "trust.quantiles"


@dataclass
class RewardModel:
    """mean, deviation: of the raw rewards of fills of held-out photos; scores are given in them.

    provenance: what it was trained on, by which command, and what was measured.
    """

    network: RewardNetwork
    mean: float
    deviation: float
    trust: Trust
    provenance: dict[str, Any]

    def score(self, image: Pixels, hole: Mask, fills: Sequence[Pixels]) -> list[Score]:
        """Score fills of one photo; each separate hole is judged by itself and all are averaged.

        image, fills: (h, w, 3) of one size; hole: (h, w). The prompt is encoded once.
        """
        rewards, bounds, features = [], [], []
        for view, (seen, *views) in self._views(hole, [image, *fills]):
            masked = white_hole(seen, view)
            output = self.network.judge_pictures(masked, np.stack(views), view)
            z = output.features.float().numpy()
            rewards.append((output.rewards.double().numpy() - self.mean) / self.deviation)
            bounds.append(self.trust.bounds(z))
            features.append(z)
        bound = np.mean(bounds, axis=0)
        looks = np.stack([appearance(fill, hole) for fill in fills])
        return [
            Score(float(reward), float(self.trust.scale * size), float(share), known)
            for reward, size, share, known in zip(
                np.mean(rewards, axis=0),
                bound,
                self.trust.share(bound),
                np.hstack([np.mean(features, axis=0), looks]),
                strict=True,
            )
        ]

    def embeddings(self, hole: Mask, fills: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """What the encoder makes of fills of one photo, before it is told of the photo: (n, e).

        fills: (h, w, 3) of one size; hole: (h, w). Separate holes are averaged.
        """
        return np.mean(
            [self.network.embed(np.stack(v), view) for view, v in self._views(hole, fills)], axis=0
        )

    def _views(self, hole: Mask, pictures: Sequence[Pixels]) -> Iterator[tuple[Mask, list[Pixels]]]:
        """For each separate hole: it and the pictures around it, at the encoder's size."""
        config = self.network.config
        for box in view_boxes(hole):
            yield (
                view_hole(hole, box, config.image_size),
                [view_image(p, box, config.image_size, config.resample) for p in pictures],
            )

    def save(self, path: Path) -> None:
        """Write one safetensors file: weights, preprocessing, normalisation, trust, provenance."""
        tensors = {name: t.contiguous() for name, t in self.network.state_dict().items()}
        tensors[V_INVERSE] = torch.from_numpy(self.trust.v_inverse)
        tensors[QUANTILES] = torch.from_numpy(self.trust.quantiles)
        details = {
            "encoder": asdict(self.network.config),
            "mean": self.mean,
            "deviation": self.deviation,
            "trust": {
                "scale": self.trust.scale,
                "lambda": self.trust.ridge,
                "reference": self.trust.reference,
            },
            "provenance": self.provenance,
        }
        data = serialise(tensors, {"format": FORMAT, "details": json.dumps(details)})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_when_complete(path) as file:
                file.write(data)
        except OSError as error:
            raise PrefPaintError(
                f"The reward model cannot be written to {path}: {error}"
            ) from error


def load_reward(path: Path) -> RewardModel:
    """Read a reward model; nothing is unpickled.

    Raises PrefPaintError that names a file which is missing, damaged or no reward model.
    """
    if not path.is_file():
        raise PrefPaintError(f"The reward model {path} does not exist. Choose another file.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise PrefPaintError(
            f"The reward model {path} is damaged ({error}). Put an intact copy in its place."
        ) from error
    if metadata.get("format") != FORMAT:
        raise PrefPaintError(f"{path} holds no PrefPaint reward model. Choose another file.")
    try:
        details = json.loads(metadata["details"])
        details["encoder"]["widths"] = tuple(details["encoder"]["widths"])
        network = RewardNetwork(EncoderConfig(**details["encoder"]))
        words = details["trust"]
        # Copied, because a view holds the file, which Windows then does not delete.
        trust = Trust(
            v_inverse=tensors.pop(V_INVERSE).numpy().copy(),
            quantiles=tensors.pop(QUANTILES).numpy().copy(),
            scale=float(words["scale"]),
            ridge=float(words["lambda"]),
            reference=str(words["reference"]),
        )
        network.load_state_dict(tensors)
        network.eval()
        mean, deviation = float(details["mean"]), float(details["deviation"])
        if not (np.isfinite([mean, deviation]).all() and np.isfinite(trust.v_inverse).all()):
            raise ValueError("its mean, deviation or V^-1 is no finite number")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        is_other = isinstance(error, RuntimeError)  # load_state_dict's, many lines long
        why = "its layers are others" if is_other else str(error).splitlines()[0]
        raise PrefPaintError(
            f"The reward model {path} does not fit this version of PrefPaint ({why}). Train it "
            "again, or use the built-in one."
        ) from error
    return RewardModel(network, mean, deviation, trust, details["provenance"])
