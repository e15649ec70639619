"""Reading and writing photographs and masks. No Qt."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile, ImageOps, JpegImagePlugin

from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.inpainting.request import Mask
from training.preferences.images import pixel_hash as pixel_hash

PhotoPixels = npt.NDArray[np.uint8]
"""(height, width, 3) RGB or (height, width, 4) RGBA, uint8; alpha is not premultiplied."""

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded: they would not fit into memory."""

MASK_THRESHOLD = 128
"""A mask's pixels at this value (of 255) or above are hole."""

# Only what is a photo: other Pillow readers run foreign programs (EPS) or are rarely tested.
READ_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
WRITE_FORMATS = {
    "": "PNG",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_LONGEST_SIDE = {"JPEG": 65_535, "WEBP": 16_383}
_LONGEST_JPEG_EXIF = 65_533
"""Bytes that a marker of JPEG holds."""

# How a TIFF lays out its own pixels (and its ICC profile), which must not travel as EXIF.
_TIFF_LAYOUT = {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 284, 317, 320}
_TIFF_LAYOUT |= {322, 323, 324, 325, 330, 338, 339, 347, 529, 530, 531, 532, 34675}

# The limit is MAX_PIXELS, checked in _open with a sentence of our own instead of a warning.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph as it was read, upright, with what is needed to write it back as it came.

    pixels: (height, width, 3 or 4) uint8, RGB or RGBA, 0-255.
    path: the file it came from; None when it was pasted or made.
    format: Pillow's name of the file's format, "PNG", "JPEG", ...
    exif: encoded EXIF without orientation and thumbnail, empty when there is none.
    icc_profile: the RGB colour profile of `pixels`; None means sRGB.
    dpi: pixels per inch, horizontal and vertical.
    jpeg_tables: quantisation tables of a JPEG file, by number; None for other formats.
    jpeg_subsampling: Pillow's code of a JPEG's chroma subsampling, -1 when unknown.
    """

    pixels: PhotoPixels
    path: Path | None
    format: str
    exif: bytes = b""
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg_tables: dict[int, list[int]] | None = None
    jpeg_subsampling: int = -1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_photo(path: Path) -> Photo:
    """Read a photograph upright as RGB, or RGBA where the file has transparency.

    Grey, palette and CMYK files become RGB. Raises PrefPaintError, naming the file, when it is
    missing, unreadable, damaged, animated, deeper than 8 bits or larger than MAX_PIXELS.
    """
    image = _open(path)
    if _is_deep(image):
        raise PrefPaintError(
            f"{path} has more than 8 bits per channel, which PrefPaint cannot keep yet. "
            "Save it with 8 bits per channel and open that."
        )
    _decode(image, path)
    file_format = "JPEG" if image.format == "MPO" else str(image.format)
    tables, subsampling = None, -1
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode != "CMYK":
        tables = {number: list(table) for number, table in image.quantization.items()}
        subsampling = JpegImagePlugin.get_sampling(image)
    exif = _make_upright(image)
    return Photo(
        pixels=np.array(_as_rgb(image, path)),
        path=path,
        format=file_format,
        exif=exif,
        icc_profile=_rgb_profile(image),
        dpi=_dpi(image),
        jpeg_tables=tables,
        jpeg_subsampling=subsampling,
    )


def photo_from_pixels(pixels: PhotoPixels) -> Photo:
    """A photo that comes from no file, for example from the clipboard."""
    return Photo(pixels=np.ascontiguousarray(pixels), path=None, format="PNG")


def write_photo(path: Path, pixels: PhotoPixels, like: Photo) -> None:
    """Write pixels in the format that the suffix names, with the photo's own metadata.

    PNG (also without a suffix), WebP and TIFF are lossless. JPEG takes the quantisation of `like`
    when that was a JPEG, quality 95 otherwise. The file appears whole or not at all, and an older
    one stays until then. Raises PrefPaintError when the format cannot hold it or the disk will not.
    """
    file_format = WRITE_FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise PrefPaintError(
            f"{path} cannot be written: PrefPaint writes PNG, JPEG, WebP and TIFF. "
            "End the name in .png, .jpg, .webp or .tif."
        )
    longest = _LONGEST_SIDE.get(file_format)
    if longest is not None and max(pixels.shape[:2]) > longest:
        raise PrefPaintError(
            f"{path} cannot be written: {file_format} holds at most {longest:,} pixels a side. "
            "End the name in .png."
        )
    if file_format == "JPEG" and pixels.shape[2] == 4:
        if (pixels[..., 3] < 255).any():
            raise PrefPaintError(
                f"{path} cannot be written: JPEG has no transparency and this photo does. "
                "End the name in .png."
            )
        pixels = pixels[..., :3]
    if file_format == "JPEG" and len(like.exif) > _LONGEST_JPEG_EXIF:
        raise PrefPaintError(
            f"{path} cannot be written: JPEG holds 64 KB of EXIF and this photo has more. "
            "End the name in .png."
        )
    try:
        with replaced_when_complete(path) as file:
            Image.fromarray(pixels).save(file, file_format, **_save_options(file_format, like))
    except (OSError, ValueError) as error:
        raise PrefPaintError(
            f"{path} cannot be written ({_reason(error)}). "
            "Free some space or choose another folder."
        ) from error


def read_mask(path: Path, size: tuple[int, int]) -> Mask:
    """Read a mask for a photo of `size` (width, height): True where alpha or white says hole.

    Transparency decides where there is any, brightness otherwise. Raises PrefPaintError, naming
    the file, as read_photo does, and when the size is another.
    """
    image = _open(path)
    _decode(image, path)
    _make_upright(image)
    if image.size != size:
        raise PrefPaintError(
            f"The mask {path} is {image.width} × {image.height} pixels but the photo is "
            f"{size[0]} × {size[1]}. Make them the same size."
        )
    if image.mode.startswith("I;16"):
        return np.asarray(image) >= MASK_THRESHOLD * 257
    colours = _as_rgb(image, path)
    if colours.mode == "RGBA":
        alpha = np.asarray(colours.getchannel("A"))
        if (alpha < 255).any():
            return alpha >= MASK_THRESHOLD
    return np.asarray(colours.convert("L")) >= MASK_THRESHOLD


def _open(path: Path) -> ImageFile.ImageFile:
    """Open a picture without decoding it yet, or say in one sentence why not."""
    try:
        image = Image.open(path, formats=READ_FORMATS)
    except FileNotFoundError as error:
        raise PrefPaintError(f"{path} does not exist. Check the name.") from error
    except IsADirectoryError as error:
        raise PrefPaintError(f"{path} is a folder. Name a picture in it.") from error
    except PermissionError as error:
        raise PrefPaintError(
            f"{path} may not be read. Change its permissions or copy it elsewhere."
        ) from error
    except Exception as error:  # decoders meet broken bytes with nearly every kind of error
        if path.is_dir():
            raise PrefPaintError(f"{path} is a folder. Name a picture in it.") from error
        raise PrefPaintError(_not_a_picture(path)) from error
    if image.width * image.height > MAX_PIXELS:
        raise PrefPaintError(
            f"{path} is {image.width} × {image.height} pixels; PrefPaint opens at most "
            f"{MAX_PIXELS // 1_000_000} megapixels. Make it smaller first."
        )
    try:
        pages = getattr(image, "n_frames", 1)
    except Exception as error:  # as above: a TIFF's pages are a chain that may be cut short
        raise PrefPaintError(_damaged(path, error)) from error
    # A phone's MPO carries depth maps and the like; its first picture is the photo.
    if pages > 1 and image.format != "MPO":
        raise PrefPaintError(
            f"{path} is animated or has several pages. "
            "Save the one you want as a PNG and open that."
        )
    return image


def _decode(image: Image.Image, path: Path) -> None:
    try:
        image.load()
    except MemoryError as error:
        raise PrefPaintError(
            f"{path} does not fit into memory. Close other programs or make it smaller."
        ) from error
    except Exception as error:  # as above
        raise PrefPaintError(_damaged(path, error)) from error


def _not_a_picture(path: Path) -> str:
    if path.is_file() and path.stat().st_size == 0:
        return f"{path} is empty (zero bytes). Get the file again from its source."
    return f"{path} is not a picture that PrefPaint opens. Use PNG, JPEG, WebP, TIFF, BMP or GIF."


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether an image that is not decoded yet has more than 8 bits a channel.

    Pillow silently cuts 16-bit RGB down to 8; only the raw mode of its tiles still tells.
    """
    raw_modes = (str(tile.args) for tile in image.tile if image.format in ("PNG", "TIFF"))
    return image.mode[0] in "IF" or any(";16" in mode for mode in raw_modes)


def _make_upright(image: Image.Image) -> bytes:
    """Turn the picture as EXIF says it is to be seen; returns the EXIF that is still true."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
        exif = image.getexif()
        for tag in _TIFF_LAYOUT & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    except Exception:  # damaged EXIF is no reason to refuse the photo
        return b""


def _as_rgb(image: Image.Image, path: Path) -> Image.Image:
    """The same picture as RGB or RGBA."""
    if image.mode == "CMYK":
        return _cmyk_to_srgb(image)
    if image.mode in ("LAB", "HSV"):
        raise PrefPaintError(
            f"{path} has {image.mode} colours, which PrefPaint cannot read. "
            "Save it as RGB and open that."
        )
    transparent = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _cmyk_to_srgb(image: Image.Image) -> Image.Image:
    """Through the file's own ink profile where there is one, else by plain subtraction."""
    profile = image.info.get("icc_profile")
    try:
        srgb = ImageCms.createProfile("sRGB")
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        converted = None
    return converted or image.convert("RGB")


def _rgb_profile(image: Image.Image) -> bytes | None:
    """The colour profile, if it speaks of RGB (a grey or CMYK one no longer fits the pixels)."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        horizontal, vertical = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (horizontal, vertical) if 0 < horizontal < 1e5 and 0 < vertical < 1e5 else None


def _save_options(file_format: str, like: Photo) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if like.exif:
        options["exif"] = like.exif
    if like.icc_profile:
        options["icc_profile"] = like.icc_profile
    if like.dpi and file_format != "WEBP":
        options["dpi"] = like.dpi
    if file_format == "JPEG" and like.jpeg_tables:
        options |= {"qtables": like.jpeg_tables, "subsampling": like.jpeg_subsampling}
    elif file_format == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    elif file_format == "PNG":
        options["compress_level"] = 4  # half the time of the default for a few per cent more
    elif file_format == "WEBP":
        options |= {"lossless": True, "exact": True}  # exact: colours under full transparency too
    elif file_format == "TIFF" and not like.exif:  # Pillow's compressed TIFF cannot take EXIF
        options["compression"] = "tiff_adobe_deflate"
    return options


def _damaged(path: Path, error: Exception) -> str:
    return f"{path} is damaged or cut short ({_reason(error)}). Get the file again from its source."


def _reason(error: Exception) -> str:
    """The operating system's words for an error, without file names or numbers."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
