"""`prefpaint-train` itself."""

import subprocess
import sys


def test_help_comes_at_once() -> None:
    """And says nothing but itself: torch takes seconds to load, and its friends chatter."""
    program = "import sys, training.cli; print({'torch', 'diffusers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
