"""`prefpaint-train` itself."""

import subprocess
import sys


def test_help_comes_at_once() -> None:
    """And says nothing but itself: torch takes seconds to load, and its friends chatter."""
    program = "import sys, training.cli; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
    words = [sys.executable, "-m", "training", "--help"]
    told = subprocess.run(words, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "reproduce" in told.stdout
