"""Everything that can be done, with its words and keys; menus, buttons and keys share it."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from prefpaint_gui.state.options import Tool
from prefpaint_gui.widgets.theme import Colours, icon

MENUS: dict[str, list[tuple[str, str, str] | None]] = {
    "&File": [
        ("open", "&Open…", "Ctrl+O"),
        ("sample", "Open &sample", ""),
        ("paste", "Open from &clipboard", "Ctrl+V"),
        None,
        ("save", "&Save", "Ctrl+S"),
        ("save_as", "Save &as…", "Ctrl+Shift+S"),
        None,
        ("models", "&Models…", "Ctrl+Shift+M"),
        None,
        ("quit", "&Quit", "Ctrl+Q"),
    ],
    "&Edit": [
        ("undo", "&Undo", "Ctrl+Z"),
        ("redo", "&Redo", "Ctrl+Shift+Z"),
    ],
    "&Mask": [
        ("brush", "&Brush", "B"),
        ("eraser", "&Eraser", "E"),
        ("rectangle", "&Rectangle", "M"),
        ("swap", "&Swap brush and eraser", "X"),
        None,
        ("smaller", "S&maller brush", "["),
        ("larger", "&Larger brush", "]"),
        None,
        ("invert", "&Invert mask", "I"),
        ("clear", "&Clear mask", "Ctrl+D"),
    ],
    "Ca&ndidates": [
        ("generate", "&Generate", "Ctrl+Return"),
        ("cancel", "&Cancel, or hide the candidate", "Esc"),
        ("cancel_all", "Cancel a&ll", "Shift+Esc"),
        None,
        ("accept", "&Accept the candidate shown", "Return"),
        ("thumb_up", "Thumb &up", "Up"),
        ("thumb_down", "Thumb &down", "Down"),
        ("move_left", "Move the candidate le&ft", "Ctrl+Left"),
        ("move_right", "Move the candidate &right", "Ctrl+Right"),
        ("model_order", "Drop m&y order", ""),
        ("none_fits", "&None of these", "N"),
        None,
        ("earlier", "&Earlier fills", "PgUp"),
        ("later", "La&ter fills", "PgDown"),
        None,
        ("use_settings", "Use these &settings", "U"),
    ],
    "&Preferences": [
        ("personal_order", "&Personal order", "P"),
        ("asks", "&Ask me now and then", ""),
        ("keeps_photos", "&Keep whole photos with my preferences", ""),
        None,
        ("rate", "&Rate a folder…", ""),
        ("train", "&Train…", ""),
        None,
        ("export", "&Export preferences…", ""),
        ("import", "&Import preferences…", ""),
    ],
    "&View": [
        ("fit", "&Fit", "Ctrl+0"),
        ("actual", "&Actual size", "Ctrl+1"),
        ("zoom_in", "Zoom &in", "Ctrl++"),
        ("zoom_out", "Zoom &out", "Ctrl+-"),
        None,
        ("regions", "&Region frame", ""),
        ("panel", "&Settings panel", "F9"),
    ],
    "&Help": [
        ("shortcuts", "&Keyboard shortcuts", "F1"),
    ],
}
"""Menu title to (name, text, shortcut); None is a separator."""

ICONS = {
    "brush": "brush",
    "eraser": "eraser",
    "rectangle": "rectangle",
    "invert": "invert",
    "clear": "clear",
    "fit": "fit",
    "actual": "actual",
    "models": "models",
    "panel": "panel",
}
CHECKABLE = {
    *("brush", "eraser", "rectangle", "regions", "panel"),
    *("none_fits", "personal_order", "asks", "keeps_photos"),
}
WORKSPACE_ONLY = {
    *("accept", "thumb_up", "thumb_down", "move_left", "move_right", "earlier", "later")
}
"""Their keys mean something else to lists and number fields, so they work on canvas and strip."""
HELD_KEYS = [
    ("1 – 9", "Show a candidate in place"),
    ("\\ or Tab, held", "Show the photo as it was"),
    ("Space, held, or middle button", "Drag the photo"),
    ("Wheel", "Zoom about the pointer"),
]
"""Keys that belong to no menu, for the list of shortcuts."""


THEME_TITLES = {"system": "As the &desktop", "dark": "&Dark", "light": "&Light"}
DEVICE_TITLES = {
    "auto": "&Automatic",
    "cuda": "Graphics card, &NVIDIA or AMD",
    "xpu": "Graphics card, &Intel",
    "mps": "A&pple silicon",
    "cpu": "Processor alon&e",
}
"""What diffusion models compute on, by DeviceName."""


@dataclass(frozen=True, eq=False)
class Actions:
    """named: every action of MENUS by name. ranks: show the first, second, ... candidate. themes,
    devices: by name; one of each is checked."""

    named: dict[str, QAction]
    ranks: list[QAction]
    themes: dict[str, QAction]
    devices: dict[str, QAction]

    def __getitem__(self, name: str) -> QAction:
        return self.named[name]

    def set_colours(self, colours: Colours) -> None:
        """Draw the icons anew."""
        for name, drawing in ICONS.items():
            checked = colours.text if name == "panel" else colours.accent_raised
            self.named[name].setIcon(icon(drawing, colours.muted, checked, colours.field_line))


def make_actions(parent: QObject) -> Actions:
    """Every action, not connected to anything yet."""
    named: dict[str, QAction] = {}
    for entries in MENUS.values():
        for entry in entries:
            if entry is not None:
                name, text, shortcut = entry
                named[name] = _action(parent, name, text, shortcut)
    tools = QActionGroup(parent)
    for tool in Tool:
        tools.addAction(named[tool.value])
    ranks = [_action(parent, "", f"Show candidate {rank}", str(rank)) for rank in range(1, 10)]
    return Actions(named, ranks, _choices(parent, THEME_TITLES), _choices(parent, DEVICE_TITLES))


def _choices(parent: QObject, titles: dict[str, str]) -> dict[str, QAction]:
    group = QActionGroup(parent)
    actions = {name: _action(parent, "", title, "") for name, title in titles.items()}
    for action in actions.values():
        action.setCheckable(True)
        group.addAction(action)
    return actions


def _action(parent: QObject, name: str, text: str, shortcut: str) -> QAction:
    action = QAction(text, parent)
    action.setCheckable(name in CHECKABLE)
    keys = [QKeySequence(shortcut)] if shortcut else []
    if shortcut.endswith("Return"):
        keys.append(QKeySequence(shortcut.replace("Return", "Enter")))
    if name == "zoom_in":
        keys.append(QKeySequence("Ctrl+="))
    if name == "redo":
        keys.append(QKeySequence("Ctrl+Y"))
    action.setShortcuts(keys)
    plain = text.replace("&", "").replace("…", "")
    shown = keys[0].toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
    action.setToolTip(f"{plain} ({shown})" if shown else plain)
    if name in WORKSPACE_ONLY:
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    return action
