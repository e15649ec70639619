"""The photo and hole that the benches fill: the sample at 12 megapixels, 400 x 400 missing."""

import cv2
import numpy as np
import numpy.typing as npt

from prefpaint_gui.photo_io import read_photo
from resources import SAMPLE_PHOTO
from training.inpainting.region import make_request
from training.inpainting.request import InpaintRequest

SIZE = (4256, 2840)


def large_photo() -> npt.NDArray[np.uint8]:
    """(2840, 4256, 3) uint8."""
    pixels = read_photo(SAMPLE_PHOTO).pixels
    return np.asarray(cv2.resize(pixels, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


def request(seeds: tuple[int, ...]) -> InpaintRequest:
    """400 x 400 missing among the launch tower's girders."""
    photo = large_photo()
    mask = np.zeros(photo.shape[:2], bool)
    mask[1000:1400, 900:1300] = True
    return make_request(photo, mask, job_id=1, seeds=seeds)
