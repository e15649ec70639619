"""One picture that shows a hole and its ranked fills side by side. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.inpainting.request import Mask, Pixels

BACKGROUND, PANEL, LINE = (18, 19, 22), (32, 34, 38), (52, 55, 61)
TEXT, QUIET, ACCENT = (232, 234, 237), (154, 160, 168), (61, 126, 255)
GAP, CAPTION = 16, 64
TILE_SIDE = 420
"""Longer side of each picture on the sheet, in pixels."""
MAX_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class Tile:
    """pixels: (h, w, 3), all of one size. title: large, left. notes: small, right, two lines."""

    pixels: Pixels
    title: str
    notes: tuple[str, str]


def contact_sheet(image: Pixels, hole: Mask, fills: Sequence[Tile]) -> Pixels:
    """The image with its hole marked, then the fills in the given order, with their captions.

    image: (h, w, 3); hole: (h, w). Returns RGB pixels.
    """
    original = Tile(image, "Original", ("the outlined area", "is filled"))
    scale = TILE_SIDE / max(hole.shape)
    width, height = (max(1, round(side * scale)) for side in (hole.shape[1], hole.shape[0]))
    columns = _columns(1 + len(fills))
    panel_width = max(width, 280)  # so that a narrow picture's caption still fits
    rows = -(-(1 + len(fills)) // columns)
    step_x, step_y = panel_width + GAP, height + CAPTION + GAP
    sheet = Image.new("RGB", (GAP + columns * step_x, GAP + rows * step_y), BACKGROUND)
    for index, tile in enumerate((original, *fills)):
        picture = Image.fromarray(tile.pixels).resize((width, height), Image.Resampling.LANCZOS)
        if index == 0:
            picture = _outlined(picture, hole)
        left, top = GAP + index % columns * step_x, GAP + index // columns * step_y
        panel = (left, top, left + panel_width - 1, top + height + CAPTION - 1)
        draw = ImageDraw.Draw(sheet)
        draw.rectangle(panel, PANEL, ACCENT if index == 1 else LINE, 2 if index == 1 else 1)
        edge = 2  # the panel's border stays visible around the picture
        inner = picture.crop((edge, edge, width - edge, height - edge)) if width > 8 else picture
        sheet.paste(inner, (left + (panel_width - inner.width) // 2, top + edge))
        _write_caption(draw, tile, left, top + height, panel_width)
    return np.asarray(sheet)


def _columns(count: int) -> int:
    """Few columns, and as few empty places in the last row as can be."""
    if count <= MAX_COLUMNS:
        return count
    return min(range(MAX_COLUMNS, 2, -1), key=lambda columns: -count % columns)


def _outlined(picture: Image.Image, hole: Mask) -> Image.Image:
    pixels = np.array(picture)
    shown = cv2.resize(hole.astype(np.float32), picture.size, interpolation=cv2.INTER_AREA) > 0
    rim = cv2.dilate(shown.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~shown
    pixels[shown] = pixels[shown] // 2 + np.array(ACCENT, np.uint8) // 2
    pixels[rim] = 255
    return Image.fromarray(pixels)


def _write_caption(draw: ImageDraw.ImageDraw, tile: Tile, left: int, top: int, width: int) -> None:
    middle = top + CAPTION // 2
    draw.text((left + 14, middle), tile.title, TEXT, ImageFont.load_default(24), anchor="lm")
    for offset, note in zip((-11, 11), tile.notes, strict=True):
        right = left + width - 14
        draw.text((right, middle + offset), note, QUIET, ImageFont.load_default(15), anchor="rm")
