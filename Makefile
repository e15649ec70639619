# Two commands for a fresh machine: `make run` opens the app, `make test` runs every check.
# Both create .venv, install pinned packages and what Qt needs; a second run skips all that.

PYTHON ?= python3
BIN := .venv/bin
APT := python3-venv libegl1 libgl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon-x11-0 \
       libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 \
       libxcb-render-util0 libxcb-shape0 libxcb-xkb1 fonts-dejavu-core

.PHONY: run test bench bundle clean

run: .venv/run
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  $(BIN)/prefpaint --sample; \
	else \
	  echo "No display: filling the sample photo without a window."; \
	  $(BIN)/prefpaint fill --sample --out sample-fills; \
	fi

test: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses auto --hypothesis-profile=ci

bench: .venv/test
	$(BIN)/python -m tests.bench

bundle: .venv/test
	$(BIN)/pyinstaller --noconfirm prefpaint.spec

clean:
	rm -rf .venv build dist sample-fills

.venv/system:
	@./.ci/install-system-packages $(APT)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "PrefPaint needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/system pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/test: .venv/run
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
