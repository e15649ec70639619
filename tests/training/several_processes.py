"""`prefpaint-train` commands in this process, or in two that share the work."""

import json
import os
import subprocess
import sys

import pytest

from training.__main__ import main


def in_one(commands: list[list[str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [])
        _run(commands)


def in_two(commands: list[list[str]]) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    words = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    words += ["-m", "tests.training.several_processes", json.dumps(commands)]
    subprocess.run([sys.executable, *words], check=True, env=environment, timeout=300)


def _run(commands: list[list[str]]) -> None:
    """Each a command's words; raises RuntimeError for one that fails."""
    for words in commands:
        sys.argv = ["prefpaint-train", *words]
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{words} ended with {end.code}") from end


if __name__ == "__main__":
    _run(json.loads(sys.argv[1]))
