"""Pictures on disk under the hash of their pixels: each is kept once, whole and unaltered."""

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.files import replaced_when_complete

Picture = npt.NDArray[np.uint8]
"""(height, width) or (height, width, 3 or 4) uint8."""


MOST_PIXELS = 150_000_000
"""Of one picture; more than the largest photo that the window is made for."""
HASH = re.compile("[0-9a-f]{64}")
"""What names a picture, and nothing else: a path is made of it."""


def pixel_hash(pixels: Picture) -> str:
    """SHA-256 (hex) of a picture's shape and pixels; the same whatever file it was read from."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def encode_png(pixels: Picture) -> bytes:
    """The bytes of a lossless PNG."""
    import cv2  # here: it is slow to import, and Pillow takes twice the time

    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    turned = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, order[pixels.shape[2]])
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, 3]
    return bytes(cv2.imencode(".png", turned, settings)[1])


def image_path(folder: Path, sha256: str) -> Path:
    """Where the picture with this hash lies: in subfolders, so that none grows huge."""
    return folder / sha256[:2] / f"{sha256}.png"


def keep_image(folder: Path, sha256: str, pixels: Picture) -> None:
    """Write a picture under its hash unless it is there already. OSError passes through."""
    if not image_path(folder, sha256).exists():
        keep_png(folder, sha256, encode_png(pixels))


def keep_png(folder: Path, sha256: str, png: bytes) -> None:
    """Write an encoded picture under the hash of its pixels. OSError passes through."""
    path = image_path(folder, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_when_complete(path) as file:
        file.write(png)


def load_image(folder: Path, sha256: str) -> Picture:
    """Read a kept picture. Raises OSError when it is gone or its pixels are no longer the same."""
    path = image_path(folder, sha256)
    with Image.open(path, formats=["PNG"]) as image:
        pixels = np.array(image)
    if pixel_hash(pixels) != sha256:
        raise OSError(f"{path} has been altered")
    return pixels
