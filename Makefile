# Every target sets itself up: a fresh machine needs Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
# neighbours stay together, so that a fixture is made once, and whoever is done takes over
PYTEST_ARGS ?= -n auto --dist worksteal

BIN := $(VENV)/bin
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

# one thread for BLAS: tests run side by side, and sums keep their last bits
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help forecast test lint types golden readme docs snapshot wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

forecast: $(RUN) ## forecast a 22B Qwen2.5 on 18T tokens, which no leaderboard has seen; writes forecast.png
	@$(BIN)/obslaws forecast --family qwen2.5 --params 22B --tokens 18T --plot forecast.png

test: $(DEV) ## run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEV) ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## check types
	$(BIN)/mypy

golden: $(DEV) ## rewrite our own frozen numbers (never those that others published)
	$(BIN)/python tests/golden/freeze.py

readme: $(DEV) ## run the commands of README and docs pages and write down what they print
	$(BIN)/python docs/readme.py

docs: $(DEV) ## build the documentation, notebooks and explorer included, into build/docs
	$(BIN)/python docs/pages.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

snapshot: $(RUN) ## freeze upstream copies into a snapshot: make snapshot UPSTREAM=folder
	@test -n "$(UPSTREAM)" || { echo "Say where the upstream copies are: make snapshot UPSTREAM=folder"; exit 2; }
	$(BIN)/python -m obslaws.snapshot freeze "$(UPSTREAM)"

wheel: $(DEV) ## build sdist and wheel into dist/
	$(BIN)/python -m build

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) dist build forecast.png

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"obslaws needs Python 3.11 or newer; this is {v[0]}.{v[1]}. Try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)

# dependency groups need pip 25.1; the pip that comes with Python 3.11 is older
$(VENV)/.pip: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(RUN): pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEV): pyproject.toml $(RUN)
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
