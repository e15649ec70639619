"""From the command line to the first window: the application, its display and its settings."""

import os
import sys
from functools import partial
from pathlib import Path

import numpy  # noqa: F401 - before Qt, whose import hook doubles the time that it takes
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from prefpaint_gui.backends import real_backends
from prefpaint_gui.collection import collect_in_this_thread
from prefpaint_gui.paths import config_folder
from prefpaint_gui.settings import Settings, load_settings
from prefpaint_gui.widgets.theme import apply_theme, colours_for
from training.errors import PrefPaintError

WARM_UP_AFTER_MS = 250
"""By then the window is painted, and starting the worker processes does not hold it up."""

NO_DISPLAY = (
    "prefpaint: There is no display to open a window on. Without one, use: "
    "prefpaint fill --sample, or prefpaint fill PHOTO --mask MASK --out DIR"
)

NO_DISPLAY_TO_RATE = (
    "prefpaint: There is no display to open a window on. Without one, use: "
    "prefpaint rate DIR --agreement"
)


def run(photo: Path | None, sample: bool) -> int:
    """Show the window on a photo, on the sample, or empty; returns the exit status.

    Without a display it says so, on standard error, and returns 2.
    """
    from prefpaint_gui.app import build_window

    app = _application(NO_DISPLAY)
    if app is None:
        return 2
    settings_file, settings, fault = _remembered()
    program = build_window(real_backends(), settings, settings_file)
    app.styleHints().colorSchemeChanged.connect(program.follow_desktop)
    program.show()
    if fault:
        program.window.banner.show_error(fault)
    if photo is not None:
        program.window.files.open_path(photo)
    elif sample:
        program.open_sample()
    QTimer.singleShot(WARM_UP_AFTER_MS, program.warm_up_wanted.emit)
    return app.exec()


def run_rating(folder: Path, person: str | None) -> int:
    """Show the rating window on a folder of prompts; person: None to ask. As `run` otherwise."""
    from prefpaint_gui.rating_app import RatingProgram

    app = _application(NO_DISPLAY_TO_RATE)
    if app is None:
        return 2
    backends = real_backends()
    _, settings, _ = _remembered()

    def dress() -> None:
        colours = colours_for(settings.theme)
        apply_theme(colours)
        program.window.set_colours(colours)

    colours = colours_for(settings.theme)
    scorer = partial(backends.scorer, settings.reward)
    program = RatingProgram(folder, person, backends.store, scorer, colours)
    dress()
    app.styleHints().colorSchemeChanged.connect(dress)
    program.show()
    return app.exec()


def _remembered() -> tuple[Path | None, Settings, str]:
    """The settings' file, what it holds, and a sentence where there is no place for one."""
    try:
        file = config_folder() / "settings.json"
    except PrefPaintError as error:
        return None, Settings(), str(error)
    return file, load_settings(file), ""


def _application(no_display: str) -> QApplication | None:
    """The application; None where there is no display, which is said on standard error."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in displays):
        print(no_display, file=sys.stderr)
        return None
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("PrefPaint")
    app.setStyle("Fusion")
    collect_in_this_thread(app)
    return app
