"""The models that can be asked for fills, and what the reward of the program is called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelChoice:
    """name: what orders and settings call it. title: what people read.

    is_diffusion: whether it goes by DiffusionSettings. is_available: False for one that is known
    but not on this computer.
    """

    name: str
    title: str
    is_diffusion: bool
    is_available: bool


BUILTIN = "builtin"
"""Names the reward that ships with the program; any other one is named by its file."""
PATCHMATCH = ModelChoice("patchmatch", "PatchMatch · built in", False, True)
