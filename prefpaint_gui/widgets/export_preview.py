"""What an export would hold: some of its pictures, counts, and what stays on this machine."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.exchange import Crop, Outlook
from prefpaint_gui.widgets.parts import label
from training.preferences.formats.card import counted, said_words

TILE = QSize(112, 80)
PER_ROW = 5
PHOTOS_STAY = "Whole photos: what leaves is the region around each hole"
UNDER_MASKS = "What lay under the masks"
STAYS = (
    "Names and places of files, EXIF, and other data of the photos",
    "Your personal order",
)
STAYS_TOO = "Names of people (rater-1, rater-2, …) and of photos"
WITH_PHOTOS = "whole, with what lay under the masks"
LEAVES_TOO = (
    "Names of people, a hash of each photo’s pixels, and what lay under the masks: "
    "keep this archive for yourself"
)


class ExportPreview(QFrame):
    """Two lists, and below them the latest strips that would leave."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("taskPanel")
        self.heading = label("THE LATEST THAT LEAVES", "heading")
        self.pictures = QGridLayout()
        self.pictures.setSpacing(8)
        self.pictures.setColumnStretch(PER_ROW, 1)
        self.leaves, self.stays = (_List(title) for title in ("LEAVES", "STAYS HERE"))
        content = QWidget()
        content.setObjectName("exportContent")
        lists = QHBoxLayout()
        lists.setSpacing(24)
        lists.addWidget(self.leaves, 1)
        lists.addWidget(self.stays, 1)
        rows = QVBoxLayout(content)
        rows.setContentsMargins(16, 16, 16, 16)
        rows.setSpacing(16)
        rows.addLayout(lists)
        rows.addWidget(self.heading)
        rows.addLayout(self.pictures)
        rows.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(scroll)

    def show_outlook(self, outlook: Outlook) -> None:
        """Show it in the place of what was shown before."""
        _clear(self.pictures)
        self.heading.setVisible(bool(outlook.crops))
        for row, crop in enumerate(outlook.crops):
            self._add_row(row, crop)
        tally, is_whole = outlook.tally, outlook.wish.form == "jsonl"
        has_photos = outlook.wish.whole_photos and outlook.photos > 0
        if not tally.strips:
            everything = "Nothing: no opinion is kept yet" if not outlook.whole.strips else ""
            self.leaves.show_lines([everything or "Nothing: no opinion is like this"])
        else:
            photos = counted(len(tally.photos), "photo", "photos")
            models = ", ".join(sorted(tally.models))
            lines = [
                f"{counted(tally.strips, 'region', 'regions')} around holes in {photos}",
                f"{counted(tally.candidates, 'fill', 'fills')} by {models}",
                said_words(tally.signals).capitalize(),
                "Prompts, times, reasons, rewards and seeds",
            ]
            if has_photos:
                lines.append(f"{counted(outlook.photos, 'photo', 'photos')} {WITH_PHOTOS}")
            self.leaves.show_lines([*lines, *([LEAVES_TOO] if is_whole else [])])
        stays = [
            *([] if has_photos else [PHOTOS_STAY]),
            *STAYS,
            *([] if is_whole or has_photos else [UNDER_MASKS]),
            *([] if is_whole else [STAYS_TOO]),
        ]
        self.stays.show_lines(stays)

    def _add_row(self, row: int, crop: Crop) -> None:
        for column, pixels in enumerate(crop.pictures[:PER_ROW]):
            name = "Region with its hole" if column == 0 else f"Fill {column}"
            self.pictures.addWidget(_Tile(pixels, name), row, column)
        words = label(crop.said, "small")
        words.setWordWrap(True)
        self.pictures.addWidget(words, row, PER_ROW)


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


class _List(QWidget):
    """A heading and lines under it."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label(title, "heading"))
        layout.addLayout(self._rows)
        layout.addStretch()

    def show_lines(self, lines: list[str]) -> None:
        if lines == self.lines:
            return
        self.lines = lines
        _clear(self._rows)
        for line in lines:
            row = label(line, "name" if line == LEAVES_TOO or WITH_PHOTOS in line else "")
            row.setWordWrap(True)
            self._rows.addWidget(row)


class _Tile(QWidget):
    """A picture, whole."""

    def __init__(self, pixels: npt.NDArray[np.uint8], name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)
        height, width = pixels.shape[:2]
        # A copy, because the image only looks at memory that is not its own.
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self._pixmap = QPixmap.fromImage(image)
        self.setFixedSize(image.size().scaled(TILE, Qt.AspectRatioMode.KeepAspectRatio))

    def paintEvent(self, _event: QPaintEvent) -> None:
        corners = QPainterPath()
        corners.addRoundedRect(QRectF(self.rect()), 4, 4)
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        painter.setClipPath(corners)
        painter.drawPixmap(self.rect(), self._pixmap)
