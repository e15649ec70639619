"""Entry point of `prefpaint-train`."""

import multiprocessing
import os
import sys

from training.cli import app
from training.errors import PrefPaintError


def main() -> None:
    """Run the command; a PrefPaintError is one sentence and exit status 2."""
    multiprocessing.freeze_support()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it warns that torchvision is missing
    try:
        app()
    except PrefPaintError as error:
        print(f"prefpaint-train: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
