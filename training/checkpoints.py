"""What an interrupted run left, read back safely and only into the same run."""

from pathlib import Path
from typing import Any

import torch

from training.errors import PrefPaintError


def read_checkpoint(path: Path, settings: str) -> dict[str, Any] | None:
    """The content of a checkpoint, on the processor; None when there is none.

    settings: what its "settings" must be. Raises PrefPaintError when it is damaged or of a run with
    other settings; nothing but weights is unpickled.
    """
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise PrefPaintError(f"{path} is damaged ({error}). Delete it to begin anew.") from error
    if content["settings"] != settings:
        raise PrefPaintError(
            f"{path.parent} holds a run with other settings. Name another folder, or delete it."
        )
    return content
