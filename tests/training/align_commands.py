"""Run several `prefpaint-train align` in one process, for torchrun to run in two."""

import json
import sys

from training.__main__ import main


def run_commands(commands: list[list[str]]) -> None:
    """Each a command's words; raises RuntimeError for one that fails."""
    for words in commands:
        sys.argv = ["prefpaint-train", *words]
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{words} ended with {end.code}") from end


if __name__ == "__main__":
    run_commands(json.loads(sys.argv[1]))
