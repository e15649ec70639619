"""The Models dialog over the real store, with a hub that is a folder."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import build_window
from prefpaint_gui.backends import real_backends
from tests.training.checkpoints import make_pipeline
from tests.training.fake_hub import serve_hub

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
        dialog, library = program.window.models, program.library
        program.window.commands["models"].trigger()
        until(lambda: dialog.list.count() == 4)

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
