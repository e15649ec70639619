"""Which question would teach most of a person's taste."""

import numpy as np

from training.preferences.records import JudgedStrip, Opinion
from training.reward.choices import Floats, Indices, finite
from training.reward.personal import PersonalReward, learn

MOST_CARDS = 4
"""Cards of a question: more would be hard to hold in mind. One click on the best of four tells of
three comparisons, one on the better of two tells of one."""
WORTH = 0.15
"""Bits that an answer must be expected to teach for a question to be asked."""
DRAWS = 256
"""Tastes that the expectation is taken over."""


def most_telling(
    features: Floats, rewards: Floats, personal: PersonalReward
) -> tuple[int, ...] | None:
    """The two to MOST_CARDS candidates of a strip of which "which is best?" would teach most, in
    ascending order, or None when no answer would teach WORTH bits.

    The best pair, and then one candidate after the other as long as each adds something.
    features: (k, d); rewards: (k,).
    """
    places = np.flatnonzero(finite(np.asarray(rewards, np.float64), features))
    if len(places) < 2:
        return None
    drawn = drawn_utilities(np.asarray(features)[places], np.asarray(rewards)[places], personal)
    asked = np.zeros((1, 0), np.intp)
    best = -np.inf
    while asked.shape[1] < min(MOST_CARDS, len(places)):
        more = _one_more(asked[0], len(places)) if asked.size else _pairs(len(places))
        bits = information(drawn, more)
        if bits.max() <= best:
            break
        best, asked = bits.max(), more[[bits.argmax()]]
    return tuple(sorted(int(place) for place in places[asked[0]])) if best >= WORTH else None


def drawn_utilities(features: Floats, rewards: Floats, personal: PersonalReward) -> Floats:
    """Utilities of a strip's candidates under DRAWS tastes from what is believed: (DRAWS, k).

    The same strip and beliefs give the same draws.
    """
    if not personal.directions.basis.size:  # before the first answer the strip tells what varies
        seeds = tuple(range(len(rewards)))
        shown = JudgedStrip("", seeds, rewards, features.astype(np.float32), (Opinion("none"),))
        personal = learn([shown])
    f = personal.project(features, rewards)
    root = np.linalg.cholesky(personal.covariance)
    normal = np.random.default_rng(0).standard_normal((DRAWS // 2, len(root)))
    tastes = personal.weights + np.concatenate([normal, -normal]) @ root.T
    return np.asarray(tastes @ f.T)


def information(drawn: Floats, questions: Indices) -> Floats:
    """Bits that the answers to questions are expected to teach: (n,).

    The mutual information of answer and taste (BALD: Houlsby et al., arXiv 1112.5745): the entropy
    of the answer less what of it would be left if the taste were known. An answer is a softmax over
    the cards of the question. drawn: (draws, k) utilities; questions: (n, cards), places among k.
    """
    utilities = drawn[:, questions]
    chances = np.exp(utilities - utilities.max(axis=2, keepdims=True))
    chances /= chances.sum(axis=2, keepdims=True)
    bits = _entropy(chances.mean(axis=0)) - _entropy(chances).mean(axis=0)
    return np.asarray(np.maximum(bits, 0))


def _entropy(chances: Floats) -> Floats:
    return np.asarray(-np.sum(chances * np.log2(np.maximum(chances, 1e-300)), axis=-1))


def _pairs(count: int) -> Indices:
    return np.stack(np.triu_indices(count, 1), axis=1)


def _one_more(asked: Indices, count: int) -> Indices:
    """The question with each other candidate."""
    others = np.setdiff1d(np.arange(count), asked)
    return np.column_stack([np.tile(asked, (len(others), 1)), others])
