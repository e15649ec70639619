"""How far a reward can be trusted: the bound of PrefPaint's Eq. 3-10."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Norm = Literal["paper", "bandit"]
LAMBDA = 0.01
"""Ridge of the published V^-1."""


@dataclass(frozen=True, eq=False)
class Trust:
    """What turns a bound ||z||_V^-1 into something a person can read.

    v_inverse: (256, 256), of the training features with `ridge`. quantiles: (101,), ascending, of
    the bounds of `reference` pictures. scale: the bound times this is in units of the reward (the
    paper's C); see `calibrated_scale`.
    """

    v_inverse: Matrix
    quantiles: Matrix
    scale: float
    ridge: float = LAMBDA
    reference: str = "training data"

    def bounds(self, features: npt.NDArray[np.float32]) -> Matrix:
        """||z||_V^-1 of (n, 256) features: (n,)."""
        return error_bound(features, self.v_inverse)

    def share(self, bounds: Matrix) -> Matrix:
        """Share of the reference pictures whose bound is at least each of these: 1 most trusted,
        0 least."""
        levels = np.linspace(0, 1, len(self.quantiles))
        return np.asarray(1 - np.interp(bounds, self.quantiles, levels))


def inverse_covariance(features: npt.NDArray[np.float32], ridge: float = LAMBDA) -> Matrix:
    """V^-1 with V = Z'Z + ridge I (Eq. 6); features Z: (n, d); gives (d, d)."""
    z = features.astype(np.float64)
    return np.asarray(np.linalg.inv(z.T @ z + ridge * np.eye(z.shape[1])), np.float64)


def error_bound(
    features: npt.NDArray[np.float32], v_inverse: Matrix, norm: Norm = "paper"
) -> npt.NDArray[np.float64]:
    """||z||_V^-1 of each row of (n, d) features: |z'psi_hat - z'psi*| is at most this times C.

    "paper" is ||z' V^-1||_2 as printed; "bandit" is sqrt(z' V^-1 z) of linear-bandit theory.
    """
    z = features.astype(np.float64)
    projected = z @ v_inverse
    if norm == "paper":
        return np.asarray(np.linalg.norm(projected, axis=1))
    return np.sqrt(np.einsum("nd,nd->n", projected, z))


def quantiles_of(bounds: Matrix) -> Matrix:
    """(101,) evenly spaced quantiles."""
    return np.asarray(np.quantile(bounds, np.linspace(0, 1, 101)), np.float64)


def calibrated_scale(margins: Matrix, bounds: Matrix, wanted: float) -> float:
    """The least C such that pairs further apart than C times their bounds are in the right order
    in the `wanted` share of cases.

    margins: (n,), reward of the better minus that of the worse of pairs of known order; bounds:
    (n,), the sum of both bounds. Two rewards nearer than that are a tie.
    """
    if not len(margins):
        return 0.0
    ratios = np.abs(margins) / bounds
    order = np.argsort(-ratios)  # the clearest first
    right = np.cumsum(margins[order] > 0) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(right >= wanted)
    return float(ratios[order][enough[-1]]) if len(enough) else float(ratios.max())
