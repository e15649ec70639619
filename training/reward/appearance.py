"""How a fill looks: what people have tastes in, and what a reward of realism hardly tells."""

import cv2
import numpy as np
import numpy.typing as npt

from training.inpainting.request import Mask, Pixels

FEATURE_SIZE = 256
"""Of the reward network's features z, which stand before a fill's looks in what is stored."""


def appearance(fill: Pixels, hole: Mask) -> npt.NDArray[np.float32]:
    """(4,): mean brightness, warmth (red less blue), sharpness (mean absolute Laplacian) and
    evenness (minus the deviation of the grey values) of the filled pixels; in units of the range.

    fill: (h, w, 3); hole: (h, w).
    """
    pixels = fill[hole].astype(np.float32) / 255
    grey = fill.astype(np.float32).mean(axis=2) / 255
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))[hole]
    warmth = pixels[:, 0].mean() - pixels[:, 2].mean()
    return np.array([pixels.mean(), warmth, edges.mean(), -grey[hole].std()], np.float32)
