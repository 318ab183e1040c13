# Everything a developer runs. Each target makes its own environment in .venv when it is missing
# or older than pyproject.toml; all it takes is Python, git and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
FUZZ_VENV := .venv-fuzz
FUZZ_SECONDS ?= 60
CLIENTS := .clients

# What tests start hundreds of times is compiled once, also where that is switched off.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test quick lint format man vectors bench clients faults million remotes fuzz clean

help:
	@echo "make demo     record a real session into a temporary store and look at it"
	@echo "make test     the test suite"
	@echo "make quick    the test suite without its slow part"
	@echo "make lint     formatting, style, types, layers, spelling, manual pages, sizes"
	@echo "make format   put the code into its format"
	@echo "make man      bring the manual in step with --help, and README with what is printed"
	@echo "make vectors  write the format vectors anew; the difference must be empty"
	@echo "make bench    the budgets, measured against git on this machine"
	@echo "make clients  conversations of real clients from npm and PyPI, recorded"
	@echo "make fuzz     each parser under atheris for FUZZ_SECONDS, in an environment of its own"
	@echo "make faults   kills, full disks, power cuts, crowds: all that make test has a sample of"
	@echo "make million  a chain of a million turns, of which make test has a tenth"
	@echo "make remotes  races, cut connections and killed clients over sshd, nginx and git daemon"

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || { \
	    echo "make: pip could not install what pyproject.toml names."; \
	    echo "make: without an index, point pip at a folder of wheels:"; \
	    echo "make:     PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/wheels make $(MAKECMDGOALS)"; \
	    exit 1; }
	@touch $@

demo: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not faults and not clients and not remotes"

quick: $(STAMP)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not slow and not faults and not clients and not remotes"

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python .ci/man.py --check
	$(BIN)/python .ci/sizes.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

man: $(STAMP)
	@$(BIN)/python .ci/man.py
	@$(BIN)/python .ci/readme.py

vectors: $(STAMP)
	@$(BIN)/python fixtures/make_vectors.py
	@git diff --stat --exit-code fixtures/vectors

bench: $(STAMP)
	@$(BIN)/python -m bench

clients: $(STAMP)
	@mkdir -p $(CLIENTS)/npm
	@cp tests/clients/package.json $(CLIENTS)/npm/
	@cd $(CLIENTS)/npm && npm install --no-audit --no-fund --loglevel=error
	@test -x $(CLIENTS)/python/bin/python || $(PYTHON) -m venv $(CLIENTS)/python
	@$(CLIENTS)/python/bin/python -m pip install --quiet --disable-pip-version-check \
	    --requirement tests/clients/requirements.txt
	@$(BIN)/python -m pytest -q -m clients tests/clients

faults: $(STAMP)
	@$(BIN)/python -m pytest -q -m faults

million: $(STAMP)
	@TAPES_TURNS=1000000 $(BIN)/python -m pytest -q tests/e2e/test_rev_million.py

remotes: $(STAMP)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m remotes tests/e2e

fuzz:
	@test -x $(FUZZ_VENV)/bin/python || $(PYTHON) -m venv $(FUZZ_VENV)
	@$(FUZZ_VENV)/bin/python -m pip install --quiet --disable-pip-version-check atheris --editable .
	@for target in tests/fuzz/fuzz_*.py; do \
	    echo "$$target"; \
	    $(FUZZ_VENV)/bin/python -m "tests.fuzz.$$(basename $$target .py)" \
	        -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=10 -verbosity=0 || exit 1; \
	done

clean:
	rm -rf $(VENV) $(FUZZ_VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
