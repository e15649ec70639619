"""The real window, with a scripted inpainter, scorer and store behind it."""

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import Program, build_window
from prefpaint_gui.backends import Backends
from prefpaint_gui.state.models import PATCHMATCH, ModelChoice
from prefpaint_gui.state.options import Tool
from prefpaint_gui.widgets import file_dialogs
from tests.prefpaint_gui.fake_models import FakeModels
from tests.prefpaint_gui.fakes import FakeInpainter, FakeScorer, FakeStore
from training.inpainting.settings import DeviceName
from training.preferences.records import Opinion
from training.reward.finetune import Place

LEFT = Qt.MouseButton.LeftButton
DIFFUSION = ModelChoice("tiny", "Tiny diffusion", is_diffusion=True, is_available=True)
ABSENT = ModelChoice("absent", "Large diffusion", is_diffusion=True, is_available=False)


@dataclass
class Bench:
    """The program under test with what a person would do to it."""

    qtbot: QtBot
    program: Program
    inpainter: FakeInpainter
    scorer: FakeScorer
    store: FakeStore
    made: list[str] = field(default_factory=list)
    """Names of the models, with their LoRA files, that an inpainter was made for."""
    models: FakeModels = field(default_factory=FakeModels)
    rewards: list[str] = field(default_factory=list)
    devices: list[DeviceName] = field(default_factory=list)
    """Those that an inpainter was made for."""
    places: list[Place] = field(default_factory=list)
    """The last one is where rewards are trained."""
    stores: list[Callable[[], Any]] = field(default_factory=list)
    """The last one opens the preferences; at first it gives the fake one."""

    @property
    def place(self) -> Place:
        return self.places[-1]

    def open(self, path: Path) -> None:
        with self.qtbot.waitSignal(self.program.document.replaced):
            self.program.window.files.open_path(path)

    def at(self, x: float, y: float) -> QPoint:
        """The canvas point over a photo point."""
        return self.program.window.canvas.photo_to_widget(x, y).toPoint()

    def drag(self, *points: tuple[float, float]) -> None:
        """Press the left button at the first photo point, move through the others, release."""
        canvas = self.program.window.canvas
        self.qtbot.mousePress(canvas, LEFT, pos=self.at(*points[0]))
        for point in points[1:]:
            self.qtbot.mouseMove(canvas, self.at(*point))
        self.qtbot.mouseRelease(canvas, LEFT, pos=self.at(*points[-1]))

    def mask_rectangle(self) -> None:
        """Mask about the middle third of the photo."""
        height, width = self.program.document.size
        self.program.options.update(tool=Tool.RECTANGLE)
        self.drag((width / 3, height / 3), (2 * width / 3, 2 * height / 3))
        self.program.options.update(tool=Tool.BRUSH)

    def key(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        self.qtbot.keyClick(self.program.window.canvas, key, held)

    def generate(self) -> None:
        """Press Ctrl+Enter and wait for all the candidates."""
        self.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        self.until(lambda: not self.program.session.is_busy)

    def use_diffusion(self) -> None:
        """Choose the diffusion model, which the program may still be looking for."""
        combo = self.program.window.panel.model
        self.until(lambda: combo.count() > 1)
        combo.setCurrentIndex(combo.findData(DIFFUSION.name))
        combo.activated.emit(combo.currentIndex())

    @property
    def seeds(self) -> list[int]:
        """Of the cards from left to right, as the person sees them."""
        cards = self.program.window.strip.cards.values()
        return [card.seed for card in sorted(cards, key=lambda card: card.x())]

    def opinions(self) -> list[Opinion]:
        """What the store holds."""
        return [opinion for _, opinion in self.store.kept.values()]

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=5000)


@pytest.fixture(autouse=True)
def _collected_in_the_main_thread() -> Iterator[None]:
    """As in the app; the windows of a test are collected at its end."""
    gc.disable()
    yield
    gc.collect(1)
    gc.enable()


@pytest.fixture
def bench(
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    qapp: QApplication,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    """The window, shown and empty; unsaved changes are discarded unless a test says otherwise."""
    qapp.setStyle("Fusion")
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "discard")
    inpainter, scorer, store = FakeInpainter(), FakeScorer(), FakeStore()
    made: list[str] = []
    rewards: list[str] = []
    devices: list[DeviceName] = []
    stores: list[Callable[[], Any]] = [lambda: store]
    data = tmp_path_factory.mktemp("data")
    trainer = (sys.executable, "-m", "training")
    places = [Place(data, trainer, data / "general.safetensors", data / "settings.toml")]

    def make_inpainter(
        model: str, loras: tuple[Path, ...], reward: str, device: DeviceName
    ) -> FakeInpainter:
        made.append(" + ".join((model, *(lora.name for lora in loras))))
        rewards.append(reward)
        devices.append(device)
        return inpainter

    def choices() -> list[ModelChoice]:
        added = [entry for entry in models.entries() if entry.location]
        titles = [ModelChoice(entry.name, entry.title, True, True) for entry in added]
        return [PATCHMATCH, DIFFUSION, ABSENT, *titles]

    models = FakeModels()
    program = build_window(
        Backends(
            make_inpainter,
            lambda _reward: scorer,
            lambda: stores[-1](),
            choices,
            lambda: models,
            lambda: places[-1],
        )
    )
    qtbot.addWidget(program.window)
    program.window.strip.animated = False
    program.window.resize(1200, 860)
    with qtbot.waitExposed(program.window):
        program.show()
    program.window.activateWindow()
    program.window.canvas.setFocus()
    yield Bench(
        qtbot, program, inpainter, scorer, store, made, models, rewards, devices, places, stores
    )
    inpainter.gate.set()
    store.gate.set()
    models.gate.set()
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "discard")
    program.window.close()


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    """A noisy photo of 120 x 90 pixels."""
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 3), np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def painted(bench: Bench, photo_path: Path) -> Bench:
    """The window with the photo open and its middle masked."""
    bench.open(photo_path)
    bench.mask_rectangle()
    return bench
