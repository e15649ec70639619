"""`python -m tests.e2e.tour OUT`: use the real window with a real mouse and keyboard, and take
pictures on the way. Needs Debian's xvfb, xdotool and imagemagick.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from resources import SAMPLE_PHOTO

WIDTH, HEIGHT = 1440, 900


class Desktop:
    """One virtual display with one window on it."""

    def __init__(self, display: str, out: Path, prefix: str) -> None:
        self._environment = {**os.environ, "DISPLAY": display}
        self._out = out
        self._prefix = prefix

    def do(self, *words: object) -> None:
        """Run one xdotool command."""
        subprocess.run(["xdotool", *map(str, words)], env=self._environment, check=True)

    def stroke(self, *points: tuple[int, int]) -> None:
        """Press at the first point, move through the others, and let go."""
        self.do("mousemove", *points[0], "mousedown", 1)
        for (x0, y0), (x1, y1) in pairwise(points):
            for step in range(1, 9):
                self.do("mousemove", x0 + (x1 - x0) * step // 8, y0 + (y1 - y0) * step // 8)
        self.do("mouseup", 1)

    def picture(self, name: str, wait: float = 0.6) -> None:
        """Write the whole display to a PNG."""
        time.sleep(wait)
        file = self._out / f"{self._prefix}{name}.png"
        command = ["import", "-window", "root", "-depth", "8", str(file)]
        subprocess.run(command, env=self._environment, check=True)


@contextmanager
def prefpaint(
    display: str, out: Path, prefix: str, words: list[str], scale: int = 1, theme: str = "dark"
) -> Iterator[Desktop]:
    """Start Xvfb and the program on it; both end with the block."""
    size = f"{WIDTH * scale}x{HEIGHT * scale}x24"
    screen = subprocess.Popen(["Xvfb", display, "-screen", "0", size, "-nolisten", "tcp"])
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "config"
        config.mkdir()
        (config / "settings.json").write_text(f'{{"theme": "{theme}"}}')
        environment = {
            **os.environ,
            "DISPLAY": display,
            "QT_SCALE_FACTOR": str(scale),
            "PREFPAINT_DATA": str(Path(home) / "data"),
            "PREFPAINT_CONFIG": str(config),
        }
        time.sleep(1)
        program = subprocess.Popen([sys.executable, "-m", "prefpaint_gui", *words], env=environment)
        desktop = Desktop(display, out, prefix)
        try:
            time.sleep(2)
            search = ("search", "--sync", "--onlyvisible", "--name", "PrefPaint")
            desktop.do(*search, "windowsize", WIDTH * scale, HEIGHT * scale)
            desktop.do(*search, "windowmove", 0, 0, "windowfocus")
            time.sleep(6)  # the models get ready in the background
            yield desktop
        finally:
            program.kill()
            program.wait()
            screen.terminate()
            screen.wait()


def tour(out: Path) -> None:
    """The path from an empty window to a saved photo, dark."""
    with prefpaint(":91", out, "", []) as desktop:
        desktop.picture("1-empty")
    with prefpaint(":91", out, "", [str(SAMPLE_PHOTO)]) as desktop:
        desktop.picture("2-open")
        desktop.do("key", "bracketright", "key", "bracketright")
        desktop.stroke((607, 325), (607, 450), (608, 600), (608, 740))
        desktop.stroke((568, 705), (568, 738), (646, 738), (646, 705))
        desktop.picture("3-mask")
        desktop.do("key", "ctrl+Return")
        desktop.picture("4-busy", wait=0.5)
        desktop.picture("5-ranked", wait=15)
        desktop.do("key", "2", "key", "Up")
        desktop.picture("6-thumb")
        desktop.do("keydown", "backslash")
        desktop.picture("7-original")
        desktop.do("keyup", "backslash", "key", "1", "key", "Return")
        desktop.picture("8-accepted")


def themes(out: Path) -> None:
    """The sample with its fills, light and at twice the size."""
    for prefix, scale, theme in (("light-", 1, "light"), ("dark-2x-", 2, "dark")):
        with prefpaint(":92", out, prefix, ["--sample"], scale, theme) as desktop:
            desktop.do("key", "ctrl+Return")
            desktop.picture("ranked", wait=7)


def answers(out: Path) -> None:
    """What can be said of the strip: an order by dragging, none of these, and all of it undone."""
    with prefpaint(":93", out, "answers-", ["--sample"]) as desktop:
        desktop.do("key", "ctrl+Return")
        desktop.picture("1-ranked", wait=15)
        desktop.do("mousemove", 776, 730, "mousedown", 1)
        for x in range(766, 206, -20):
            desktop.do("mousemove", x, 728)
        desktop.picture("2-dragging")
        desktop.do("mouseup", 1)
        desktop.picture("3-ordered")
        desktop.do("key", "n", "key", "ctrl+Right")
        desktop.picture("4-none-and-moved")
        desktop.do("key", "ctrl+z", "key", "ctrl+z", "key", "ctrl+z")
        desktop.picture("5-undone")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tour(folder)
    themes(folder)
    answers(folder)
