"""The names of what a reward can be taught by. Torch-free."""

from typing import Literal

Objective = Literal["ranking", "regression", "classification"]
