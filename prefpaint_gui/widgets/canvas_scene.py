"""What is seen on the canvas: the photo, and over it the mask, a candidate or a preview."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.messages import Filled, Previewed
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.regions import Regions
from prefpaint_gui.widgets import canvas_paint
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.viewport import Viewport
from training.inpainting.request import Box


class CanvasScene:
    """Draws in device pixels; what lies over the photo is never written into it."""

    def __init__(
        self, document: Document, candidates: Candidates, regions: Regions, options: Options
    ) -> None:
        self._document = document
        self._candidates = candidates
        self._regions = regions
        self._options = options
        self.colours = Colours()

    def draw_photo(self, painter: QPainter, viewport: Viewport) -> None:
        """The photo alone."""
        document = self._document
        if document.pixels.shape[2] == 4:
            whole = canvas_paint.box_on_screen(viewport, Box(0, 0, *document.size))
            light, dark = QColor(self.colours.checker_light), QColor(self.colours.checker_dark)
            canvas_paint.draw_checker(painter, whole, light, dark)
        canvas_paint.draw_picture(painter, viewport, document.pyramid, 0, 0)

    def draw_work(self, painter: QPainter, viewport: Viewport, exposed: QRect, line: float) -> None:
        """What was made or is being made in it, within the exposed rectangle. line: its width."""
        seen = self._candidates.shown or self._candidates.shown_preview
        if seen is None:
            accent = QColor(self.colours.accent)
            canvas_paint.draw_mask(painter, viewport, self._document.mask, exposed, accent)
        else:
            box = seen.request.box
            canvas_paint.draw_picture(painter, viewport, seen.pyramid, box.left, box.top)
        if self._options.values.show_regions:
            for box in self._regions.boxes if seen is None else parts_in_photo(seen):
                frame = canvas_paint.box_on_screen(viewport, box)
                canvas_paint.draw_dashed(painter, frame, line)


def parts_in_photo(seen: Filled | Previewed) -> list[Box]:
    """The regions that it was filled from, in pixels of the photo."""
    whole = seen.request.box
    return [
        Box(part.top + whole.top, part.left + whole.left, part.height, part.width)
        for part in seen.request.parts
    ]
