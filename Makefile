# `make` lists the targets. Everything runs in .venv, which is created on demand.

PYTHON ?= python3
# Additional arguments for the command behind a target: make test ARGS="-k redrive"
ARGS =
# Tests spend most of their time waiting, so more of them run at once than there are cores.
WORKERS ?= 5

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(wildcard services/*/requirements.txt) simulators/requirements.txt orderctl/requirements.txt

# In containers: rabbitmq or kafka.
BROKER = rabbitmq
ifeq ($(BROKER),kafka)
export COMPOSE_FILE := docker-compose.yml:docker-compose.kafka.yml
export COMPOSE_PATH_SEPARATOR := :
else ifneq ($(BROKER),rabbitmq)
$(error BROKER is rabbitmq or kafka, not $(BROKER))
endif

# Variables set for other programs could change what Python imports and where pip installs.
# PIP_INDEX_URL and similar ones stay, because pip may need them to find packages.
unexport PYTHONHOME PYTHONINSPECT PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP PYTHONWARNINGS
unexport PIP_CONSTRAINT PIP_DRY_RUN PIP_NO_BINARY PIP_NO_DEPS PIP_PREFIX PIP_PYTHON PIP_REQUIRE_VIRTUALENV PIP_ROOT PIP_TARGET PIP_USER

# Under `make -j`, two targets would install into .venv at the same time.
.NOTPARALLEL:

.PHONY: help demo loadtest up logs down prune test test-all test-versions test-unit mutants test-compose measure-memory bench audit-dependencies lint format contracts quotes pins upgrade venv clean ci

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Start every service, place orders, show their effects, stop
	@$(BIN)/orderctl demo $(ARGS)

loadtest: $(VENV)/.loadtest ## Put the whole system under load, with a burst, and audit the result
	@$(BIN)/python -m loadtest $(ARGS)

up: ## Build and start everything in containers, also after a change of code (BROKER=kafka)
	@# The users in the containers cannot read the files of a clone made under umask 077.
	@chmod -R a+rX deploy
	@docker compose up --build --detach --wait --remove-orphans $(ARGS)
	@tools/next-steps

logs: ## Follow the logs of the containers: make logs ARGS=email
	@docker compose logs --follow --tail 100 $(ARGS)

down: ## Stop the containers and keep the orders (make down ARGS=--volumes deletes them)
	@docker compose --profile tools --profile latecomer --profile loadtest --profile never down --remove-orphans $(ARGS)

prune: ## Delete records of events that can no longer be redelivered, in the containers; run it daily
	@tools/prune $(ARGS)

# The matrices of the tests repeat a proof on every transport. `test-all` runs all of their cells,
# the other targets one cell per proof and transport.
CELLS = -m "not matrix"

define run-tests
@tools/install-test-servers
@# The files of failed tests are kept for inspection.
@folder=$$(tools/make-test-folder) && \
if $(BIN)/python -m pytest --ignore tests/compose $(CELLS) --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --basetemp "$$folder/tests" $(ARGS); \
then rm -rf "$$folder"; \
else status=$$?; echo "The files of the tests are in $$folder"; exit $$status; fi
endef

test: $(VENV)/.dev ## Run all tests except the container tests; they start their own servers
	$(run-tests)

test-all: CELLS =
test-all: $(VENV)/.dev ## Run every cell of every test matrix, all container tests, and test-versions
	$(run-tests)
	@$(BIN)/python -m pytest tests/compose $(ARGS)
	@$(MAKE) --no-print-directory test-versions

# The servers of Debian 12 are RabbitMQ 3.10 and PostgreSQL 15.
test-versions: $(VENV)/.dev ## Run the tests of RabbitMQ and PostgreSQL on the versions of docker-compose.yml
	@$(BIN)/python -m pytest --containers --numprocesses $(WORKERS) --dist loadfile -k "rabbitmq or postgres" tests/conformance tests/integration/rabbitmq $(wildcard tests/integration/test_*_postgresql.py) $(ARGS)

test-unit: $(VENV)/.dev ## Run the tests that need no server and no network
	@$(BIN)/python -m pytest tests/unit $(ARGS)

mutants: $(VENV)/.dev ## Plant faults in the code, one at a time, and check that a test fails (ARGS=circuit_breaker.py)
	@$(BIN)/python -m tools.mutants $(ARGS)

test-compose: $(VENV)/.dev ## Start the containers from scratch, break some of them, and audit
	@$(BIN)/python -m pytest tests/compose $(CELLS) $(ARGS)

measure-memory: $(VENV)/.dev ## Measure the memory of all containers at 50 orders per second
	@$(BIN)/python -m tests.compose.memory $(BROKER)

bench: $(VENV)/.dev ## Measure the system beside bare clients that do the same work
	@tools/install-test-servers
	@$(BIN)/python -m bench $(ARGS)

audit-dependencies: $(VENV)/.dev ## Check the pinned packages for known vulnerabilities
	@tools/audit-dependencies

lint: $(VENV)/.dev ## Check style, types, import rules and workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	tools/lint-workflows

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

contracts: $(VENV)/.dev ## Regenerate docs/contracts; refuses a change that breaks consumers
	@$(BIN)/python -m tools.contracts

quotes: $(VENV)/.dev ## Update the code quoted in docs/ideas
	@$(BIN)/python -m cogapp -r -P -p "from tools.quoting import quote" docs/ideas/*.md

pins: $(VENV)/.dev ## Compile each requirements.in into pins with hashes
	tools/pins

upgrade: $(VENV)/.dev ## Compile the pins with the newest version of every package
	tools/pins --upgrade

venv: $(VENV)/.dev ## Create .venv with all dependencies, for an editor

clean: ## Remove .venv, caches, and the files of the demo and the load test
	rm -rf $(VENV) .cache .demo .grimp_cache .hypothesis .import_linter_cache .compare .loadtest .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ci: ## Run all checks that a change must pass
	.ci/run

# The files below are empty; their timestamps tell make what has been installed.

$(VENV)/.made:
	@tools/make-venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made $(RUNTIME)
	@echo "Installing the services' dependencies into $(VENV)"
	@$(PIP) install --require-hashes $(foreach file,$(RUNTIME),-r $(file))
	@tools/make-command $(VENV)
	@touch $@

$(VENV)/.loadtest: $(VENV)/.runtime loadtest/requirements.txt
	@echo "Installing locust into $(VENV)"
	@$(PIP) install --require-hashes -r loadtest/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.txt
	@echo "Installing all dependencies into $(VENV); this takes two to four minutes"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@tools/make-command $(VENV)
	@touch $@
	@echo "Done. To use orderctl in this terminal: source $(VENV)/bin/activate"
