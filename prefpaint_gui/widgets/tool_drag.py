"""What dragging on the canvas does to the mask. Points are in photo pixels."""

from prefpaint_gui.state.document import Document
from prefpaint_gui.state.options import Options, Tool
from prefpaint_gui.state.strokes import Point


class ToolDrag:
    """From press to release, with the tool that was chosen at the press."""

    def __init__(self, document: Document, options: Options) -> None:
        self._document = document
        self._options = options
        self.rectangle_from: Point | None = None
        """The first corner while a rectangle is drawn."""

    def begin(self, point: Point) -> None:
        values = self._options.values
        if values.tool is Tool.RECTANGLE:
            self.rectangle_from = point
        else:
            painting = values.tool is Tool.BRUSH
            self._document.begin_stroke(point, values.brush_size / 2, painting)

    def move(self, point: Point) -> None:
        if self._document.is_painting:
            self._document.extend_stroke(point)

    def forget(self) -> None:
        """The photo that was dragged on is gone."""
        self.rectangle_from = None

    def end(self, point: Point) -> None:
        self._document.end_stroke()
        if self.rectangle_from is not None:
            start, self.rectangle_from = self.rectangle_from, None
            self._document.fill_rectangle(start, point)
