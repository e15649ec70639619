"""The personal reward: the general reward, and what one person's choices say beyond it.

u = b r + w'f: r is the general reward, f what varies between the fills of a photo in the general
reward's features z beyond r. b and w have a Gaussian prior around the general reward (b = SURE,
w = 0), choices are Plackett-Luce (a softmax over those compared), and the posterior is Laplace's:
the logarithm of it is concave, so its one optimum depends on the strips alone, not on their order.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from training.preferences.records import JudgedStrip
from training.reward.appearance import FEATURE_SIZE
from training.reward.choices import Floats, Indices, StripChoices, finite, read_choices

SURE = 4.0
"""How far apart in utility two fills are that the general reward sets one deviation apart: the
prior belief in the general order. In units of the logit of a choice between the two."""
DOUBT = 1.5
"""Prior deviation of that belief."""
TASTE = 0.7
"""Prior deviation of the effect of the direction of z that varies most; that of the others falls
with the root of how much they vary, because little variation is more often noise than taste."""
LOOKS = 0.6
"""What a fill's looks (see appearance) count beside that direction, each scaled to vary by 1."""
DIRECTIONS = 24
ROUNDING = 16.0
"""A direction counts when it varies by more than this times the rounding of float32 features."""
SAMPLE = 64
"""Strips that the directions are taken from: those of the lowest digests, to bound the time."""
GAIN = 0.02
"""Share of comparisons by which the personal order must be right more often than the general one,
once there are many more strips than PATIENCE."""
PATIENCE = 10


@dataclass(frozen=True, eq=False)
class Directions:
    """How a candidate's reward and features, less their means over the strip, become f.

    spread: deviation of the general reward within a strip. follow: (d,), what of z goes along with
    the reward. basis: (d, m), scaled so that every weight has a prior deviation of TASTE.
    """

    spread: float
    follow: Floats
    basis: Floats

    def project(self, rewards: Floats, features: Floats) -> Floats:
        """(n, 1 + m): the reward first."""
        if not self.basis.size:  # nothing is known of z yet
            return rewards[:, None] / self.spread
        beyond = features @ self.basis - rewards[:, None] * (self.follow @ self.basis)
        return np.column_stack([rewards / self.spread, beyond])

    def prior(self) -> tuple[Floats, Floats]:
        """Mean and precision of the weights: (1 + m,) each."""
        mean, precision = np.zeros((2, 1 + self.basis.shape[1]))
        mean[0], precision[0], precision[1:] = SURE, DOUBT**-2, TASTE**-2
        return mean, precision


@dataclass(frozen=True, eq=False)
class PersonalReward:
    """What is believed of one person's taste; see `learn`. Immutable.

    answers: opinions that it was learned from. right, general_right: share of the compared pairs
    that it and the general reward order as this person did, each strip judged by what all the
    others taught; 0 without answers. rows: differences of each strip's pairs, for `with_strip`.
    weights: (1 + m,); covariance: (1 + m, 1 + m).
    """

    strips: Mapping[str, StripChoices]
    rows: Mapping[str, Floats]
    directions: Directions
    weights: Floats
    covariance: Floats
    answers: int
    right: float
    general_right: float

    @property
    def active(self) -> bool:
        """Whether it orders candidates: once there are answers, and as long as it foretells them
        better than the general order by GAIN; little evidence has the benefit of the doubt."""
        least = GAIN * (1 - PATIENCE / max(1, len(self.rows)))
        return self.answers > 0 and self.right - self.general_right >= least

    @property
    def sentence(self) -> str:
        """Whether it is used, and why, for the person."""
        if not self.answers:
            return "Personal order: nothing learned yet, so the order is the general one."
        counted = f"your {self.answers} answers" if self.answers > 1 else "your one answer"
        ours, general = f"{100 * self.right:.0f} %", f"{100 * self.general_right:.0f} %"
        if self.active and len(self.rows) < PATIENCE:
            return f"Personal order is on: learned from {counted}, too few yet to tell how well."
        if self.active:
            return (
                f"Personal order is on: over {counted} it was right in {ours} of comparisons, the "
                f"general order in {general}."
            )
        if self.general_right > self.right:
            return (
                f"Personal order is off: over {counted} the general order was right more often "
                f"({general} against {ours})."
            )
        return (
            f"Personal order is off: over {counted} it was hardly right more often than the "
            f"general order ({ours} against {general})."
        )

    def judge(self, features: Floats, rewards: Floats) -> tuple[Floats, Floats]:
        """Personal rewards of the candidates of one strip, and their deviations: (k,) each.

        features: (k, d); rewards: (k,), the general ones, in whose units the answer is. The mean
        over the strip stays the general one: choices tell nothing of it. Without answers, or when
        not `active`, or for features of another width, the rewards themselves and 0; so too for a
        candidate whose reward or features are not finite.
        """
        means, deviations = np.array(rewards, np.float64), np.zeros(len(rewards))
        seen = self.directions.follow.size
        if not self.active or seen not in (0, features.shape[1]):
            return means, deviations
        known = finite(means, features)
        if not known.any():
            return means, deviations
        projected = self.project(features[known], means[known])
        unit = self.directions.spread / SURE
        centre = means[known].mean()
        means[known] = centre + unit * (projected @ self.weights)
        deviations[known] = unit * np.sqrt(
            np.einsum("ki,ij,kj->k", projected, self.covariance, projected)
        )
        return means, deviations

    def project(self, features: Floats, rewards: Floats) -> Floats:
        """What utility is linear in, less its mean over the strip: (k, 1 + m)."""
        z = np.asarray(features, np.float64)
        return self.directions.project(rewards - rewards.mean(), z - z.mean(axis=0))

    def with_strip(self, strip: JudgedStrip) -> "PersonalReward":
        """As `learn` from the same strips and this one in the place of that of its digest."""
        return _fit({**self.strips, strip.digest: read_choices(strip)}, self)


