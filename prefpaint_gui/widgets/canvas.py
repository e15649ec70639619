"""The photo on the screen: zoom, pan, the mask and the tools that paint it."""

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.options import Options, Tool
from prefpaint_gui.state.regions import Regions
from prefpaint_gui.widgets import canvas_paint
from prefpaint_gui.widgets.canvas_scene import CanvasScene
from prefpaint_gui.widgets.theme import Colours
from prefpaint_gui.widgets.tool_drag import ToolDrag
from prefpaint_gui.widgets.viewport import Viewport, fitted
from training.inpainting.request import Box

NO_BUTTON = Qt.MouseButton.NoButton
WHEEL_STEP = 1.2
"""Zoom factor of one notch."""


class Canvas(QWidget):
    """Shows the document and turns dragging into strokes."""

    zoom_changed = Signal(float)
    """Device pixels per photo pixel."""
    pointer_moved = Signal(object)
    """(x, y) of the photo pixel under the pointer, or None."""
    stroke_began = Signal()
    comparing_changed = Signal(bool)

    def __init__(
        self, document: Document, candidates: Candidates, regions: Regions, options: Options
    ) -> None:
        super().__init__()
        self._document = document
        self._candidates = candidates
        self._options = options
        self._scene = CanvasScene(document, candidates, regions, options)
        self.viewport = Viewport()
        self._is_fitted = True
        self._pointer: QPointF | None = None
        self._panned_from: QPointF | None = None
        self._held = NO_BUTTON
        """What was pressed and goes on until it is let go, whatever else is pressed meanwhile."""
        self._ratio = self.devicePixelRatioF()
        self._space_held = False
        self._drag = ToolDrag(document, options)
        self.is_comparing = False
        self.setAccessibleName("Canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(QSize(160, 120))
        document.replaced.connect(self._drag.forget)
        document.replaced.connect(self.fit)
        document.pixels_changed.connect(self._update_box)
        document.mask_changed.connect(self._update_box)
        candidates.changed.connect(self.update)
        candidates.shown_changed.connect(self.update)
        candidates.previewed.connect(self._update_preview)
        regions.changed.connect(self.update)
        options.changed.connect(self._on_options)

    def set_colours(self, colours: Colours) -> None:
        self._scene.colours = colours
        self.update()

    # --- where things are ---------------------------------------------------------------------

    @property
    def _photo_size(self) -> tuple[int, int]:
        height, width = self._document.size
        return width, height

    @property
    def _device_size(self) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        return self.width() * ratio, self.height() * ratio

    def _to_photo(self, position: QPointF) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        return self.viewport.to_photo(position.x() * ratio, position.y() * ratio)

    def photo_to_widget(self, x: float, y: float) -> QPointF:
        """Where a point of the photo, in photo pixels, lies on this widget."""
        device_x, device_y = self.viewport.to_device(x, y)
        return QPointF(device_x, device_y) / self.devicePixelRatioF()

    def fit(self) -> None:
        """Show the whole photo."""
        self._is_fitted = True
        if self._document.is_open:
            self._set_viewport(fitted(self._photo_size, self._device_size))
        self._choose_cursor()
        self.update()

    def show_actual_size(self) -> None:
        """One photo pixel to one pixel of the screen."""
        self.zoom_about_centre(1 / self.viewport.scale)

    def zoom_about_centre(self, factor: float) -> None:
        width, height = self._device_size
        self._zoom(factor, width / 2, height / 2)

    def _zoom(self, factor: float, x: float, y: float) -> None:
        if not self._document.is_open:
            return
        self._is_fitted = False
        zoomed = self.viewport.zoomed(factor, x, y)
        if abs(zoomed.scale - 1) < 1e-6:
            zoomed = Viewport(1.0, round(zoomed.x), round(zoomed.y))
        self._set_viewport(zoomed.kept_in_sight(self._photo_size, self._device_size))

    def _set_viewport(self, viewport: Viewport) -> None:
        self.viewport = viewport
        self.zoom_changed.emit(viewport.scale)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_place()

    def _keep_place(self) -> None:
        """After the canvas has got another size, or other pixels."""
        before, self._ratio = self._ratio, self.devicePixelRatioF()
        if not self._document.is_open:
            return
        if self._is_fitted:
            self._set_viewport(fitted(self._photo_size, self._device_size))
        else:
            as_large = self.viewport.magnified(self._ratio / before)
            self._set_viewport(as_large.kept_in_sight(self._photo_size, self._device_size))

    # --- drawing ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(self._scene.colours.canvas))
        if not self._document.is_open:
            return
        painter.scale(1 / ratio, 1 / ratio)
        self._draw(painter, canvas_paint.in_device_pixels(event.rect(), ratio))

    def _draw(self, painter: QPainter, exposed: QRect) -> None:
        line = self.devicePixelRatioF()
        self._scene.draw_photo(painter, self.viewport)
        if not self.is_comparing:
            self._scene.draw_work(painter, self.viewport, exposed, line)
        if self._drag.rectangle_from is not None and self._pointer is not None:
            start = QPointF(*self.viewport.to_device(*self._drag.rectangle_from))
            frame = QRectF(start, self._pointer * line).normalized()
            canvas_paint.draw_dashed(painter, frame, line)
        if self._shows_ring and self._pointer is not None:
            radius = self._options.values.brush_size / 2 * self.viewport.scale
            canvas_paint.draw_ring(painter, self._pointer * line, radius, line)

    @property
    def _shows_ring(self) -> bool:
        brushing = self._options.values.tool is not Tool.RECTANGLE
        return brushing and not self._is_panning

    @property
    def _is_panning(self) -> bool:
        return self._space_held or self._panned_from is not None

    def _update_box(self, box: Box) -> None:
        ratio = self.devicePixelRatioF()
        frame = canvas_paint.box_on_screen(self.viewport, box)
        corner, size = frame.topLeft() / ratio, frame.size() / ratio
        self.update(QRectF(corner, size).toAlignedRect().adjusted(-2, -2, 2, 2))

    def _update_preview(self, seed: int) -> None:
        preview = self._candidates.shown_preview
        if preview is not None and preview.seed == seed:
            self._update_box(preview.request.box)

    def _update_ring(self) -> None:
        if self._drag.rectangle_from is not None:
            self.update()
        elif self._pointer is not None:
            scale = self.viewport.scale / self.devicePixelRatioF()
            radius = self._options.values.brush_size / 2 * scale + 4
            corner = self._pointer - QPointF(radius, radius)
            self.update(QRectF(corner.x(), corner.y(), 2 * radius, 2 * radius).toAlignedRect())

    def _on_options(self) -> None:
        self._choose_cursor()
        self.update()

    def _choose_cursor(self) -> None:
        if self._panned_from is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space_held:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif not self._document.is_open:
            self.unsetCursor()
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)

    # --- the mouse ----------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        ratio = self.devicePixelRatioF()
        position = event.position() * ratio
        self._zoom(WHEEL_STEP ** (event.angleDelta().y() / 120), position.x(), position.y())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._document.is_open or self._held != NO_BUTTON:
            return
        self._held = event.button()
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._space_held):
            self._panned_from = event.position()
            self._choose_cursor()
        elif left:
            self.stroke_began.emit()
            self._pointer = event.position()
            self._drag.begin(self._to_photo(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._document.is_open:
            return
        if self._held != NO_BUTTON and not event.buttons() & self._held:
            self._let_go(event.position())  # a dialog has taken the release
        self._update_ring()
        self._pointer = event.position()
        self._update_ring()
        point = self._to_photo(event.position())
        if self._panned_from is not None:
            moved = (event.position() - self._panned_from) * self.devicePixelRatioF()
            self._panned_from = event.position()
            self._is_fitted = False
            panned = self.viewport.panned(moved.x(), moved.y())
            self._set_viewport(panned.kept_in_sight(self._photo_size, self._device_size))
        else:
            self._drag.move(point)
        self._tell_pointer(point)

    def _tell_pointer(self, point: tuple[float, float]) -> None:
        x, y = int(point[0] // 1), int(point[1] // 1)
        width, height = self._photo_size
        inside = 0 <= x < width and 0 <= y < height
        self.pointer_moved.emit((x, y) if inside else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == self._held:
            self._let_go(event.position())

    def _let_go(self, position: QPointF) -> None:
        held, self._held = self._held, NO_BUTTON
        if self._panned_from is not None:
            self._panned_from = None
            self._choose_cursor()
        elif held == Qt.MouseButton.LeftButton:
            self._drag.end(self._to_photo(position))
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._update_ring()
        self._pointer = None
        self.pointer_moved.emit(None)

    # --- held keys ----------------------------------------------------------------------------

    def compare(self, on: bool) -> None:
        """Show the photo without mask and candidate."""
        if on != self.is_comparing:
            self.is_comparing = on
            self.comparing_changed.emit(on)
            self.update()

    def event(self, event: QEvent) -> bool:
        # Tab compares only while there is something to compare; otherwise it moves the focus.
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab:
            if event.type() == QEvent.Type.KeyPress and self._candidates.shown is not None:
                self.compare(True)
                return True
            if event.type() == QEvent.Type.KeyRelease and not event.isAutoRepeat():
                self.compare(False)
                return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._keep_place()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self._space_held = True
            self._choose_cursor()
            self._update_ring()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space_held = False
            self._choose_cursor()
            self._update_ring()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._space_held = False
        self._choose_cursor()
        self.compare(False)
