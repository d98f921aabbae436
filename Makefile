# Two commands are all one needs: `make demo` and `make test`. Both make their own virtual environment.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test chaos lint format clean

demo: $(VENV)/.demo
	@$(BIN)/python manage.py demo --port $(PORT) $(if $(ONCE),--once)

# With REQUIRE=all a test that cannot reach PostgreSQL or Chromium fails instead of being skipped.
test: lint
	$(BIN)/python -m pytest $(PYTEST)

# About two minutes. SEED repeats the plan of an earlier run, though not its moments; CHAOS takes further options.
chaos: $(VENV)/.test
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(CHAOS)

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
