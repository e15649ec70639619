"""How near a fill is to what was there. Both measures favour blur: a prompt has many good fills,
and the blurred mean of them is nearest to any."""

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels

ROUNDING = 1 / 12
"""Mean squared error of rounding to whole numbers: an equal fill has the PSNR of this, 58.9 dB."""
WINDOW, SIGMA = (11, 11), 1.5


def psnr(fill: Pixels, original: Pixels, hole: Mask) -> float:
    """Peak signal-to-noise ratio in decibels over the hole's pixels."""
    error = (fill[hole].astype(np.float64) - original[hole]) ** 2
    return float(10 * np.log10(255**2 / max(float(error.mean()), ROUNDING)))


def ssim(fill: Pixels, original: Pixels, hole: Mask) -> float:
    """Structural similarity (Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5) of each
    channel, averaged over the windows that lie around the hole's pixels; 1 for equal pictures."""
    x, y = fill.astype(np.float64), original.astype(np.float64)
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    variance_x = _local_mean(x * x) - mean_x**2
    variance_y = _local_mean(y * y) - mean_y**2
    covariance = _local_mean(x * y) - mean_x * mean_y
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_x * mean_y + first) * (2 * covariance + second)
    likeness /= (mean_x**2 + mean_y**2 + first) * (variance_x + variance_y + second)
    return float(likeness[hole].mean())


def _local_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(values, WINDOW, SIGMA), np.float64)
