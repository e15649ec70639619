"""Set before anything loads Qt or torch: no display, and one thread for models of a few weights."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
