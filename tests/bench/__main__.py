"""`python -m tests.bench [NAME ...]`: run all benches, or the named ones."""

import sys
from importlib import import_module

NAMES = (
    "startup",
    "fill",
    "scoring",
    "reward",
    "smoothness",
    "diffusion",
    "funnel",
    "preferences",
    "rating",
    "personal",
    "rerank",
    "align",
)

if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        print(f"== {name}", flush=True)
        import_module(f"tests.bench.{name}").main()
