# make demo · make test · make check · make dev — everything else is a step of one of these.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
SPARK_READY := .venv-spark/.ready
AZURITE := 3.35.0# the last that runs on Node.js 20
ADAPTIVECARDS := adaptivecards@3.0.5 markdown-it@15.0.3
AXE := axe-core@4.14.1
export PYTHONUTF8 := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: help setup azurite adaptivecards axe focus-validator demo dev test test-long test-spark check format lock clean
help: ## show this help
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## install the pinned dependencies and this project into .venv

# --no-deps: the lock is complete, and pip must not look for anything beyond the hashes in it.
# uv takes a quarter of pip's time, and pip is there where uv cannot reach a package index.
$(READY): requirements.lock requirements-installer.lock pyproject.toml
	@echo "→ Installing the pinned dependencies into $(VENV) (less than a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --requirement requirements-installer.lock
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python --requirement requirements.lock || \
		{ echo "→ uv could not; pip installs them, which takes a minute longer"; $(PIP) --requirement requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

azurite: .cache/azurite/$(AZURITE) ## install Microsoft's emulator of Azure Storage for the tests (needs npm)

.cache/azurite/$(AZURITE):
	@mkdir -p .cache/azurite
	@npm install --prefix .cache/azurite --no-audit --no-fund --loglevel=error azurite@$(AZURITE)
	@touch $@

adaptivecards: ## install Microsoft's renderer of Adaptive Cards for the tests (needs npm)
	@mkdir -p .cache/adaptivecards
	@npm install --prefix .cache/adaptivecards --no-audit --no-fund --loglevel=error $(ADAPTIVECARDS)

axe: ## install the checker of accessibility for the tests of pages (needs npm)
	@mkdir -p .cache/axe
	@npm install --prefix .cache/axe --no-audit --no-fund --loglevel=error $(AXE)

focus-validator: ## install the FOCUS specification's own validator for the tests (needs Python 3.12)
	@$(PYTHON) tools/run_focus_validator.py --install --cache .cache

demo: $(READY) ## run the whole pipeline on a simulated organisation
	@$(BIN)/aifinops demo

dev: $(READY) ## open the Dagster UI on the demo's pipeline
	@$(BIN)/aifinops dev

test: $(READY) ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long and not spark" --durations 25

test-long: $(READY) ## run the tests that take minutes each: kills, past days, pricing again
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --timeout 1800 -m long

test-spark: $(READY) ## build the dbt project on Spark and compare every mart with DuckDB's (needs Java 17)
	@if command -v java >/dev/null; then $(MAKE) --no-print-directory $(SPARK_READY); fi
	@$(BIN)/python -m pytest --timeout 1800 -m spark tests/spark

# Spark has an environment of its own, so that the main one stays as its lock says.
$(SPARK_READY): requirements-spark.lock
	@echo "→ Installing dbt-spark and pyspark into .venv-spark (400 MB, once)"
	@test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-spark.lock
	@touch $@

check: $(READY) ## lint, types, import rules, dbt parse, Dagster definitions, generated files
	@$(BIN)/python tools/check.py

format: $(READY) ## format and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(READY) ## resolve the dependencies again and write the locks
	$(BIN)/uv pip compile --group pyproject.toml:installer --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet --upgrade --output-file requirements-installer.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:spark --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet --upgrade --output-file requirements-spark.lock

clean: ## remove the environment and everything the pipeline wrote here
	rm -rf $(VENV) .venv-spark .aifinops dbt_project/target dbt_project/logs
