"""`prefpaint`: the window, or a command."""

import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv without one) and return the exit status."""
    multiprocessing.freeze_support()  # a bundle starts its worker processes through this file
    try:
        from prefpaint_gui import cli  # here, so that worker processes do not load it

        return cli.run(sys.argv[1:] if arguments is None else arguments, _open_window)
    except KeyboardInterrupt:
        return 130  # what shells expect after Ctrl+C


def _open_window(photo: Path | None, sample: bool) -> int:
    from prefpaint_gui import app  # Qt, only when a window is wanted

    return app.run(photo, sample)


if __name__ == "__main__":
    sys.exit(main())
