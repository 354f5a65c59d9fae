# The commands of this repository; `make help` lists them. The work is done by tools/setup.sh, camseg_demo and pytest.

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help

OUT ?= out/demo
environment := . tools/environment.sh
# Says at the end of the recipe's shell, also after a failure, how long all of it took.
timed = trap 'echo "make $@: $$SECONDS s"' EXIT

.PHONY: help setup demo test lint lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## make .venv with the pinned dependencies and build the package; does nothing where nothing changed
	@$(timed); tools/setup.sh

demo: ## play the built-in drive, or IMAGES=DIR [LABELS=DIR], or BAG=FILE, through the node; RATE=hz, OUT=DIR (out/demo)
	@$(timed); tools/setup.sh; $(environment); \
	camseg_demo --out "$(OUT)" $(if $(IMAGES),--images "$(IMAGES)") $(if $(LABELS),--labels "$(LABELS)") \
	    $(if $(BAG),--bag "$(BAG)") $(if $(RATE),--rate "$(RATE)")

test: ## check style and types, then run all tests
	@$(timed); tools/setup.sh; $(environment); \
	ruff check; ruff format --check; mypy; python -m pytest

lint: ## check style and types
	@$(timed); tools/setup.sh; $(environment); \
	ruff check; ruff format --check; mypy

lock: ## resolve requirements/*.in into exact versions again
	@$(timed); tools/setup.sh; $(environment); python tools/lock.py

clean: ## remove what setup and the tests made (.venv, build, install, log, caches); out/ and runs/ stay
	rm -rf .venv build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
