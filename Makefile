# make demo | test | test-all | bench | docs: each makes and reuses .venv; needs python3, pip and make only.
PYTHON ?= python3
BIN := .venv/bin
PIP := install --quiet --disable-pip-version-check
# A newer Python, where one is at hand, also runs the fast part of the suite on the newest JAX.
NEWEST := $(shell PYENV_VERSION=3.13.0 python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null)
NEWBIN := .venv-newest/bin
PYTEST := -m pytest -n 2 -q

.PHONY: help demo test test-all test-newest lint bench docs clean
help:
	@grep '^# make' Makefile | cut -c3-

.venv/run: packages/nitrix/pyproject.toml packages/thrux/pyproject.toml requirements/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip $(PIP) -c requirements/constraints.txt -e packages/nitrix -e 'packages/thrux[demo]'
	@$(BIN)/python -m pip $(PIP) --no-deps -c requirements/constraints.txt brainspace || \
	  echo 'brainspace could not be installed: the demo leaves out the job on its resting-state run.'
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(BIN)/python -m pip $(PIP) -c requirements/constraints.txt -r requirements/dev.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	$(BIN)/python -m pip $(PIP) -c requirements/constraints.txt -r requirements/bench.txt
	@touch $@

.venv-newest/dev: packages/nitrix/pyproject.toml packages/thrux/pyproject.toml requirements/constraints-newest.txt requirements/dev.txt
	$(NEWEST) -m venv .venv-newest
	$(NEWBIN)/python -m pip $(PIP) -c requirements/constraints-newest.txt -e packages/nitrix -e 'packages/thrux[demo]' \
	  beartype hypothesis psutil pytest pytest-xdist scipy
	@touch $@

demo: .venv/run
	$(BIN)/thrux demo --out demo-report --force

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python $(PYTEST) -m 'not slow'
ifneq ($(NEWEST),)
	$(MAKE) test-newest
endif

test-newest: .venv-newest/dev
	$(NEWBIN)/python $(PYTEST) -m 'fast and not slow'

test-all: lint docs
	$(BIN)/python $(PYTEST)
ifneq ($(NEWEST),)
	$(MAKE) .venv-newest/dev
	$(NEWBIN)/python $(PYTEST)
endif

bench: .venv/bench
	$(BIN)/python packages/nitrix/benchmarks/run.py

docs: .venv/dev
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf .venv .venv-newest docs/_build demo-report
