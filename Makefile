# The same words for a person and for the machine that checks. Needs Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
.PHONY: help setup demo map page docs test lint bench package lock

BIN := .venv/bin
# Modules are compiled when they are first imported, and most never are: that halves the set-up.
PIP := $(BIN)/pip --disable-pip-version-check install -qq --no-compile --constraint requirements/constraints.txt

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

setup: .venv/ready ## .venv with geoglot and the development tools, as locked

demo: .venv/geoglot ## words to a map, on the scene that ships with geoglot
	$(BIN)/geoglot demo --overwrite # of an earlier demo, by another version

map: .venv/ready ## the map in a browser, on the scene that ships with geoglot
	$(BIN)/geoglot demo --map

page: .venv/ready ## the page of the map, built again from web/ (needs Node)
	$(BIN)/python scripts/openapi.py
	sh scripts/page.sh

docs: .venv/ready ## the site of the docs, in build/site: open build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: .venv/ready ## the tests; make test ARGS="tests/tasks -x" for some of them
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/ready ## format, rules, types, and the arrow of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready ## speed against the plain loops that people write
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

package: .venv/ready ## dist: sdist and wheel, checked, installed with all dependencies in a bare environment, and tried there
	$(BIN)/python scripts/check_package.py --online --keep dist

lock: ## take today's versions into requirements/constraints.txt
	sh scripts/lock.sh

# pip on Linux takes the torch for NVIDIA cards, three times as large. Without a card the one for processors comes first;
# where its index cannot be reached, pip goes on as it does elsewhere.
CPU_TORCH := --no-deps --retries 0 --timeout 10 --index-url https://download.pytorch.org/whl/cpu torch

# What the demo needs comes first, so that a picture is there before the tools are.
# hatchling before geoglot, so that it is built by the locked one and not by whatever is new that day.
.venv/geoglot: pyproject.toml requirements/constraints.txt
	@python=$$(sh scripts/python.sh) && $$python -m venv .venv
	@echo "setting up .venv: a minute or two, most of it torch"
	@$(PIP) pip hatchling editables
	@test "$$(uname)" != Linux || command -v nvidia-smi >/dev/null || $(PIP) $(CPU_TORCH) 2>/dev/null || \
	  echo "the build of torch for processors cannot be reached: taking the one that pip finds, which may be 5 GB"
	@$(PIP) --no-build-isolation --editable .
	@touch $@

.venv/ready: .venv/geoglot
	@echo "adding the development tools to .venv: a minute"
	@$(PIP) --no-build-isolation --group dev --editable .
	@touch $@
