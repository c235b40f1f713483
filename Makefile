# Everything is made inside this checkout: a virtual environment in .venv, and nothing anywhere else.
# Needs Python 3.11 or newer with venv, make, git and a C compiler.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2
UV_VERSION ?= 0.13.9

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PYTEST := $(BIN)/python -m pytest
# Without PYTHON=… on the command line, an older python3 gives way to a newer one that has its version in its name.
PYTHONS := $(strip $(PYTHON) $(if $(filter file,$(origin PYTHON)),python3.13 python3.12 python3.11))

# An install compiles the part that is C, so it is made again when that has changed.
COMPILED := hatch_build.py src/polyfeed/gateway/abreast.c

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install install-run run test test-fast soak lint lint-ruff lint-format lint-types lint-imports format \
	lint-console bench console screenshots lock build clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# ------------------------------------------------------------------------------------------------------------- install

install: $(VENV)/.dev-installed ## make .venv with all that tests and checks need (nothing to do when nothing changed)

install-run: $(VENV)/.run-installed ## make .venv with only what the server needs

$(VENV)/.made:
	@found=; for python in $(PYTHONS); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "polyfeed needs Python 3.11 or newer; looked for: $(PYTHONS). Try: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found has no venv module (on Debian: apt-get install python3-venv)" >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run-installed: $(VENV)/.made requirements/build.txt requirements/run.txt pyproject.toml $(COMPILED)
	@echo "installing what the server needs"
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.made requirements/dev.txt requirements/recordings.txt pyproject.toml $(COMPILED)
	@echo "installing what the server, the tests and the checks need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --require-hashes --no-deps -r requirements/recordings.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run-installed $@

# ----------------------------------------------------------------------------------------------------------------- use

run: install-run ## start the venue with demo markets (ARGS=… adds arguments)
	@$(BIN)/polyfeed serve --demo $(ARGS)

bench: install ## measure speed, beside peers and the C limit (ARGS=… adds arguments)
	@$(BIN)/python -m bench $(ARGS)

# --------------------------------------------------------------------------------------------------------------- check

test: install ## run every test but the soak; the last line says how many passed, failed and were skipped
	@$(PYTEST) -n $(JOBS) --dist loadgroup $(ARGS)

test-fast: install ## run the tests that take under a minute in all on an idle machine
	@$(PYTEST) -n $(JOBS) --dist loadgroup -m "not slow and not clients and not soak" $(ARGS)

soak: install ## run the tests that take minutes or hours
	@$(PYTEST) -m soak --timeout 0 $(ARGS)

lint: lint-ruff lint-format lint-types lint-imports lint-console ## ruff, format, mypy, tsc and the import contracts, changing nothing

lint-ruff: install
	$(BIN)/ruff check .

lint-format: install
	$(BIN)/ruff format --check .

lint-types: install
	$(BIN)/mypy

lint-imports: install
	$(BIN)/lint-imports --no-logo

# Only who changes the console needs Node.js: without it this check is left out, in plain words. CI has it.
lint-console:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console/node_modules/.installed && cd console && \
		node_modules/.bin/tsc && echo "tsc: the console's types are right"; \
	else echo "no Node.js here: the console's types were not checked"; fi

format: install ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# ---------------------------------------------------------------------------------------------------------------- make

console/node_modules/.installed: console/package-lock.json
	@cd console && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

console: console/node_modules/.installed ## build the web page into the package (needs Node.js 20 or newer)
	cd console && node build.mjs

screenshots: install console/node_modules/.installed ## make the pictures of the console in docs/ (needs Chromium)
	$(BIN)/python console/screenshots.py docs/console

# The lock is one for every platform and for Python 3.11 and newer. pip's own settings play no part in it: uv does not
# read them. `make lock ARGS=--upgrade` takes newer versions; without it only what pyproject.toml asks for changes.
COMPILE = $(VENV)-lock/bin/uv --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" $(ARGS)

lock: $(VENV)/.made ## resolve pyproject.toml's dependencies into requirements/ (ARGS=--upgrade for newer versions)
	@$(BIN)/python -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
	$(COMPILE) --group dev pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) --constraints requirements/dev.txt pyproject.toml --output-file requirements/run.txt
	$(COMPILE) --constraints requirements/dev.txt --group build --output-file requirements/build.txt
	@rm -rf $(VENV)-lock

build: install ## build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build

clean: ## remove .venv, dist and every cache
	rm -rf $(VENV) $(VENV)-lock build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		src/polyfeed/gateway/libabreast.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
