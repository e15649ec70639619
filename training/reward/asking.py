"""Which question would teach most of a person's taste."""

import math

import numpy as np

from training.preferences.records import JudgedStrip, Opinion
from training.reward.choices import Floats, finite
from training.reward.personal import PersonalReward, learn

WORTH = 0.15
"""Bits that an answer must be expected to teach for a question to be asked."""


def most_telling_pair(
    features: Floats, rewards: Floats, personal: PersonalReward
) -> tuple[int, int] | None:
    """The two candidates of a strip of which "which is better?" would teach most, or None when no
    answer would teach WORTH bits. features: (k, d); rewards: (k,)."""
    places = np.flatnonzero(finite(np.asarray(rewards, np.float64), features))
    if len(places) < 2:
        return None
    gains = information(np.asarray(features)[places], np.asarray(rewards)[places], personal)
    first, second = np.unravel_index(int(np.argmax(gains)), gains.shape)
    if gains[first, second] < WORTH:
        return None
    return int(places[first]), int(places[second])


def information(features: Floats, rewards: Floats, personal: PersonalReward) -> Floats:
    """Bits that asking each pair is expected to teach: (k, k), symmetric, 0 on the diagonal.

    The mutual information of answer and weights, by the closed form of Houlsby et al.
    (arXiv 1112.5745, Eq. 4), with a logistic answer read as a probit one 8 / pi times as sharp.
    """
    if not personal.directions.basis.size:  # before the first answer the strip tells what varies
        seeds = tuple(range(len(rewards)))
        shown = JudgedStrip("", seeds, rewards, features.astype(np.float32), (Opinion("none"),))
        personal = learn([shown])
    f = personal.project(features, rewards)
    utilities = f @ personal.weights
    shared = f @ personal.covariance @ f.T
    own = np.diag(shared)
    squeeze = math.pi / 8
    mean = math.sqrt(squeeze) * (utilities[:, None] - utilities[None, :])
    variance = squeeze * np.maximum(own[:, None] + own[None, :] - 2 * shared, 0)
    chance = _normal(mean / np.sqrt(1 + variance))
    wide = math.pi * math.log(2) / 2
    expected = np.sqrt(wide / (variance + wide)) * np.exp(-(mean**2) / (2 * (variance + wide)))
    return np.maximum(_bits(chance) - expected, 0)


def _normal(x: Floats) -> Floats:
    """The normal distribution function. Of so few numbers, without SciPy: importing it would hold
    the window up for longer than all the rest."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x.flat]).reshape(x.shape)


def _bits(chance: Floats) -> Floats:
    """Entropy of a yes with this chance."""
    kept = np.clip(chance, 1e-12, 1 - 1e-12)
    return np.asarray(-(kept * np.log2(kept) + (1 - kept) * np.log2(1 - kept)))
