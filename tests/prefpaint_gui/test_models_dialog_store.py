"""The Models dialog over the real store, with a hub that is a folder."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import build_window
from prefpaint_gui.backends import real_backends
from prefpaint_gui.state.models import PATCHMATCH
from resources import SAMPLE_MASK, SAMPLE_PHOTO
from tests.training.checkpoints import make_pipeline
from tests.training.fake_hub import serve_hub
from tests.training.tiny_builtin import PROVENANCE, save_builtin
from training.inpainting import builtin_models

HUB_ID = "someone/brick-walls"


def test_a_model_comes_is_used_and_goes(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def until(condition: Callable[[], bool]) -> None:
        qtbot.waitUntil(condition, timeout=60_000)

    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "models" / "brick-walls"
    with serve_hub(monkeypatch, tmp_path / "hf-home") as hub:
        hub.publish(HUB_ID, make_pipeline(tmp_path / "original"))
        program = build_window(real_backends())
        qtbot.addWidget(program.window)
        program.show()
        dialog, library = program.window.dialogs.models, program.library
        program.window.commands["models"].trigger()
        until(lambda: dialog.list.count() >= 4)

        library.ask(HUB_ID)
        until(dialog.transfer.yes.isVisible)
        assert not folder.exists()
        dialog.transfer.yes.click()
        until(lambda: dialog.list.name == "brick-walls")
        assert (folder / "model_index.json").exists()
        dialog.use.click()
        until(lambda: program.options.model.name == "brick-walls")

        dialog.remove.click()
        dialog.question.yes.click()
        until(lambda: "brick-walls" not in dialog.list.names)
        assert not folder.exists()

        library.ask("nobody/nothing")
        until(dialog.banner.isVisible)
        assert dialog.banner.text.text().startswith("The hub has no model nobody/nothing.")

        library.ask(HUB_ID)
        before = time.monotonic()
        program.window.close()
        assert time.monotonic() - before < 2


def test_a_built_in_diffusion_model_is_there_and_fills(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def until(condition: Callable[[], bool]) -> None:
        qtbot.waitUntil(condition, timeout=120_000)  # torch comes up in two processes

    monkeypatch.setenv("PREFPAINT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(builtin_models, "FOLDER", save_builtin(tmp_path / "resources"))
    program = build_window(real_backends())
    window, options = program.window, program.options
    qtbot.addWidget(window)
    program.show()
    until(lambda: len(options.models) > 1)
    assert [model.title for model in options.models[:2]] == [PATCHMATCH.title, "Nano · built in"]
    assert options.model == PATCHMATCH

    dialog = window.dialogs.models
    window.commands["models"].trigger()
    until(lambda: "nano" in dialog.list.names)
    dialog.list.select("nano")
    words = dialog.list.words("nano")
    assert "Apache-2.0" in words.facts
    assert words.place == f"Part of PrefPaint · {PROVENANCE}"
    assert not dialog.remove.isEnabled()
    dialog.use.click()
    assert options.model.name == "nano"
    dialog.close()

    window.files.open_path(SAMPLE_PHOTO, SAMPLE_MASK)
    until(lambda: program.document.is_open)
    options.update(count=2)
    options.update_settings(steps=3)
    shown: list[int] = []
    program.candidates.previewed.connect(shown.append)
    window.commands["generate"].trigger()
    until(lambda: not program.session.is_busy)
    assert not window.banner.isVisible(), window.banner.text.text()
    assert {filled.fill.candidate.model for filled in program.candidates.ranked} == {"nano"}
    assert set(shown) == {0, 1}
    (before,) = {filled.request for filled in program.candidates.ranked}
    known = ~before.hole
    for filled in program.candidates.ranked:
        assert np.array_equal(
            filled.region[known], program.document.pixels[before.box.slices][known]
        )
    window.close()
