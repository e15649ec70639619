"""Time from the start of the process to a painted window, against a bare PySide6 window."""

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 9
WATCH = """
import sys, time
from PySide6.QtCore import QObject, QEvent
from PySide6.QtWidgets import QApplication

class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and watched.isWindowType():
            print(time.time(), "torch" in sys.modules, flush=True)
            import os
            os._exit(0)
        return False

app = QApplication(sys.argv[:1])
watch = Watch()
app.installEventFilter(watch)
"""
BARE = (
    WATCH
    + """
from PySide6.QtWidgets import QMainWindow
window = QMainWindow()
window.show()
app.exec()
"""
)
OURS = (
    "import numpy"  # before Qt, as __main__ does: Qt's import hook makes it twice as slow
    + WATCH
    + """
from prefpaint_gui.__main__ import main
main(["--sample"])
"""
)


def main() -> None:
    """Print both medians and the median of the ratios, and whether torch was imported by then."""
    bare, ours, torch = [], [], set()
    _time_to_window(OURS)  # once uncounted, which leaves compiled modules as an install does
    for _ in range(ROUNDS):
        bare.append(_time_to_window(BARE)[0])
        seconds, has_torch = _time_to_window(OURS)
        ours.append(seconds)
        torch.add(has_torch)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    print(f"bare PySide6 window {1e3 * statistics.median(bare):6.0f} ms")
    print(f"PrefPaint's window  {1e3 * statistics.median(ours):6.0f} ms")
    print(f"ratio               {ratio:6.2f}")
    print(f"torch imported when shown: {', '.join(sorted(torch))}")


def _time_to_window(code: str) -> tuple[float, str]:
    platform = {} if os.environ.get("DISPLAY") else {"QT_QPA_PLATFORM": "offscreen"}
    started = time.time()
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **platform, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    painted, has_torch = run.stdout.split()
    return float(painted) - started, has_torch
