"""The panel that folds away at the right: model, brush, region, seed and sampling."""

import math

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from prefpaint_gui.state.options import (
    LARGEST_BRUSH,
    LARGEST_FEATHER,
    LARGEST_PADDING,
    LARGEST_SEED,
    Options,
)
from prefpaint_gui.state.session import Session
from prefpaint_gui.widgets.fields import NumberField, rows, slider
from prefpaint_gui.widgets.model_choice import ModelCombo
from prefpaint_gui.widgets.parts import label
from prefpaint_gui.widgets.sampling_settings import SamplingSettings

SLIDER_STEPS = 200
ROLLED_OVER = (QAbstractSpinBox, QAbstractSlider, QComboBox)
"""Controls that take the wheel for themselves."""


class SidePanel(QScrollArea):
    """What the next stroke and the next Generate go by; scrolls where the window is low."""

    def __init__(self, options: Options, session: Session, models_action: QAction) -> None:
        super().__init__()
        self.setObjectName("sidePanel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setFixedWidth(281)
        self._options = options
        self._session = session
        self.model = ModelCombo(options)
        self.models = QToolButton()
        self.models.setDefaultAction(models_action)
        self.models.setAccessibleName("Models")
        self.models.setToolTip("Download, add or remove models")
        self.models.setFixedSize(34, 34)
        self.brush_slider = slider("Brush size slider", SLIDER_STEPS)
        self.brush_size = NumberField("Brush size", 1, LARGEST_BRUSH, " px")
        self.padding = NumberField("Context", -1, LARGEST_PADDING, " px")
        self.padding.setSpecialValueText("Auto")
        self.padding.setToolTip("How far around the mask the fill looks; -1 for automatic")
        self.feather_slider = slider("Feather slider", LARGEST_FEATHER)
        self.feather = NumberField("Feather", 0, LARGEST_FEATHER, " px")
        self.feather.setToolTip("How far the fill fades into the photo around the mask")
        self.seed = NumberField("Seed", 0, LARGEST_SEED)
        self.seed.setToolTip("The first candidate's seed; the same seed gives the same fill")
        self.next_seeds = label(tone="small")
        self.next_seeds.setWordWrap(True)
        self.sampling = SamplingSettings(options)
        self._lay_out()
        self._connect()
        self.show_values()

    def _lay_out(self) -> None:
        content = QWidget()
        content.setObjectName("sidePanelContent")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("MODEL", "heading"))
        models = QHBoxLayout()
        models.setSpacing(4)
        models.addWidget(self.model)
        models.addWidget(self.models)
        layout.addLayout(models)
        layout.addSpacing(12)
        layout.addWidget(label("BRUSH", "heading"))
        layout.addLayout(rows([("Size", self.brush_slider, self.brush_size)]))
        layout.addSpacing(12)
        layout.addWidget(label("FILL", "heading"))
        layout.addLayout(
            rows(
                [
                    ("Context", None, self.padding),
                    ("Feather", self.feather_slider, self.feather),
                    ("Seed", None, self.seed),
                ]
            )
        )
        layout.addWidget(self.next_seeds)
        layout.addWidget(self.sampling)
        layout.addStretch()
        for control in content.findChildren(QWidget):
            if isinstance(control, ROLLED_OVER):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # no focus from the wheel
                control.installEventFilter(self)
        self.setWidget(content)

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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The wheel scrolls the panel; it must not change what it happens to roll over.
        if (
            event.type() == QEvent.Type.Wheel
            and isinstance(watched, ROLLED_OVER)
            and not watched.hasFocus()
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def show_values(self) -> None:
        """Follow what was set elsewhere."""
        values = self._options.values
        self.brush_slider.setValue(place_of(values.brush_size))
        self.brush_size.setValue(values.brush_size)
        self.padding.setValue(-1 if values.padding is None else values.padding)
        self.feather_slider.setValue(values.feather)
        self.feather.setValue(values.feather)
        self.seed.setValue(values.seed)
        self.sampling.setVisible(self._options.model.is_diffusion)
        self._show_seeds()

    def _show_seeds(self) -> None:
        seeds, kept = self._session.next_seeds, self._options.values.count
        taken = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}–{seeds[-1]}"
        rest = f" and keeps the best {'one' if kept == 1 else kept}" if kept < len(seeds) else ""
        self.next_seeds.setText(f"Generate takes {taken}{rest}.")


def size_at(place: int) -> int:
    """The brush size of a slider position; equal steps are equal ratios."""
    return round(LARGEST_BRUSH ** (place / SLIDER_STEPS))


def place_of(size: int) -> int:
    """The slider position of a brush size."""
    return round(SLIDER_STEPS * math.log(size) / math.log(LARGEST_BRUSH))
