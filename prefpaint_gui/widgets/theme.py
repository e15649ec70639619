"""Colours, style sheet and icons, in dark and light."""

import math
from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from resources import FOLDER

ICON_SIZE = 20
"""Logical pixels of an icon on a button."""


@dataclass(frozen=True)
class Colours:
    """The dark theme; every value is #rrggbb."""

    canvas: str = "#121316"
    panel: str = "#202226"
    raised: str = "#2a2d32"
    pressed: str = "#17181b"
    line: str = "#34373d"
    field_line: str = "#4a4e56"
    text: str = "#e8eaed"
    muted: str = "#a3a8b0"
    faint: str = "#6f757e"
    accent: str = "#3d7eff"
    accent_raised: str = "#5790ff"
    accent_pressed: str = "#2f6ae0"
    on_accent: str = "#ffffff"
    selected: str = "#233452"
    good: str = "#4cc38a"
    good_back: str = "#1d3a2e"
    bad: str = "#f0a09a"
    bad_back: str = "#44272a"
    error_line: str = "#a34a4e"
    checker_light: str = "#3a3d43"
    checker_dark: str = "#2d3035"


DARK = Colours()
LIGHT = Colours(
    canvas="#dfe2e7",
    panel="#f7f8fa",
    raised="#e9ecf0",
    pressed="#ffffff",
    line="#d3d7dd",
    field_line="#b4bac3",
    text="#1b1d21",
    muted="#565d67",
    faint="#8a919b",
    accent="#3d7eff",
    accent_raised="#2f6ff0",
    accent_pressed="#245fd6",
    selected="#dbe7ff",
    good="#1d8f59",
    good_back="#d5f0e2",
    bad="#a8323a",
    bad_back="#fbe3e3",
    error_line="#dd9a9c",
    checker_light="#ffffff",
    checker_dark="#e3e5e9",
)


def colours_for(theme: str) -> Colours:
    """theme: "dark", "light", or "system" for what the desktop is set to."""
    if theme == "system":
        scheme = QGuiApplication.styleHints().colorScheme()
        return LIGHT if scheme == Qt.ColorScheme.Light else DARK
    return LIGHT if theme == "light" else DARK


def apply_theme(colours: Colours) -> None:
    """Dress the whole application."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setPalette(_palette(colours))
    template = (FOLDER / "style" / "window.qss").read_text(encoding="utf-8")
    app.setStyleSheet(Template(template).substitute(asdict(colours)))


def _palette(colours: Colours) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette(QColor(colours.panel))
    for names, colour in (
        ((role.Window, role.Button, role.ToolTipBase), colours.panel),
        ((role.Base, role.AlternateBase), colours.pressed),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), colours.text),
        ((role.Highlight, role.Link), colours.accent),
        ((role.HighlightedText,), colours.on_accent),
        ((role.PlaceholderText,), colours.muted),
    ):
        for name in names:
            palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(colours.faint))
    return palette


def icon(name: str, colour: str, checked: str | None = None, disabled: str | None = None) -> QIcon:
    """The named drawing of resources/icons in a colour, and in another one while checked."""
    drawing = (FOLDER / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    for mode, state, paint in (
        (QIcon.Mode.Normal, QIcon.State.Off, colour),
        (QIcon.Mode.Normal, QIcon.State.On, checked or colour),
        (QIcon.Mode.Disabled, QIcon.State.Off, disabled or colour),
    ):
        for density in _densities():
            result.addPixmap(_drawn(drawing, paint, ICON_SIZE, density), mode, state)
    return result


def picture(name: str, colour: str, side: int) -> QPixmap:
    """The named drawing, `side` logical pixels wide and high, for the densest screen."""
    drawing = (FOLDER / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return _drawn(drawing, colour, side, max(_densities()))


def _densities() -> set[int]:
    """Pixels per logical pixel of the screens that there are."""
    return {math.ceil(screen.devicePixelRatio()) for screen in QGuiApplication.screens()} or {1}


def _drawn(drawing: str, colour: str, side: int, density: int) -> QPixmap:
    pixmap = QPixmap(QSize(side * density, side * density))
    pixmap.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(drawing.replace("currentColor", colour).encode()))
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(density)
    return pixmap
