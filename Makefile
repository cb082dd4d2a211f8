# Two commands do everything on a fresh machine: `make train` and `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STEPS ?= 5000
ARGS ?=

.PHONY: train test lint clean

$(VENV)/ready: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

train: $(VENV)/ready
	$(BIN)/python -m launch.train --steps=$(STEPS) $(ARGS)

test: $(VENV)/ready lint
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
