"""What the window remembers between two starts."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from prefpaint_gui.state.options import (
    LARGEST_BRUSH,
    LARGEST_FEATHER,
    LARGEST_PADDING,
    MOST_CANDIDATES,
)

Theme = Literal["system", "dark", "light"]


class Settings(BaseModel):
    """geometry: Qt's own description of the window's place, base64. Sizes are in photo pixels."""

    last_folder: Path | None = None
    geometry: str = ""
    theme: Theme = "system"
    panel_open: bool = True
    brush_size: int = Field(default=48, ge=1, le=LARGEST_BRUSH)
    count: int = Field(default=4, ge=1, le=MOST_CANDIDATES)
    padding: int | None = Field(default=None, ge=0, le=LARGEST_PADDING)
    feather: int = Field(default=0, ge=0, le=LARGEST_FEATHER)


def load_settings(path: Path) -> Settings:
    """The kept settings; the defaults where the file is missing or damaged."""
    try:
        return Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return Settings()


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; raises OSError where the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(settings.model_dump_json(indent=2), encoding="utf-8")
    partial.replace(path)
