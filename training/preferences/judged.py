"""Strips as something to learn from: the same candidates are one strip, wherever they stood."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from training.preferences.records import JudgedStrip, Opinion, last_on_each


def named_by_content(strip: JudgedStrip) -> JudgedStrip:
    """The strip with its candidates by ascending seed, under a name that tells nothing of where
    they stood."""
    order = np.argsort(strip.seeds, kind="stable")
    seeds = tuple(int(strip.seeds[place]) for place in order)
    rewards = np.asarray(strip.rewards, np.float64)[order]
    features = np.asarray(strip.features, np.float32)[order]
    content = repr(seeds).encode() + rewards.tobytes() + features.tobytes()
    return JudgedStrip(
        hashlib.sha256(content).hexdigest(), seeds, rewards, features, strip.opinions
    )


def joined(strips: Iterable[JudgedStrip]) -> list[JudgedStrip]:
    """Strips that show the same candidates as one, with what was said of any of them.

    A strip is shown in another order after each answer that moves its cards, and is kept once for
    each order. Learned from separately, two thumbs up on it would each speak against the other.
    """
    together: dict[str, JudgedStrip] = {}
    for strip in map(named_by_content, strips):
        known = together.get(strip.digest)
        opinions = (*(known.opinions if known is not None else ()), *strip.opinions)
        together[strip.digest] = replace(strip, opinions=latest(opinions))
    return list(together.values())


def latest(opinions: Iterable[Opinion]) -> tuple[Opinion, ...]:
    """Of opinions, oldest first, the last one on each subject."""
    return last_on_each(opinions, lambda opinion: opinion)
