# Everything a developer or an operator types. `make help` lists it.
#
# .venv holds first what the service needs (requirements.lock), and, for the targets that need
# them, the development tools (requirements-dev.lock). Both are installed by hash; each is
# installed again only when its lock file changes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first Python that is new enough; or say which: make setup PYTHON=/path/to/python
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$name" && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCKED := --require-hashes --only-binary=:all: --no-deps
ARGS ?=

# -- For everybody ---------------------------------------------------------------------------------

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^# -- / { gsub(/^# -- | -+$$/, ""); printf "\n%s\n", $$0 } \
		/^[a-z-]+:.*## / { printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/service.stamp ## Start the service with the sample data of a small French retailer
	@$(BIN)/rcu demo $(ARGS)

.PHONY: run
run: $(VENV)/service.stamp ## Start the service on your data (./var, or RCU_DATABASE_URL)
	@$(BIN)/rcu serve $(ARGS)

.PHONY: migrate
migrate: $(VENV)/service.stamp ## Bring the database to the tables of this release
	@$(BIN)/rcu migrate

.PHONY: doctor
doctor: $(VENV)/service.stamp ## Say what is wrong with the set-up, and how to mend it
	@$(BIN)/rcu doctor

# -- For developers --------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/dev.stamp ## Install everything into .venv; the other targets do it when needed

.PHONY: test
test: $(VENV)/dev.stamp ## Run the whole test suite on all cores; ARGS="-k name" for a part
	@$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

.PHONY: test-long
test-long: $(VENV)/dev.stamp ## Run 1,000 sequences of decisions, 200 orders of arrival: half an hour
	@RCU_TEST_SEQUENCES=$${RCU_TEST_SEQUENCES:-1000} RCU_TEST_ORDERS=$${RCU_TEST_ORDERS:-200} \
		RCU_TEST_ROUNDS=$${RCU_TEST_ROUNDS:-50} RCU_TEST_POINTS=$${RCU_TEST_POINTS:-2000} \
		RCU_TEST_PARTITIONS=$${RCU_TEST_PARTITIONS:-500} RCU_TEST_VIEWS=$${RCU_TEST_VIEWS:-50} \
		RCU_TEST_HISTORIES=$${RCU_TEST_HISTORIES:-500} \
		$(BIN)/pytest tests/identity/test_steward_sequences.py \
		tests/identity/test_orders_of_arrival.py tests/loyalty/test_concurrency.py \
		tests/loyalty/test_sequences.py tests/loyalty/test_any_partition.py \
		tests/analytics/test_attach_rate_histories.py \
		tests/analytics/test_random_history.py $(ARGS)

.PHONY: test-spark
test-spark: $(VENV)/spark.stamp ## Run the tests of the Spark engine: installs Spark, needs Java 17
	@$(BIN)/pytest --override-ini 'addopts=--strict-markers -ra --import-mode=importlib' \
		tests/bulk/test_spark*.py $(ARGS)

.PHONY: check
check: lint types imports drift ## Run every check short of the tests

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style and formatting (ruff)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(VENV)/dev.stamp ## Check types (mypy, strict)
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/dev.stamp ## Check the direction of imports (import-linter)
	$(BIN)/lint-imports

.PHONY: drift
drift: $(VENV)/dev.stamp ## Check that openapi.json and the migrations match the code
	$(BIN)/python -m rcu.openapi --check
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; export RCU_DATA_DIR=$$scratch/var; \
		unset RCU_DATABASE_URL; set -x; $(BIN)/rcu migrate; $(BIN)/alembic check

.PHONY: fmt
fmt: $(VENV)/dev.stamp ## Format, and mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: migration
migration: $(VENV)/dev.stamp ## Draft a migration from the models: make migration NAME="add x"
	@test -n "$(NAME)" || { echo 'Name it: make migration NAME="index tickets by day"'; exit 2; }
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; export RCU_DATA_DIR=$$scratch/var; \
		unset RCU_DATABASE_URL; $(BIN)/rcu migrate; $(BIN)/alembic revision --autogenerate -m "$(NAME)"

.PHONY: openapi
openapi: $(VENV)/dev.stamp ## Write openapi/openapi.json from the code
	$(BIN)/python -m rcu.openapi

.PHONY: bench
bench: $(VENV)/dev.stamp ## Measure the speed on this machine; ARGS="--help" for the parts
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-sales
bench-sales: $(VENV)/dev.stamp ## Measure tickets and points, beside pgbench; ARGS="--help"
	$(BIN)/python -m bench.sales $(ARGS)

.PHONY: bench-identity
bench-identity: $(VENV)/dev.stamp ## Measure identity resolution beside Splink; ARGS="--help"
	$(BIN)/python -m bench.identity $(ARGS)

.PHONY: lock
lock: $(VENV)/service.stamp ## Renew the lock files; ARGS="--upgrade" for the newest versions
	@tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(BIN)/python -m venv "$$tools"; "$$tools/bin/pip" install --quiet uv; \
	compile() { "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header $(ARGS) "$$@"; }; \
	compile pyproject.toml --output-file requirements.lock; \
	compile pyproject.toml --extra dev --output-file requirements-dev.lock; \
	echo 'setuptools>=77' | compile - --output-file requirements-build.lock; \
	echo 'pyspark>=4.1' | compile - --output-file requirements-spark.lock

.PHONY: clean
clean: ## Remove .venv and the caches; the data in ./var stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# -- Installing ------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with" \
		"make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual" \
		"environment; on Debian or Ubuntu: apt install python3-venv"; exit 1; }

# The package itself is installed editable, with a build tool that is locked too: nothing is
# fetched without its hash.
$(VENV)/service.stamp: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the service needs into $(VENV)..."
	@$(PIP) install --quiet $(LOCKED) -r requirements-build.lock
	@$(PIP) install --quiet $(LOCKED) -r requirements.lock
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# Spark comes as source only, and is built with the locked build tool.
$(VENV)/spark.stamp: requirements-spark.lock $(VENV)/dev.stamp
	@java -version >/dev/null 2>&1 || { echo "Spark needs Java 17: on Debian or Ubuntu," \
		"apt install openjdk-17-jre-headless"; exit 1; }
	@echo "Installing Spark into $(VENV)..."
	@$(PIP) install --quiet --require-hashes --no-deps --no-build-isolation \
		-r requirements-spark.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/service.stamp
	@echo "Installing the development tools into $(VENV)..."
	@$(PIP) install --quiet $(LOCKED) -r requirements-dev.lock
	@touch $@
