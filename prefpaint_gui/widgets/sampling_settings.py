"""How a diffusion model goes about it: steps, guidance, sampler, LoRA files, how many it starts."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QVBoxLayout, QWidget

from prefpaint_gui.state.options import (
    HIGHEST_GUIDANCE,
    LOWEST_GUIDANCE,
    MOST_EXPLORED,
    MOST_STEPS,
    Options,
)
from prefpaint_gui.widgets.fields import DecimalField, NumberField, rows, set_row_visible, slider
from prefpaint_gui.widgets.lora_list import LoraList
from prefpaint_gui.widgets.parts import Choice, label
from training.inpainting.settings import SAMPLERS, SamplerName

SAMPLER_TITLES: dict[SamplerName, str] = {
    "dpm++": "DPM++ 2M Karras",
    "ddim": "DDIM",
    "euler": "Euler",
    "euler-a": "Euler ancestral",
    "unipc": "UniPC",
}
GUIDANCE_STEP, ETA_STEP = 0.5, 0.05
ETA_ROW = 3


class SamplingSettings(QWidget):
    """Bound to the options; eta shows for DDIM alone, which is the one sampler that has it."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options
        self.steps_slider = slider("Steps slider", MOST_STEPS, 1)
        self.steps = NumberField("Steps", 1, MOST_STEPS)
        self.steps.setToolTip("How many times the picture is denoised; more is slower")
        self.guidance_slider = slider(
            "Guidance slider", _place(HIGHEST_GUIDANCE), _place(LOWEST_GUIDANCE)
        )
        self.guidance = DecimalField("Guidance", LOWEST_GUIDANCE, HIGHEST_GUIDANCE, GUIDANCE_STEP)
        self.guidance.setSpecialValueText("Off")
        self.guidance.setToolTip("How closely the fill follows the prompt; off is twice as fast")
        self.sampler = Choice("Sampler", is_elastic=True)
        for name in SAMPLERS:
            self.sampler.addItem(SAMPLER_TITLES[name], name)
        self.eta_slider = slider("Eta slider", round(1 / ETA_STEP))
        self.eta = DecimalField("Eta", 0, 1, ETA_STEP)
        self.eta.setToolTip("How much fresh noise each step adds: 0 is none, 1 as in DDPM")
        self.explore = NumberField("Explore", 1, MOST_EXPLORED)
        self.explore.setSpecialValueText("Off")
        self.explore.setToolTip(
            "How many fills are started; all but the best are given up on the way"
        )
        self.loras = LoraList(options)
        self.colours = Choice("Colours", is_elastic=True)
        self.colours.addItem("Match the photo", True)
        self.colours.addItem("Leave as made", False)
        self.colours.setToolTip(
            "Match the fill’s colours by what it and the photo show around the mask"
        )
        self._grid = rows(
            [
                ("Sampler", None, self.sampler),
                ("Steps", self.steps_slider, self.steps),
                ("Guidance", self.guidance_slider, self.guidance),
                ("Eta", self.eta_slider, self.eta),
                ("Explore", None, self.explore),
                ("Colours", None, self.colours),
            ]
        )
        self._lay_out()
        self._connect()
        self.show_values()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label("SAMPLING", "heading"))
        layout.addLayout(self._grid)
        layout.addWidget(self.loras)

    def _connect(self) -> None:
        options = self._options
        self.sampler.activated.connect(
            lambda: options.update_settings(sampler=self.sampler.currentData())
        )
        for control in (self.steps_slider, self.steps):
            control.valueChanged.connect(lambda steps: options.update_settings(steps=steps))
        self.guidance_slider.valueChanged.connect(self._slide_guidance)
        self.guidance.valueChanged.connect(
            lambda guidance: options.update_settings(guidance=guidance)
        )
        self.eta_slider.valueChanged.connect(self._slide_eta)
        self.eta.valueChanged.connect(lambda eta: options.update_settings(eta=eta))
        self.explore.valueChanged.connect(self._set_explore)
        self.colours.activated.connect(
            lambda: options.update_settings(match_colour=self.colours.currentData())
        )
        options.changed.connect(self.show_values)

    # A slider that merely follows a number between two of its places must not round it.

    def _slide_guidance(self, place: int) -> None:
        if place != _place(self._options.values.settings.guidance):
            self._options.update_settings(guidance=place * GUIDANCE_STEP)

    def _slide_eta(self, place: int) -> None:
        if place != round(self._options.values.settings.eta / ETA_STEP):
            self._options.update_settings(eta=place * ETA_STEP)

    def _set_explore(self, explore: int) -> None:
        kept = self._options.values.count
        self._options.update(explore=explore if explore > kept else None)

    def show_values(self) -> None:
        """Follow what was set elsewhere."""
        values, settings = self._options.values, self._options.values.settings
        self.steps_slider.setValue(settings.steps)
        self.steps.setValue(settings.steps)
        self.guidance_slider.setValue(_place(settings.guidance))
        self.guidance.setValue(settings.guidance)
        self.sampler.setCurrentIndex(self.sampler.findData(settings.sampler))
        self.eta_slider.setValue(round(settings.eta / ETA_STEP))
        self.eta.setValue(settings.eta)
        set_row_visible(self._grid, ETA_ROW, settings.sampler == "ddim")
        with QSignalBlocker(self.explore):  # its range follows the count, the wish stays
            self.explore.setMinimum(values.count)
            self.explore.setValue(max(values.count, values.explore or 0))
        self.colours.setCurrentIndex(self.colours.findData(settings.match_colour))
        self.loras.show_values()


def _place(guidance: float) -> int:
    """The slider's position."""
    return round(guidance / GUIDANCE_STEP)
