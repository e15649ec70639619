"""Weights that others published as PyTorch's pickles, read as weights alone."""

from pathlib import Path

import torch
from torch import Tensor

from training.errors import PrefPaintError


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a dictionary that holds them as "state_dict" will do.

    Raises PrefPaintError that names a file which is missing, damaged or something else.
    """
    state = read_pickled(path)
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise PrefPaintError(f"{path} holds no state dict. Choose the checkpoint as published.")
    return state


def read_pickled(path: Path) -> object:
    """What the file holds. Raises PrefPaintError that names a file which is missing, damaged or
    would run code."""
    if not path.is_file():
        raise PrefPaintError(f"{path} does not exist. Choose another file.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes the unpickler raise
        raise PrefPaintError(
            f"{path} cannot be read as weights alone ({type(error).__name__}). It is damaged or "
            "holds more than weights; get it anew."
        ) from error
