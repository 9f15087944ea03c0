# `make run` and `make test` need Python 3.11 or newer, make and git; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

TOOLS := $(VENV)/tools
# The tests of the pool and of recovery, whose share of both `make coverage` measures.
COVERING := tests/pool tests/recovery tests/alerts tests/dispatch tests/api

.PHONY: run test test-console test-surface test-engine unit integration e2e coverage lint format bench screenshots docs pins lock audit clean help

help: ## Show what there is to make.
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Open the console.
	@$(BIN)/quarterdeck

test: $(VENV)/.test ## Run the tests; the real CLI runs on the offline model.
	@$(MAKE) --no-print-directory -j3 --output-sync=target test-console test-surface test-engine

# Most tests wait for processes, so three runs share two cores.
CONSOLE := tests/console tests/web
SURFACE := tests/docs tests/api tests/cli tests/library tests/contract

test-console: $(VENV)/.test
	@$(BIN)/python -m pytest $(CONSOLE)

test-surface: $(VENV)/.test
	@$(BIN)/python -m pytest $(SURFACE)

test-engine: $(VENV)/.test
	@$(BIN)/python -m pytest $(addprefix --ignore=,$(CONSOLE) $(SURFACE))

unit: $(VENV)/.test ## Run the tests that start no process and no engine.
	@$(BIN)/python -m pytest -m unit

integration: $(VENV)/.test ## Run the tests that start processes, without the real CLI, a terminal or a browser.
	@$(BIN)/python -m pytest -m integration

e2e: $(VENV)/.test ## Run the tests with the real CLI, a terminal or a browser.
	@$(BIN)/python -m pytest -m e2e

coverage: $(VENV)/.test ## Measure how much of the pool and of recovery the tests run; under 90 % of either is a failure.
	@$(BIN)/python -m coverage run -m pytest -m 'unit or integration' $(COVERING)
	@$(BIN)/python -m coverage report --include='engine/pool/*'
	@$(BIN)/python -m coverage report --include='engine/recovery/*'

lint: $(VENV)/.test ## Check format, style, types and the import rules.
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy screenshots
	@$(BIN)/lint-imports

format: $(VENV)/.test ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.test ## Measure every figure that has a budget.
	@$(BIN)/quarterdeck bench turn
	@$(BIN)/quarterdeck bench pool
	@$(BIN)/quarterdeck bench recovery
	@$(BIN)/quarterdeck bench console

screenshots: $(VENV)/.test ## Render screenshots/ from the recording.
	@$(BIN)/python screenshots/make.py

docs: $(VENV)/.run ## Write the settings reference and .env.example anew.
	@$(BIN)/python -c 'from engine.settings.reference import markdown; print(markdown(), end="")' > docs/settings.md
	@$(BIN)/python -c 'from engine.settings.reference import environment_example as e; print(e(), end="")' > .env.example

pins: $(VENV)/.test ## Write the versions in use to constraints.txt.
	@{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable --exclude quarterdeck; } > constraints.new
	@mv constraints.new constraints.txt

lock: $(TOOLS)/.made ## Write requirements.lock: the pins of an installation, with the hashes of their files.
	@$(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--constraint constraints.txt --extra claude --extra web --custom-compile-command 'make lock' \
		--output-file requirements.lock pyproject.toml

audit: $(VENV)/.test $(TOOLS)/.made ## Look for known holes and unwelcome licences in what an installation takes.
	@$(BIN)/python supply/audit.py $(TOOLS)/bin/pip-audit requirements.lock

clean: ## Remove the virtual environment and what the tools left.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Quarterdeck needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(TOOLS)/.made: $(VENV)/.python
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5,<1' 'pip-audit>=2.7,<3'
	@touch $@

$(VENV)/.run: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV)…"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV), with what the tests need…"
	@$(INSTALL) --editable '.[claude,bench,test]'
	@touch $@ $(VENV)/.run
