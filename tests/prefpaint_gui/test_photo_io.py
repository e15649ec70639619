"""Photographs come in upright and in RGB, go out as they came, and bad files say what is wrong."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from prefpaint_gui import photo_io
from prefpaint_gui.photo_io import photo_from_pixels, pixel_hash, read_mask, read_photo, write_photo
from resources import SAMPLE_MASK, SAMPLE_PHOTO
from training.errors import PrefPaintError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(height: int = 24, width: int = 32, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int = 24, width: int = 32) -> Image.Image:
    """A picture that JPEG keeps nearly as it is."""
    rows, columns = np.indices((height, width), np.float32)
    pixels = np.stack([rows * 8, columns * 6, rows * 4 + columns * 3], -1)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".TIFF", ""])
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_formats_give_every_pixel_back(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = noise(channels=channels)
    path = tmp_path / f"photo{suffix}"
    write_photo(path, pixels, photo_from_pixels(pixels))
    np.testing.assert_array_equal(read_photo(path).pixels, pixels)


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("L", 3), ("1", 3), ("P", 3), ("CMYK", 3), ("YCbCr", 3), ("LA", 4), ("RGB", 3), ("RGBA", 4)],
)
def test_every_mode_becomes_rgb_or_rgba(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / "photo.tif"
    image = smooth().convert(mode)
    image.save(path)
    pixels = read_photo(path).pixels
    assert (pixels.dtype, pixels.shape) == (np.uint8, (24, 32, channels))
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(pixels[..., :3], expected)


def test_a_palette_with_a_transparent_entry_becomes_rgba(tmp_path: Path) -> None:
    image = Image.new("P", (3, 2), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 1), 1)
    image.save(tmp_path / "p.png", transparency=1)
    pixels = read_photo(tmp_path / "p.png").pixels
    assert pixels[0, 0].tolist() == [255, 0, 0, 255]
    assert pixels[1, 1, 3] == 0


def test_cmyk_jpeg_is_saved_again_as_rgb_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.jpg"
    smooth().convert("CMYK").save(path, quality=95)
    photo = read_photo(path)
    assert np.abs(photo.pixels.astype(int) - np.asarray(smooth())).mean() < 4
    write_photo(path, photo.pixels, photo)
    assert Image.open(path).mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int) -> None:
    stored = smooth()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png")
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a),
    }[orientation](np.asarray(stored))
    np.testing.assert_array_equal(photo.pixels, turned)
    write_photo(tmp_path / "again.png", photo.pixels, photo)
    np.testing.assert_array_equal(read_photo(tmp_path / "again.png").pixels, turned)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_metadata_comes_back(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = "Lens"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    source = tmp_path / "source.jpg"
    smooth().save(source, exif=exif, icc_profile=SRGB, dpi=(300, 300))
    photo = read_photo(source)
    write_photo(tmp_path / f"out{suffix}", photo.pixels, photo)
    with Image.open(tmp_path / f"out{suffix}") as out:
        out.load()
        back = out.getexif()
        assert back[ExifTags.Base.Make] == "Camera"
        assert back.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] == "Lens"
        assert back.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        assert out.info["icc_profile"] == SRGB
        if suffix != ".webp":  # which has no place for it
            assert out.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_tiff_layout_does_not_travel_as_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    smooth().save(tmp_path / "in.tif", exif=exif)
    photo = read_photo(tmp_path / "in.tif")
    write_photo(tmp_path / "out.jpg", photo.pixels, photo)
    back = Image.open(tmp_path / "out.jpg").getexif()
    assert back[ExifTags.Base.Make] == "Camera"
    assert ExifTags.Base.StripOffsets not in back
    assert ExifTags.Base.ImageWidth not in back


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 92])
def test_jpeg_keeps_its_quality(tmp_path: Path, quality: int, subsampling: str) -> None:
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    smooth().save(source, quality=quality, subsampling=subsampling)
    photo = read_photo(source)
    write_photo(out, photo.pixels, photo)
    again = read_photo(out)
    assert again.jpeg_tables == photo.jpeg_tables
    assert again.jpeg_subsampling == photo.jpeg_subsampling


def test_jpeg_refuses_transparency_but_takes_an_opaque_alpha(tmp_path: Path) -> None:
    pixels = noise(channels=4)
    with pytest.raises(PrefPaintError, match="no transparency"):
        write_photo(tmp_path / "a.jpg", pixels, photo_from_pixels(pixels))
    assert not list(tmp_path.iterdir())
    pixels[..., 3] = 255
    write_photo(tmp_path / "a.jpg", pixels, photo_from_pixels(pixels))
    assert read_photo(tmp_path / "a.jpg").pixels.shape == (24, 32, 3)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 2)])
def test_odd_sizes_open(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (1, 2, 3)).save(tmp_path / "odd.png")
    assert read_photo(tmp_path / "odd.png").size == size


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _cut_short(path: Path) -> None:
    Image.fromarray(noise(200, 200)).save(path)
    path.write_bytes(path.read_bytes()[:5000])


def _animated(path: Path) -> None:
    smooth().save(path, save_all=True, append_images=[smooth().rotate(180)])


def _huge(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def _deep(*shape: int) -> Callable[[Path], object]:
    return lambda path: cv2.imwrite(str(path), np.full(shape, 40_000, np.uint16))


BAD_FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("a.png", lambda path: None, "does not exist"),  # noqa: ARG005
    "a folder": ("a.png", Path.mkdir, "is a folder"),
    "zero bytes": ("a.jpg", _bytes(b""), "empty"),
    "no picture": ("a.png", _bytes(b"%PDF-1.4 " * 100), "not a picture"),
    "truncated PNG": ("a.png", _cut_short, "damaged or cut short"),
    "truncated JPEG": ("a.jpg", _cut_short, "damaged or cut short"),
    "truncated WebP": ("a.webp", _cut_short, "a.webp"),
    "animated GIF": ("a.gif", _animated, "animated"),
    "animated PNG": ("a.png", _animated, "animated"),
    "pages": ("a.tif", _animated, "pages"),
    "too large": ("a.png", _huge, "at most 200 megapixels"),
    "16-bit grey PNG": ("a.png", _deep(8, 8), "8 bits"),
    "16-bit RGB PNG": ("a.png", _deep(8, 8, 3), "8 bits"),
    "16-bit RGBA PNG": ("a.png", _deep(8, 8, 4), "8 bits"),
    "16-bit RGB TIFF": ("a.tif", _deep(8, 8, 3), "8 bits"),
    "float TIFF": ("a.tif", lambda path: Image.new("F", (8, 8)).save(path), "8 bits"),
    "32-bit TIFF": ("a.tif", lambda path: Image.new("I", (8, 8)).save(path), "8 bits"),
    "LAB TIFF": ("a.tif", lambda path: Image.new("LAB", (8, 8)).save(path), "LAB"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_what_to_do(tmp_path: Path, case: str) -> None:
    name, make, sentence = BAD_FILES[case]
    path = tmp_path / name
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(PrefPaintError, match=sentence) as caught:
        read_photo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_tiff_of_several_pages_cut_anywhere_is_one_sentence(tmp_path: Path) -> None:
    _animated(whole := tmp_path / "whole.tif")
    content = whole.read_bytes()
    for length in range(1, len(content), 41):
        cut = tmp_path / "cut.tif"
        cut.write_bytes(content[:length])
        with pytest.raises(PrefPaintError, match=r"cut\.tif"):
            read_photo(cut)


def test_more_exif_than_jpeg_holds_is_said(tmp_path: Path) -> None:
    like = replace(photo_from_pixels(noise()), exif=b"Exif\x00\x00" + bytes(70_000))
    with pytest.raises(PrefPaintError, match="64 KB of EXIF"):
        write_photo(tmp_path / "a.jpg", noise(), like)
    assert not list(tmp_path.iterdir())


def test_a_phone_picture_with_extra_images_opens_as_its_photo(tmp_path: Path) -> None:
    smooth().save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[smooth()])
    photo = read_photo(tmp_path / "phone.jpg")
    assert (photo.format, photo.size) == ("JPEG", (32, 24))


def test_damaged_exif_does_not_refuse_the_photo(tmp_path: Path) -> None:
    smooth().save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert read_photo(tmp_path / "a.jpg").size == (32, 24)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrefPaintError, match=r"photo\.xyz"):
        write_photo(tmp_path / "photo.xyz", noise(), photo_from_pixels(noise()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_side_that_the_format_cannot_hold_is_refused(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((1, 70_000, 3), np.uint8)
    with pytest.raises(PrefPaintError, match="at most"):
        write_photo(tmp_path / f"long{suffix}", pixels, photo_from_pixels(pixels))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(PrefPaintError, match=r"out\.png"):
        write_photo(tmp_path / "file" / "out.png", noise(), photo_from_pixels(noise()))
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_full_disk_keeps_the_old_file_whole(tmp_path: Path, suffix: str) -> None:
    old = tmp_path / f"photo{suffix}"
    write_photo(old, noise(), photo_from_pixels(noise()))
    before = old.read_bytes()
    code = """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from prefpaint_gui.photo_io import photo_from_pixels, write_photo
        from training.errors import PrefPaintError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
        try:
            write_photo(Path(sys.argv[1]), pixels, photo_from_pixels(pixels))
        except PrefPaintError as error:
            print(error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(old)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(old) in ran.stdout
    assert old.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [old.name]


def test_saving_over_a_link_writes_the_file_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"")
    (tmp_path / "real.png").chmod(0o640)
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    write_photo(tmp_path / "link.png", noise(), photo_from_pixels(noise()))
    assert (tmp_path / "link.png").is_symlink()
    np.testing.assert_array_equal(read_photo(tmp_path / "real.png").pixels, noise())
    assert (tmp_path / "real.png").stat().st_mode & 0o777 == 0o640


