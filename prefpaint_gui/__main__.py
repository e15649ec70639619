"""`prefpaint`: the window, or a command."""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv without one) and return the exit status."""
    if getattr(sys, "frozen", False):  # a bundle starts its worker processes through this file
        import multiprocessing

        multiprocessing.freeze_support()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--prefpaint-train"]:  # rewards.TRAIN_WORD
        return _train(words[1:])
    if not words or words == ["--sample"]:  # the window shows before the commands are loaded
        return _open_window(None, bool(words))
    if len(words) == 1 and Path(words[0]).is_file():
        return _open_window(Path(words[0]), False)
    from prefpaint_gui import cli  # here, so that worker processes do not load it
    from prefpaint_gui.cli_output import Windows

    return cli.run(words, Windows(_open_window, _open_rating))


def _train(words: list[str]) -> int:
    from training.__main__ import main as train

    sys.argv = ["prefpaint-train", *words]
    train()
    return 0


def _open_window(photo: Path | None, sample: bool) -> int:
    # What needs no Qt is twice as slow to import once Qt's import hook is in place.
    import numpy  # noqa: F401

    import training.preferences.records
    import training.ranking  # noqa: F401
    from prefpaint_gui import start  # Qt, only when a window is wanted

    return start.run(photo, sample)


def _open_rating(folder: Path, rater: str | None) -> int:
    from prefpaint_gui import start

    return start.run_rating(folder, rater)


if __name__ == "__main__":
    sys.exit(main())
