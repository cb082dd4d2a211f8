# Everything on a fresh machine: `make train` and `make test`. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV ?= .venv
BIN := $(VENV)/bin
STEPS ?= 5000
HOURS ?= 1
ARGS ?=

# Other software's paths (ROS sets them) would hide the locked packages.
unexport PYTHONPATH PYTHONHOME
# Hundreds of processes of the tests would compile the same sources again.
unexport PYTHONDONTWRITEBYTECODE

# The first Python of these versions that runs and can make virtual environments. Each candidate is
# tried, as a shim of pyenv may be on the PATH and not run.
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)
CAN_MAKE_VENV = import ensurepip, sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(1)".split())
candidates = $(foreach v,$(1),python$(v) $(wildcard $(PYENV)/versions/$(v).*/bin/python)) python3
find_python = $(shell for python in $(call candidates,$(1)); do \
  "$$python" -c '$(call CAN_MAKE_VENV,$(1))' 2>/dev/null && echo "$$python" && break; done)
PYTHON ?= $(call find_python,3.12 3.11)

.PHONY: help train demo test pytest ruff mypy test-slow test-scale test-core test-other torture lint docs figures wheel-check lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

train: $(VENV)/ready ## install, then train on the stand-in; STEPS=300 is a trial, ARGS="--seed=3" passes flags
	$(BIN)/python -m td3jax train --steps=$(STEPS) $(ARGS)

demo: $(VENV)/ready ## three routes driven by the policy of docs/driving/policy: a table, and a page with videos in runs/demo
	@mkdir -p runs/demo
	$(BIN)/python -m td3jax evaluate docs/driving/policy --episodes=3 --seed=2000 --eval_steps=2500 \
	  --out=runs/demo/evaluation.json --video
	@echo "open runs/demo/evaluation.html in a browser; next: make train STEPS=300"

test: $(VENV)/ready ruff ## linters, types and the tests but the slow ones
	@$(MAKE) --no-print-directory -j 2 mypy pytest  # types are checked beside the tests

pytest: $(VENV)/ready
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test-slow: $(VENV)/ready ## the tests that `make test` leaves out: variants, longer runs
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m slow

test-scale: $(VENV)/ready ## the tests that need Ray, which it installs first: 240 MB that requirements.lock leaves out
	$(BIN)/python -m pip install --quiet --no-build-isolation --constraint requirements.lock --editable '.[scale]'
	$(BIN)/python -m pytest -q -m 'slow or not slow' tests/launch/training/test_remote.py tests/launch/test_train_ray.py

test-core: $(VENV)/ready ## tests of td3jax and launch alone
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/td3jax tests/launch

test-other: $(VENV)/ready ## the same with the other Python, 3.11 or 3.12, in an environment of its own
	@version=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	$(MAKE) test-core VENV=$(VENV)-other PYTHON="$$([ $$version = 3.12 ] \
	  && echo '$(call find_python,3.11)' || echo '$(call find_python,3.12)')"

torture: $(VENV)/ready ## kill, freeze and damage for HOURS=1, then a table of what was lost
	$(BIN)/python -m tests.torture --hours=$(HOURS) $(ARGS)

lint: ruff mypy ## ruff and mypy

ruff: $(VENV)/ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

mypy: $(VENV)/ready
	$(BIN)/python -m mypy

docs: $(VENV)-docs/ready ## build docs/ as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict
	.ci/offline build/site

figures: $(VENV)/ready ## draw the figures of docs/ again, from kept logs
	$(BIN)/python -m launch.studies.figures

wheel-check: $(VENV)/ready ## build a wheel, install it elsewhere extra by extra, train with it
	.ci/wheel_check $(BIN)/python

lock: ## renew requirements.lock; UPGRADE=1 takes the newest releases that setup.py allows
	.ci/lock "$(call find_python,3.11)" $(if $(UPGRADE),upgrade,keep)

clean: ## remove environments and build output
	rm -rf $(VENV) $(VENV)-other $(VENV)-docs build *.egg-info

$(VENV)-docs/ready: setup.py
	@"$(PYTHON)" -m venv --clear $(VENV)-docs
	@$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^ *"\(mkdocs-[^"]*\)",$$/\1/p' setup.py)"
	@touch $@

# An interrupted installation leaves no stamp, and the next one starts from nothing.
$(VENV)/locked: requirements.lock
	@.ci/install "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/ready: $(VENV)/locked setup.py
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
