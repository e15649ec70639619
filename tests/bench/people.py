"""Strips of real fills, and simulated people with hidden tastes who judge them."""

import hashlib
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from resources import SAMPLE_PHOTO
from training.commands.options import worker_processes
from training.preferences.records import JudgedStrip, Opinion
from training.reward.appearance import FEATURE_SIZE
from training.reward.faults import FaultKind, apply_fault
from training.reward.model import load_reward
from training.reward.pair_data import PromptPictures, load_prompts
from training.reward.pairs import make_pairs
from training.reward.scorer import builtin_reward_path

Floats = npt.NDArray[np.float64]
SAMPLE_PROMPTS = 300
MILD: tuple[FaultKind, ...] = ("colour", "brightness", "blur", "noise")
STATISTICS = ("bright", "warm", "sharp", "smooth")
DIRECTIONS = 20
"""Of variation within strips that a linear taste is drawn from: beyond about these, the built-in
reward's features hold nothing but rounding."""
NOISE = 0.1


@dataclass(frozen=True)
class Strips:
    """n strips of k fills. rewards: (n, k). features: (n, k, 260), z and looks. statistics: (n, k,
    4), of the filled pixels, in the order of STATISTICS: what the looks tell too."""

    rewards: Floats
    features: npt.NDArray[np.float32]
    statistics: Floats

    @property
    def centred(self) -> Floats:
        """z alone, less its mean over the strip."""
        z = self.features[..., :FEATURE_SIZE].astype(np.float64)
        return z - z.mean(axis=1, keepdims=True)


def read_strips(pairs: Path | None) -> Strips:
    """From a folder of `prefpaint-train pairs`, or of the sample photo; scored once and kept."""
    kept = Path(tempfile.gettempdir()) / "prefpaint-bench"
    if pairs is None:
        pairs = kept / "sample-pairs"
        if not (pairs / "manifest.jsonl").exists():
            print(f"making {SAMPLE_PROMPTS} prompts of the sample photo", flush=True)
            with worker_processes(2) as pool:
                photos, cancel = [SAMPLE_PHOTO], threading.Event()
                make_pairs(
                    photos, None, SAMPLE_PROMPTS, 0, "repair", pairs, pool, lambda _: None, cancel
                )
    model = builtin_reward_path()
    seen = model.read_bytes() + str(pairs.resolve()).encode() + b"z and looks"
    name = hashlib.sha256(seen).hexdigest()[:16]
    file = kept / f"{name}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        strips = _score(load_prompts(pairs))
        np.savez(
            file, rewards=strips.rewards, features=strips.features, statistics=strips.statistics
        )
    with np.load(file) as data:
        return Strips(data["rewards"], data["features"], data["statistics"])


def _score(prompts: list[PromptPictures]) -> Strips:
    model = load_reward(builtin_reward_path())
    rewards, features, statistics = [], [], []
    for number, prompt in enumerate(prompts):
        fills = _fills(prompt, number)
        scores = model.score(prompt.pictures[0], prompt.hole, fills)
        rewards.append([score.reward for score in scores])
        features.append([score.features for score in scores])
        statistics.append([_statistics(fill, prompt.hole) for fill in fills])
    return Strips(np.array(rewards), np.array(features), np.array(statistics))


def _fills(prompt: PromptPictures, number: int) -> list[npt.NDArray[np.uint8]]:
    """Every fill but the original, and three of them changed a little in colour, brightness,
    sharpness or grain, as the fills of a diffusion model differ."""
    rng = np.random.default_rng([7, number])
    fills = list(prompt.pictures[1:])
    for base in (0, 2, int(rng.integers(4))):
        kind, strength = MILD[int(rng.integers(len(MILD)))], float(rng.uniform(0.05, 0.25))
        seed = int(rng.integers(2**31))
        fills.append(apply_fault(kind, strength, fills[base], prompt.hole, fills[base], seed))
    return fills


def _statistics(fill: npt.NDArray[np.uint8], hole: npt.NDArray[np.bool_]) -> list[float]:
    pixels, grey = fill[hole].astype(np.float64), fill.astype(np.float64).mean(axis=2)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_64F))[hole].mean()
    warmth = pixels[:, 0].mean() - pixels[:, 2].mean()
    return [float(pixels.mean()), float(warmth), float(edges), -float(grey[hole].std())]


def tastes(strips: Strips, rng: np.random.Generator) -> dict[str, Floats]:
    """Hidden utilities (n, k) by name.

    A linear taste weighs the DIRECTIONS of most variation within strips, each scaled to the same
    deviation, by normal numbers; "x 2" counts twice as much as the general reward does, by its
    deviation within strips. The others are one statistic of the filled pixels, alone or added to
    the general reward with the same deviation.
    """
    flat = strips.centred.reshape(-1, FEATURE_SIZE)
    variances, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    whitened = strips.centred @ (vectors / np.sqrt(np.maximum(variances, 1e-30)))[:, -DIRECTIONS:]
    linear = _standard(whitened @ rng.normal(size=DIRECTIONS))
    general = _standard(strips.rewards)
    found = {"linear": general + linear, "linear x 2": general + 2 * linear}
    for place, name in enumerate(STATISTICS):
        statistic = _standard(strips.statistics[..., place])
        found |= {name: statistic, f"{name} + general": general + statistic}
    return {**found, "general": general}


def _standard(utilities: Floats) -> Floats:
    centred = utilities - utilities.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.mean(centred**2)))


def accept(utilities: Floats, rng: np.random.Generator) -> Opinion:
    """The person's favourite of a strip, or with a chance of NOISE any other."""
    best = int(utilities.argmax())
    if rng.random() < NOISE:
        best = int(rng.choice(np.delete(np.arange(len(utilities)), best)))
    return Opinion("accept", best)


def answer(utilities: Floats, cards: tuple[int, ...], rng: np.random.Generator) -> Opinion:
    """Which of some is best, or with a chance of NOISE any other of them."""
    best, *others = sorted(cards, key=lambda place: -utilities[place])
    if rng.random() < NOISE:
        chosen = int(rng.integers(len(others)))
        best, others[chosen] = others[chosen], best
    return Opinion("best", order=(best, *others))


def strip_of(strips: Strips, number: int, *opinions: Opinion, name: str = "") -> JudgedStrip:
    """A strip with what was said of it; seeds are places."""
    rewards = strips.rewards[number]
    digest = hashlib.sha256(f"{number} {name}".encode()).hexdigest()
    return JudgedStrip(
        digest, tuple(range(len(rewards))), rewards, strips.features[number], opinions
    )
