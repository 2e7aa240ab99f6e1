# Everything a reader, a writer or a test machine does here. `make` alone lists it.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.installed

# Two processes on two cores, each with one thread; and nothing in a chapter that depends on the caller's settings.
export OMP_NUM_THREADS := 1
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := module://matplotlib_inline.backend_inline
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup book preview notebooks zip pdf test smoke serve lab bench lint clean built browser axe

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(READY)  ## execute every chapter here and make _build/html/index.html
	@$(PY) scripts/make_book.py book $(if $(ALL),--all)

preview: $(READY)  ## render the committed outputs without executing anything
	@$(PY) scripts/make_book.py preview

notebooks: $(READY)  ## refresh the committed .ipynb of chapters that changed (ALL=1: of every chapter)
	@$(PY) scripts/make_book.py notebooks $(if $(ALL),--all)
	@$(PY) scripts/picture.py

zip: built  ## the built book as one file that opens from a folder: _build/mixbook.zip
	@$(PY) scripts/zip_book.py

pdf: built browser  ## the built book on numbered pages, printed by Chromium: _build/mixbook.pdf
	@$(PY) scripts/pdf_book.py

test: $(READY) browser axe  ## run the tests, and every chapter against its committed outputs
	$(PY) -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile
	@echo "every chapter against its committed outputs:"
	@$(PY) scripts/check_outputs.py

smoke: $(READY)  ## run every experiment at its smallest profile
	$(VENV)/bin/mixbook bench run --all --profile smoke

serve: built  ## show the built book at http://localhost:8000 (PORT=...)
	@echo "http://localhost:$(PORT)"
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: $(READY)  ## open the chapters in Jupyter Lab
	$(VENV)/bin/jupyter lab --notebook-dir=book

bench: $(READY)  ## list the experiments
	@$(VENV)/bin/mixbook bench list

lint: $(READY)  ## style, types and spelling
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	MYPYPATH=scripts $(VENV)/bin/mypy --explicit-package-bases scripts/*.py
	$(VENV)/bin/codespell

clean:  ## remove what was built, but not .venv
	rm -rf _build dist .pytest_cache .ruff_cache .mypy_cache

setup: $(READY)  ## make .venv and install the pinned requirements and the package into it

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mixbook needs Python 3.11 or newer, and \`$(PYTHON)\` is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Name another with: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "\`$(PYTHON)\` cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing the requirements into $(VENV): a few minutes the first time"
	@$(PY) -m pip install --quiet --requirement requirements.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

built:
	@test -f _build/html/index.html || { echo "there is no book yet: run \`make book\` or \`make preview\` first"; exit 1; }

# The browser test drives a Chromium; where nobody may install one, the test skips itself and says so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	    echo "installing chromium for the browser test" && \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || \
	  echo "no Chromium here: the browser test will be skipped"

# What looks at every page for readers who see, hear or move otherwise; from the npm registry, where there is npm.
AXE := axe-core@4.14.1
axe:
	@test -d $(VENV)/node/node_modules/axe-core || { command -v npm >/dev/null && \
	    npm install --prefix $(VENV)/node --no-save --no-audit --no-fund --silent $(AXE); } || \
	  echo "no axe-core here (it comes by npm): the accessibility test will be skipped"
