"""The picture on a candidate's card."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QWidget

from prefpaint_gui.state.pyramid import Pyramid
from prefpaint_gui.state.strokes import painted_box
from prefpaint_gui.widgets.canvas_paint import draw_picture
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.viewport import Viewport
from training.inpainting.request import Box, InpaintRequest

PICTURE_SIZE = QSize(204, 116)
VEIL = 0.5
"""How much of a picture that is not final is covered."""


class CardPicture(QWidget):
    """The hole with what is around it, in the photo, filled or being filled."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self._request: InpaintRequest | None = None
        self._region = Pyramid()
        self._photo = Pyramid()
        self._view = Box(0, 0, 1, 1)
        self._is_dim = False
        self.setFixedSize(PICTURE_SIZE)

    def show_region(
        self, request: InpaintRequest, region: Pyramid, photo: Pyramid, *, is_dim: bool = False
    ) -> None:
        """region: what the request's box looks like. is_dim: it is not final."""
        if request is not self._request:
            height, width = photo.levels[0].shape[:2]
            self._view = view_of_hole(request, height, width)
        self._request, self._region, self._photo = request, region, photo
        self._is_dim = is_dim
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        # The bottom corners lie below the widget, so that only the top ones are round.
        path.addRoundedRect(QRectF(self.rect()).adjusted(0, 0, 0, 16), 6, 6)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), QColor(self._colours.raised))
        if self._request is None:
            return
        ratio, view, box = self.devicePixelRatioF(), self._view, self._request.box
        painter.scale(1 / ratio, 1 / ratio)
        width, height = self.width() * ratio, self.height() * ratio
        scale = min(width / view.width, height / view.height)
        x = (width - view.width * scale) / 2 - view.left * scale
        y = (height - view.height * scale) / 2 - view.top * scale
        viewport = Viewport(scale, x, y)
        draw_picture(painter, viewport, self._photo, 0, 0)
        draw_picture(painter, viewport, self._region, box.left, box.top)
        if self._is_dim:
            veil = QColor(self._colours.raised)
            veil.setAlphaF(VEIL)
            painter.fillRect(0, 0, round(width), round(height), veil)


def view_of_hole(request: InpaintRequest, height: int, width: int) -> Box:
    """The part of a photo of height x width that a card shows: the hole, some surroundings.

    It has the card's shape, unless the photo is too small for that.
    """
    box = request.box
    hole = painted_box(request.hole) or Box(0, 0, box.height, box.width)
    margin = max(hole.height, hole.width) // 4 + 8
    aspect = PICTURE_SIZE.width() / PICTURE_SIZE.height()
    tall, wide = hole.height + 2 * margin, hole.width + 2 * margin
    tall, wide = max(tall, round(wide / aspect)), max(wide, round(tall * aspect))
    tall, wide = min(tall, height), min(wide, width)
    # Where the photo ends, rather less surroundings than an empty edge.
    tall = min(tall, max(hole.height, round(wide / aspect)))
    wide = min(wide, max(hole.width, round(tall * aspect)))
    top = box.top + hole.top + (hole.height - tall) // 2
    left = box.left + hole.left + (hole.width - wide) // 2
    return Box(min(max(0, top), height - tall), min(max(0, left), width - wide), tall, wide)
