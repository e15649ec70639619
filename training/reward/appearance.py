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
    rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    around = tuple(slice(max(0, at[0] - 1), at[-1] + 2) for at in (rows, columns))
    pixels, inside = fill[around].astype(np.float32) / 255, hole[around].astype(np.uint8)
    grey = cv2.transform(pixels, np.full((1, 3), 1 / 3))
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    red, green, blue, _ = cv2.mean(pixels, mask=inside)
    sharpness, *_ = cv2.mean(edges, mask=inside)
    deviation = cv2.meanStdDev(grey, mask=inside)[1].item()
    return np.array([(red + green + blue) / 3, red - blue, sharpness, -deviation], np.float32)
