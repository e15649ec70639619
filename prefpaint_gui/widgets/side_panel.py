"""The panel that folds away at the right: brush, region and seed."""

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QVBoxLayout, QWidget

from prefpaint_gui.state.options import (
    LARGEST_BRUSH,
    LARGEST_FEATHER,
    LARGEST_PADDING,
    LARGEST_SEED,
    Options,
)
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.parts import NumberField, label

SLIDER_STEPS = 200


class SidePanel(QWidget):
    """Numbers that the next stroke and the next Generate go by."""

    def __init__(self, options: Options, session: Session) -> None:
        super().__init__()
        self.setObjectName("sidePanel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(257)
        self._options = options
        self._session = session
        self.brush_slider = _slider("Brush size slider", SLIDER_STEPS)
        self.brush_size = NumberField("Brush size", 1, LARGEST_BRUSH, " px")
        self.padding = NumberField("Context", -1, LARGEST_PADDING, " px")
        self.padding.setSpecialValueText("Auto")
        self.padding.setToolTip("How far around the mask the fill looks; -1 for automatic")
        self.feather_slider = _slider("Feather slider", LARGEST_FEATHER)
        self.feather = NumberField("Feather", 0, LARGEST_FEATHER, " px")
        self.feather.setToolTip("How far the fill fades into the photo around the mask")
        self.seed = NumberField("Seed", 0, LARGEST_SEED)
        self.seed.setToolTip("The first candidate's seed; the same seed gives the same fill")
        self.next_seeds = label(tone="small")
        self.next_seeds.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.show_values()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("BRUSH", "heading"))
        layout.addLayout(_rows([("Size", self.brush_slider, self.brush_size)]))
        layout.addSpacing(12)
        layout.addWidget(label("FILL", "heading"))
        layout.addLayout(
            _rows(
                [
                    ("Context", None, self.padding),
                    ("Feather", self.feather_slider, self.feather),
                    ("Seed", None, self.seed),
                ]
            )
        )
        layout.addWidget(self.next_seeds)
        layout.addStretch()

    def _connect(self) -> None:
        options = self._options
        self.brush_slider.valueChanged.connect(
            lambda place: (
                options.update(brush_size=size_at(place))
                if place != place_of(options.values.brush_size)
                else None
            )
        )
        self.brush_size.valueChanged.connect(lambda size: options.update(brush_size=size))
        self.padding.valueChanged.connect(
            lambda padding: options.update(padding=None if padding < 0 else padding)
        )
        self.feather_slider.valueChanged.connect(lambda width: options.update(feather=width))
        self.feather.valueChanged.connect(lambda width: options.update(feather=width))
        self.seed.valueChanged.connect(lambda seed: options.update(seed=seed))
        options.changed.connect(self.show_values)
        self._session.seeds_changed.connect(self._show_seeds)

    def show_values(self) -> None:
        """Follow what was set elsewhere."""
        values = self._options.values
        self.brush_slider.setValue(place_of(values.brush_size))
        self.brush_size.setValue(values.brush_size)
        self.padding.setValue(-1 if values.padding is None else values.padding)
        self.feather_slider.setValue(values.feather)
        self.feather.setValue(values.feather)
        self.seed.setValue(values.seed)
        self._show_seeds()

    def _show_seeds(self) -> None:
        seeds = self._session.next_seeds
        if len(seeds) == 1:
            self.next_seeds.setText(f"Generate takes seed {seeds[0]}.")
        else:
            self.next_seeds.setText(f"Generate takes seeds {seeds[0]}–{seeds[-1]}.")


def size_at(place: int) -> int:
    """The brush size of a slider position; equal steps are equal ratios."""
    return round(LARGEST_BRUSH ** (place / SLIDER_STEPS))


def place_of(size: int) -> int:
    """The slider position of a brush size."""
    return round(SLIDER_STEPS * math.log(size) / math.log(LARGEST_BRUSH))


def _slider(name: str, highest: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, highest)
    slider.setAccessibleName(name)
    return slider


def _rows(rows: list[tuple[str, QSlider | None, NumberField]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(8)
    grid.setColumnStretch(1, 1)
    for row, (name, slider, field) in enumerate(rows):
        text = QLabel(name)
        text.setBuddy(field)
        text.setMinimumWidth(52)
        grid.addWidget(text, row, 0)
        if slider is not None:
            grid.addWidget(slider, row, 1)
        grid.addWidget(field, row, 2, Qt.AlignmentFlag.AlignRight)
    return grid
