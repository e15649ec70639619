"""Pictures on disk under the hash of their pixels: each is kept once, whole and unaltered."""

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.files import replaced_when_complete

Picture = npt.NDArray[np.uint8]
"""(height, width) or (height, width, 3 or 4) uint8."""


def pixel_hash(pixels: Picture) -> str:
    """SHA-256 (hex) of a picture's shape and pixels; the same whatever file it was read from."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def encode_png(pixels: Picture) -> bytes:
    """The bytes of a lossless PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def image_path(folder: Path, sha256: str) -> Path:
    """Where the picture with this hash lies: in subfolders, so that none grows huge."""
    return folder / sha256[:2] / f"{sha256}.png"


def keep_image(folder: Path, sha256: str, pixels: Picture) -> None:
    """Write a picture under its hash unless it is there already. OSError passes through."""
    path = image_path(folder, sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_when_complete(path) as file:
        file.write(encode_png(pixels))


def load_image(folder: Path, sha256: str) -> Picture:
    """Read a kept picture. Raises OSError when it is gone or its pixels are no longer the same."""
    path = image_path(folder, sha256)
    with Image.open(path, formats=["PNG"]) as image:
        pixels = np.array(image)
    if pixel_hash(pixels) != sha256:
        raise OSError(f"{path} has been altered")
    return pixels
