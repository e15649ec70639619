"""What the tools and the next fill are set to."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal


class Tool(Enum):
    """What dragging on the canvas does."""

    BRUSH = "brush"
    ERASER = "eraser"
    RECTANGLE = "rectangle"


LARGEST_BRUSH = 1000
LARGEST_PADDING = 4096
LARGEST_FEATHER = 128
LARGEST_SEED = 2**31 - 1 - 1000
MOST_CANDIDATES = 8


@dataclass(frozen=True)
class OptionValues:
    """brush_size: diameter in photo pixels. padding: pixels of context, None for automatic.

    feather: pixels by which a fill fades into its surroundings. seed: of the first candidate.
    """

    tool: Tool = Tool.BRUSH
    brush_size: int = 48
    count: int = 4
    padding: int | None = None
    feather: int = 0
    seed: int = 0


class Options(QObject):
    """The current values, and word of every change."""

    changed = Signal()

    def __init__(self, values: OptionValues | None = None) -> None:
        super().__init__()
        self.values = values or OptionValues()

    def update(self, **changes: Any) -> None:
        """Set fields of OptionValues; tells of it only when one of them is new."""
        values = replace(self.values, **changes)
        if values != self.values:
            self.values = values
            self.changed.emit()

    def grow_brush(self) -> None:
        size = self.values.brush_size
        self.update(brush_size=min(LARGEST_BRUSH, size + _step(size)))

    def shrink_brush(self) -> None:
        size = self.values.brush_size
        self.update(brush_size=max(1, size - _step(size - 1)))

    def swap_brush_and_eraser(self) -> None:
        erasing = self.values.tool is Tool.ERASER
        self.update(tool=Tool.BRUSH if erasing else Tool.ERASER)


def suitable_brush(height: int, width: int) -> int:
    """A brush size to begin with on a photo of that size, in its pixels."""
    return min(LARGEST_BRUSH, max(4, max(height, width) // 24))


def _step(size: int) -> int:
    """About a tenth, so that a step looks the same at every size."""
    return max(1, round(size / 10))