def learn(strips: Sequence[JudgedStrip]) -> PersonalReward:
    """Learn one person's taste from strips scored by one reward model, in any order.

    Strips without opinions count as never shown. The same strips give the same answer.
    """
    return _fit({strip.digest: read_choices(strip) for strip in strips})


def _fit(strips: Mapping[str, StripChoices], last: PersonalReward | None = None) -> PersonalReward:
    """last: what was learned before; it makes it quicker and changes nothing.

    Strips are sorted so that the sums are the same whatever the order in which they came.
    """
    strips = dict(sorted((name, s) for name, s in strips.items() if s.said))
    sample = _sample(strips)
    if last and _same_candidates(sample, _sample(last.strips)):
        directions = last.directions
        kept = {
            name: last.rows[name] for name in last.rows if strips.get(name) is last.strips[name]
        }
    else:
        directions, kept = _directions(sample), {}
    mean, precision = directions.prior()
    told = {name: strip for name, strip in strips.items() if len(strip.starts)}
    if not told:
        covariance = np.diag(1 / precision)
        return PersonalReward(strips, {}, directions, mean, covariance, 0, 0.0, 0.0)
    unknown = [name for name in told if name not in kept]
    kept |= zip(unknown, _project([told[name] for name in unknown], directions), strict=True)
    rows = {name: kept[name] for name in told}
    pairs = _stack(list(rows.values()), [strip.starts for strip in told.values()])
    guess = last.weights if last and len(last.weights) == len(mean) else mean
    weights = _most_likely(pairs, mean, precision, guess)
    chances = pairs.chances(weights)
    covariance = np.asarray(np.linalg.inv(pairs.curvature(chances) + np.diag(precision)))
    shares = _held_out(pairs, weights, chances, covariance)
    answers = sum(strip.said for strip in told.values())
    return PersonalReward(strips, rows, directions, weights, covariance, answers, *shares)


def _sample(strips: Mapping[str, StripChoices]) -> list[StripChoices]:
    """Those that the directions are taken from."""
    return list(islice((s for s in strips.values() if len(s.rewards) > 2), SAMPLE))


def _same_candidates(first: Sequence[StripChoices], second: Sequence[StripChoices]) -> bool:
    return len(first) == len(second) and all(
        a is b or (np.array_equal(a.rewards, b.rewards) and np.array_equal(a.features, b.features))
        for a, b in zip(first, second, strict=True)
    )


def _directions(strips: Sequence[StripChoices]) -> Directions:
    """From differences within strips; what varies no more than rounding is left out."""
    if not strips:
        return Directions(1.0, np.zeros(0), np.zeros((0, 0)))
    rewards = np.concatenate([strip.rewards for strip in strips])
    features = np.concatenate([strip.features for strip in strips]).astype(np.float64)
    total = float(rewards @ rewards)
    follow = features.T @ rewards / total if total else np.zeros(features.shape[1])
    beyond = features - rewards[:, None] * follow
    z, looks = beyond[:, :FEATURE_SIZE], beyond[:, FEATURE_SIZE:]
    variances, vectors = np.linalg.eigh(z.T @ z / len(z))
    spreads = np.sqrt(np.maximum(variances[::-1][:DIRECTIONS], 0))
    size = max(strip.size for strip in strips)
    counting = spreads > ROUNDING * float(np.finfo(np.float32).eps) * size
    of_z = vectors[:, ::-1][:, :DIRECTIONS][:, counting]
    if counting.any():
        of_z = of_z / np.sqrt(spreads[counting] * spreads[0])
    deviations = np.sqrt(np.mean(looks**2, axis=0))
    varying = deviations > 1e-6
    of_looks = np.diag(LOOKS / np.maximum(deviations, 1e-6))[:, varying]
    basis = np.zeros((features.shape[1], of_z.shape[1] + of_looks.shape[1]))
    basis[: len(of_z), : of_z.shape[1]] = of_z
    basis[len(of_z) :, of_z.shape[1] :] = of_looks
    return Directions(math.sqrt(total / len(rewards)) or 1.0, follow, basis)


