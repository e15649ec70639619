"""What the tools and the next fill are set to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.models import PATCHMATCH, ModelChoice
from training.inpainting.settings import DiffusionSettings


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
MOST_EXPLORED = 32
MOST_STEPS = 150
LOWEST_GUIDANCE, HIGHEST_GUIDANCE = 1.0, 20.0


@dataclass(frozen=True)
class OptionValues:
    """brush_size: diameter in photo pixels. padding: pixels of context, None for automatic.

    feather: pixels by which a fill fades into its surroundings. seed: of the first candidate.
    model: name of the ModelChoice wished for. settings: for diffusion models; its keep is not
    used. explore: how many candidates a diffusion model starts, of which it keeps the best
    `count`; None, or no more than `count`, keeps all. show_regions: whether the canvas frames them.
    """

    tool: Tool = Tool.BRUSH
    brush_size: int = 48
    count: int = 4
    padding: int | None = None
    feather: int = 0
    seed: int = 0
    model: str = PATCHMATCH.name
    settings: DiffusionSettings = field(default_factory=DiffusionSettings)
    explore: int | None = None
    show_regions: bool = True


class Options(QObject):
    """The current values, the models to choose from, and word of every change."""

    changed = Signal()
    models_changed = Signal()

    def __init__(self, values: OptionValues | None = None) -> None:
        super().__init__()
        self.values = values or OptionValues()
        self.models: tuple[ModelChoice, ...] = (PATCHMATCH,)

    @Slot(object)
    def set_models(self, models: Sequence[ModelChoice]) -> None:
        """Offer other models; the wish for one that is not among them is kept."""
        self.models = tuple(models)
        self.models_changed.emit()
        self.changed.emit()

    @property
    def model(self) -> ModelChoice:
        """The one wished for, or the built-in one while that is not to be had."""
        return self._found(self.values.model) or PATCHMATCH

    def has(self, name: str) -> bool:
        """Whether the model of this name is to be had."""
        return self._found(name) is not None

    def _found(self, name: str) -> ModelChoice | None:
        found = (model for model in self.models if model.name == name and model.is_available)
        return next(found, None)

    @property
    def seed_count(self) -> int:
        """How many candidates Generate starts."""
        values = self.values
        explored = values.explore if self.model.is_diffusion else None
        return max(values.count, explored or 0)

    @property
    def order_settings(self) -> DiffusionSettings:
        """What Generate asks the model for."""
        values = self.values
        if not self.model.is_diffusion:
            return DiffusionSettings()
        settings = values.settings
        return replace(
            settings,
            eta=settings.eta if settings.sampler == "ddim" else 0.0,
            keep=values.count if self.seed_count > values.count else None,
        )

    def update(self, **changes: Any) -> None:
        """Set fields of OptionValues; tells of it only when one of them is new."""
        values = replace(self.values, **changes)
        if values != self.values:
            self.values = values
            self.changed.emit()

    def update_settings(self, **changes: Any) -> None:
        """Set fields of DiffusionSettings."""
        self.update(settings=replace(self.values.settings, **changes))

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
