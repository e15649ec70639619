"""Where PrefPaint keeps what it remembers on this machine."""

import os
from pathlib import Path

from platformdirs import user_config_dir, user_data_dir

from training.errors import PrefPaintError


def data_folder() -> Path:
    """Preferences and recovered work; made when missing. PREFPAINT_DATA names another one."""
    return _made(os.environ.get("PREFPAINT_DATA") or user_data_dir("PrefPaint", appauthor=False))


def config_folder() -> Path:
    """Settings; made when missing. PREFPAINT_CONFIG names another one."""
    return _made(
        os.environ.get("PREFPAINT_CONFIG") or user_config_dir("PrefPaint", appauthor=False)
    )


def _made(folder: str) -> Path:
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PrefPaintError(
            f"The folder {path} cannot be made ({error.strerror}). Free its place, or name "
            "another with PREFPAINT_DATA and PREFPAINT_CONFIG."
        ) from error
    return path