def test_the_hash_is_of_pixels_and_shape() -> None:
    pixels = noise(4, 6)
    assert pixel_hash(pixels) == pixel_hash(pixels[:, ::-1][:, ::-1])
    assert pixel_hash(pixels) != pixel_hash(pixels.reshape(6, 4, 3))
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert pixel_hash(pixels) != pixel_hash(changed)


def _mask_values(mode: str) -> Image.Image:
    """Three columns: just below the threshold, at it, and full."""
    values = np.tile(np.array([[127, 128, 255]], np.uint8), (2, 1))
    if mode == "alpha":
        return Image.fromarray(np.dstack([values * 0, values]), "LA")
    if mode == "opaque alpha":
        return Image.fromarray(np.dstack([values, values * 0 + 255]), "LA")
    if mode == "16 bit":
        return Image.fromarray(values.astype(np.uint16) * 257)
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "alpha", "opaque alpha", "16 bit"])
def test_a_mask_is_hole_from_128(tmp_path: Path, mode: str) -> None:
    _mask_values(mode).save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", (3, 2))
    assert mask.dtype == bool
    assert mask.tolist() == [[False, True, True]] * 2


def test_a_mask_of_another_size_names_both(tmp_path: Path) -> None:
    Image.new("L", (5, 4)).save(tmp_path / "mask.png")
    with pytest.raises(PrefPaintError, match=r"mask\.png is 5 × 4 .* 3 × 2"):
        read_mask(tmp_path / "mask.png", (3, 2))


def test_the_sample_mask_belongs_to_the_sample_photo() -> None:
    photo = read_photo(SAMPLE_PHOTO)
    mask = read_mask(SAMPLE_MASK, photo.size)
    assert 0.01 < mask.mean() < 0.2
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not border.any()


def test_reading_photos_needs_neither_qt_nor_torch() -> None:
    code = f"import sys, {photo_io.__name__}; print({{'PySide6', 'torch'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
