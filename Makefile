# Two commands are all one needs: `make demo` and `make test`. Both make their own virtual environment.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
AXE := tests/system/axe/node_modules
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test test-others test-runner chaos conformance proofs screenshots throughput bench messages lint format clean

demo: $(VENV)/.demo
	@$(BIN)/python manage.py demo --port $(PORT) $(if $(ONCE),--once)

# With REQUIRE=all a test that cannot reach PostgreSQL or Chromium fails instead of being skipped.
# In two halves at once, as they wait much of their time; PYTEST names what else is to be run, in one.
test: lint
ifdef PYTEST
	@$(MAKE) --no-print-directory $(AXE)
	$(BIN)/python -m pytest $(PYTEST)
else
	@$(MAKE) --no-print-directory --keep-going --jobs=2 test-others test-runner
endif

# By make and not by the shell's &, with which they and all they start would ignore Ctrl-C.
test-others: $(VENV)/.test $(AXE)
	@$(BIN)/python -m compileall -q brokerless library exports
	@$(BIN)/python -m pytest --ignore=tests/runner --ignore=tests/exporting

test-runner: $(VENV)/.test
	@mkdir -p build
	@echo "tests/runner and tests/exporting write to build/runner.log, shown when they are done."
	@$(BIN)/python -m pytest tests/runner tests/exporting > build/runner.log 2>&1; code=$$?; cat build/runner.log; exit $$code

# What looks for barriers on the pages; without npm, or without a network, its tests are skipped.
$(AXE): tests/system/axe/package.json tests/system/axe/package-lock.json
	@if command -v npm > /dev/null; then \
	  echo "Installing axe-core …"; (cd tests/system/axe && npm ci --silent) && touch $@ || \
	  echo "axe-core could not be installed." >&2; \
	else echo "There is no npm here: axe-core is left out." >&2; fi

# Half a minute: the pictures of the pages in docs/images, from the running site.
screenshots: $(VENV)/.test
	@$(BIN)/python -m tests.screenshots

# What the tests show in short, at length: some minutes.
proofs: $(VENV)/.test
	$(BIN)/python -m pytest -m proof

# About two minutes. SEED repeats the plan of an earlier run, though not its moments; CHAOS takes further options.
chaos: $(VENV)/.test
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(CHAOS)

# About a minute: Django's own tests of its tasks, with each Django that has them. Pythons from 3.12 on are searched
# for; PYTHONS names others, separated as in PATH.
conformance: $(VENV)/.made
	@$(BIN)/python -m tests.conformance

# The texts in other languages, from the sources into the catalogs (locale/*/LC_MESSAGES), and compiled; needs GNU
# gettext. What is to be translated then is said, and fails.
messages: $(VENV)/.test
	@$(BIN)/python -m tests.languages

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/.demo: setup.cfg pyproject.toml $(VENV)/.made
	@echo "Installing what the example site needs …"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml $(VENV)/.made
	@echo "Installing what the tests need …"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.made:
	@command -v $(PYTHON) > /dev/null || \
	  { echo "There is no $(PYTHON) here; name a Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " + v + "; name another: make PYTHON=/path/to/python")'
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# About three minutes: what a process per task costs, beside worker pools on the same machine and databases.
throughput: build/throughput/.made
	@build/throughput/bin/python -m bench.throughput

build/throughput/.made: setup.cfg bench/requirements.txt $(VENV)/.made
	@echo "Installing what is compared …"
	@$(PYTHON) -m venv build/throughput
	@build/throughput/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[postgres,tasks]' \
	  --requirement bench/requirements.txt
	@build/throughput/bin/python -m pip --disable-pip-version-check install --quiet celery redis packaging || \
	  echo "Celery could not be installed, and is left out." >&2
	@touch $@

# About half an hour: exports by every way there is, on SQLite and PostgreSQL, beside each other. ROWS=10000000 for more
# books, RUNS for more runs, DATABASES=sqlite for one database, ONLY='csv.gz,psql' for ways whose names hold one of
# these; STRICT=1 fails unless every budget is kept; BENCH takes further options.
bench: build/bench/.made
	@build/bench/venv/bin/python -m bench.exports $(if $(ROWS),--rows $(ROWS)) $(if $(RUNS),--runs $(RUNS)) \
	  $(if $(ONLY),--only '$(ONLY)') $(if $(DATABASES),--databases '$(DATABASES)') $(if $(STRICT),--strict) $(BENCH)

build/bench/.made: setup.cfg bench/exports/requirements.txt $(VENV)/.made
	@echo "Installing what is compared …"
	@$(PYTHON) -m venv build/bench/venv
	@build/bench/venv/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[demo]'
	@build/bench/venv/bin/python -m pip --disable-pip-version-check install --quiet \
	  --requirement bench/exports/requirements.txt || echo "Some could not be installed, and are left out." >&2
	@touch $@

# About two minutes: streams of changes, 200 of them beside 200 clients that poll, on both databases.
bench-pages: $(VENV)/.test
	@$(BIN)/python -m bench.pages.streams
	@$(BIN)/python -m bench.pages.dashboard
