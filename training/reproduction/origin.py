"""Where, how and by which code a round was begun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from training.files import replaced_when_complete


def origin_of(folder: Path, device: torch.device) -> dict[str, str]:
    """commit, device and command, as they were when this was first asked of the folder."""
    file = folder / "origin.json"
    if not file.exists():
        origin = {
            "commit": _commit(),
            "device": _described(device),
            "command": " ".join(["prefpaint-train", *sys.argv[1:]]),
        }
        with replaced_when_complete(file) as opened:
            opened.write(json.dumps(origin, indent=1).encode() + b"\n")
    return dict(json.loads(file.read_text()))


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{os.cpu_count()} processor cores" if device.type == "cpu" else device.type


def _commit() -> str:
    try:
        words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
