"""What the window remembers between two starts.

Checked by hand: pydantic alone would add a third to the time until the window shows.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from prefpaint_gui.state.options import (
    LARGEST_FEATHER,
    LARGEST_PADDING,
    MOST_CANDIDATES,
)

THEMES = ("system", "dark", "light")


@dataclass(frozen=True)
class Settings:
    """geometry: Qt's own description of the window's place, base64. theme: one of THEMES.

    last_folder: where files were opened or saved last. padding, feather: photo pixels; padding
    None for automatic. Raises ValueError for anything out of its range.
    """

    last_folder: str | None = None
    geometry: str = ""
    theme: str = "system"
    panel_open: bool = True
    count: int = 4
    padding: int | None = None
    feather: int = 0

    def __post_init__(self) -> None:
        valid = (
            isinstance(self.last_folder, str | None)
            and isinstance(self.geometry, str)
            and self.theme in THEMES
            and isinstance(self.panel_open, bool)
            and _is_within(self.count, 1, MOST_CANDIDATES)
            and (self.padding is None or _is_within(self.padding, 0, LARGEST_PADDING))
            and _is_within(self.feather, 0, LARGEST_FEATHER)
        )
        if not valid:
            raise ValueError(f"not valid: {self}")


def _is_within(value: Any, lowest: int, highest: int) -> bool:
    return type(value) is int and lowest <= value <= highest


def load_settings(path: Path) -> Settings:
    """The kept settings; the defaults where the file is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Settings)}
        return Settings(**{name: value for name, value in kept.items() if name in known})
    except (OSError, ValueError, AttributeError):
        return Settings()


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; raises OSError where the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(settings), indent=2), encoding="utf-8")
    partial.replace(path)