@dataclass(frozen=True, eq=False)
class Pairs:
    """All choices as differences: row @ weights is u_worse - u_better.

    rows: (n, 1 + m); starts: (c,), where each choice begins; strips: (s + 1,), where each strip
    begins, and n.
    """

    rows: Floats
    starts: Indices
    strips: Indices

    def loss(self, weights: Floats) -> float:
        """Minus the log-likelihood."""
        _, highest, sums = self._terms(weights)
        return float(np.sum(np.log(sums) + highest))

    def chances(self, weights: Floats) -> Floats:
        """Chance of each worse one, had the choice been made again: (n,)."""
        raised, _, sums = self._terms(weights)
        return raised / np.repeat(sums, np.diff(self.starts, append=len(raised)))

    def curvature(self, chances: Floats) -> Floats:
        """Second derivative of the loss: (1 + m, 1 + m)."""
        weighted = self.rows * chances[:, None]
        means = np.add.reduceat(weighted, self.starts)
        return np.asarray(weighted.T @ self.rows - means.T @ means)

    def _terms(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        margins = self.rows @ weights
        highest = np.maximum(np.maximum.reduceat(margins, self.starts), 0)
        sizes = np.diff(self.starts, append=len(margins))
        raised = np.exp(margins - np.repeat(highest, sizes))
        return raised, highest, np.add.reduceat(raised, self.starts) + np.exp(-highest)


def _project(strips: Sequence[StripChoices], directions: Directions) -> list[Floats]:
    """The differences of each strip's pairs: (n, 1 + m) each."""
    if not strips:
        return []
    firsts = np.cumsum([0, *(len(strip.rewards) for strip in strips)])
    rewards = np.concatenate([strip.rewards for strip in strips])
    features = np.concatenate([strip.features for strip in strips]).astype(np.float64)
    f = directions.project(rewards, features)
    return [
        f[first + strip.worse] - f[first + strip.better]
        for first, strip in zip(firsts, strips, strict=False)
    ]


def _stack(rows: Sequence[Floats], starts: Sequence[Indices]) -> Pairs:
    places = np.cumsum([0, *map(len, rows)])
    shifts = np.repeat(places[:-1], [len(each) for each in starts])
    return Pairs(np.concatenate(rows), np.concatenate(starts) + shifts, places)


def _most_likely(pairs: Pairs, mean: Floats, precision: Floats, guess: Floats) -> Floats:
    """The weights of the highest posterior, by Newton's method with a line search."""

    def loss(weights: Floats) -> float:
        return pairs.loss(weights) + 0.5 * float(precision @ (weights - mean) ** 2)

    weights, now = guess, loss(guess)
    for _ in range(50):
        chances = pairs.chances(weights)
        gradient = pairs.rows.T @ chances + precision * (weights - mean)
        step = np.linalg.solve(pairs.curvature(chances) + np.diag(precision), gradient)
        expected = float(gradient @ step)
        if expected < 1e-12:
            return weights - step
        share = 1.0
        while loss(weights - share * step) > now - 0.25 * share * expected and share > 1e-6:
            share /= 2
        weights = weights - share * step
        now = loss(weights)
    return weights


def _held_out(
    pairs: Pairs, weights: Floats, chances: Floats, covariance: Floats
) -> tuple[float, float]:
    """Share of pairs in the person's order by the personal reward and by the general one, a mean
    over strips; each strip is judged by the weights that all others give, to first order.

    With K = D C D' of a strip's rows D, and L the curvature of its own likelihood, taking the strip
    out moves its margins by K (I - L K)^-1 p (Newton's step, by the Woodbury identity).
    """
    numbers = np.searchsorted(pairs.starts, np.arange(len(pairs.rows)), side="right")
    margins, sizes = pairs.rows @ weights, np.diff(pairs.strips)
    for size in np.unique(sizes):
        places = pairs.strips[:-1][sizes == size][:, None] + np.arange(size)
        rows, p, choice = pairs.rows[places], chances[places], numbers[places]
        kernel = rows @ covariance @ rows.transpose(0, 2, 1)
        together = choice[:, :, None] == choice[:, None, :]
        curvature = np.eye(size) * p[:, :, None] - together * p[:, :, None] * p[:, None, :]
        moved = kernel @ np.linalg.solve(np.eye(size) - curvature @ kernel, p[..., None])
        margins[places] += moved[..., 0]
    means = [
        np.mean(np.add.reduceat((m < 0) + 0.5 * (m == 0), pairs.strips[:-1]) / sizes)
        for m in (margins, pairs.rows[:, 0])
    ]
    return float(means[0]), float(means[1])
