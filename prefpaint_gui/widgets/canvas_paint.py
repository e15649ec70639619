"""What the canvas draws. All coordinates are device pixels."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPixmap, QTransform

from prefpaint_gui.state.pyramid import Level, Pyramid
from prefpaint_gui.widgets.viewport import Viewport
from training.inpainting.request import Box, Mask

CRISP_FROM = 2.0
"""Scale from which single photo pixels are shown as squares."""
MASK_OPACITY = 0.42
CHECKER_SIDE = 8


def level_image(level: Level) -> QImage:
    """A QImage over the level's own memory, which must outlive it."""
    height, width = level.shape[:2]
    return QImage(
        level.data, width, height, level.strides[0], QImage.Format.Format_ARGB32_Premultiplied
    )


def draw_picture(
    painter: QPainter, viewport: Viewport, pyramid: Pyramid, left: int, top: int
) -> None:
    """Draw a picture whose corner lies at (left, top) of the photo, from the level that fits."""
    depth = min(len(pyramid.levels) - 1, max(0, math.floor(-math.log2(viewport.scale))))
    x, y = viewport.to_device(left, top)
    scale = viewport.scale * 2**depth
    smooth = viewport.scale < CRISP_FROM and viewport.scale != 1
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.setTransform(QTransform(scale, 0, 0, scale, x, y), combine=True)
    painter.drawImage(QPointF(0, 0), level_image(pyramid.levels[depth]))
    painter.restore()


def draw_checker(painter: QPainter, area: QRectF, light: QColor, dark: QColor) -> None:
    """The pattern that shows through transparent pixels."""
    tile = QPixmap(2 * CHECKER_SIDE, 2 * CHECKER_SIDE)
    tile.fill(light)
    tile_painter = QPainter(tile)
    tile_painter.fillRect(0, 0, CHECKER_SIDE, CHECKER_SIDE, dark)
    tile_painter.fillRect(CHECKER_SIDE, CHECKER_SIDE, CHECKER_SIDE, CHECKER_SIDE, dark)
    tile_painter.end()
    painter.fillRect(area, QBrush(tile))


def draw_mask(
    painter: QPainter, viewport: Viewport, mask: Mask, exposed: QRect, colour: QColor
) -> None:
    """Tint what is masked in the exposed rectangle, with a line along its edge.

    The mask is sampled at the screen's own pixels, so the cost depends on the exposed area only.
    """
    height, width = mask.shape
    left, top = viewport.to_device(0, 0)
    right, bottom = viewport.to_device(width, height)
    area = exposed & QRectF(left, top, right - left, bottom - top).toAlignedRect()
    if area.isEmpty():
        return
    # One more pixel on each side, to know whether the outermost ones lie on the edge.
    x = np.arange(area.left() - 1, area.right() + 2) + 0.5
    y = np.arange(area.top() - 1, area.bottom() + 2) + 0.5
    columns = np.floor((x - viewport.x) / viewport.scale).astype(np.intp).clip(0, width - 1)
    rows = np.floor((y - viewport.y) / viewport.scale).astype(np.intp).clip(0, height - 1)
    seen = mask[np.ix_(rows, columns)]
    if not seen.any():
        return
    inside = seen[1:-1, 1:-1]
    deep = seen[:-2, 1:-1] & seen[2:, 1:-1] & seen[1:-1, :-2] & seen[1:-1, 2:]
    tint = np.zeros((*inside.shape, 4), np.uint8)
    tint[inside] = _premultiplied(colour, MASK_OPACITY)
    tint[inside & ~deep] = _premultiplied(colour, 1)
    painter.drawImage(area.topLeft(), level_image(tint))


def _premultiplied(colour: QColor, opacity: float) -> tuple[int, ...]:
    channels = (colour.blue(), colour.green(), colour.red(), 255)
    return tuple(round(channel * opacity) for channel in channels)


def box_on_screen(viewport: Viewport, box: Box) -> QRectF:
    """A box of the photo in device pixels."""
    left, top = viewport.to_device(box.left, box.top)
    return QRectF(left, top, box.width * viewport.scale, box.height * viewport.scale)


def in_device_pixels(rect: QRect, ratio: float) -> QRect:
    """A rectangle of a widget; ratio: device pixels to one of the widget's."""
    corner, size = QPointF(rect.topLeft()) * ratio, QSizeF(rect.size()) * ratio
    return QRectF(corner, size).toAlignedRect()


def draw_dashed(painter: QPainter, frame: QRectF, line: float) -> None:
    """A dashed frame that can be seen on any picture. line: its width."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 150), line))
    painter.drawRect(frame)
    painter.setPen(QPen(QColor(255, 255, 255, 230), line, Qt.PenStyle.CustomDashLine))
    pen = painter.pen()
    pen.setDashPattern([4, 4])
    painter.setPen(pen)
    painter.drawRect(frame)


def draw_ring(painter: QPainter, centre: QPointF, radius: float, line: float) -> None:
    """The brush: a circle of its real size that can be seen on any picture."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = max(radius, 2 * line)
    painter.setPen(QPen(QColor(0, 0, 0, 160), 3 * line))
    painter.drawEllipse(centre, radius, radius)
    painter.setPen(QPen(QColor(255, 255, 255, 240), line))
    painter.drawEllipse(centre, radius, radius)
    painter.restore()
