"""How far a reward can be trusted: the bound of PrefPaint's Eq. 3-10."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Norm = Literal["paper", "bandit"]
LAMBDA = 0.01
"""Ridge of the published V^-1."""


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


def trust_share(
    bounds: npt.NDArray[np.float64], quantiles: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of the training data whose bound is at least each of these: 1 most trusted, 0 least.

    quantiles: the training bounds' evenly spaced quantiles, ascending.
    """
    levels = np.linspace(0, 1, len(quantiles))
    return np.asarray(1 - np.interp(bounds, quantiles, levels))
