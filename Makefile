# `make` alone lists what there is. Everything runs in .venv, which is made when it is needed.

PYTHON ?= python3
# Further arguments for the command behind a target: make test ARGS="-k redrive"
ARGS =
# Most of a test's time is waiting, so more of them run at once than there are cores.
WORKERS ?= 3

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

# What a shell may hold for other programs: it would change what Python imports and where pip
# installs. PIP_INDEX_URL and the like, without which pip may find nothing, are left alone.
unexport PYTHONHOME PYTHONINSPECT PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP PYTHONWARNINGS
unexport PIP_CONSTRAINT PIP_DRY_RUN PIP_NO_BINARY PIP_NO_DEPS PIP_PREFIX PIP_PYTHON PIP_REQUIRE_VIRTUALENV PIP_ROOT PIP_TARGET PIP_USER

# Under `make -j`, two targets would install into .venv at the same time.
.NOTPARALLEL:

.PHONY: help demo loadtest up logs down prune test test-unit mutants test-compose measure-memory bench audit-dependencies lint format contracts quotes pins upgrade venv clean ci

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Start every service, place orders, show what became of them, stop
	@$(BIN)/orderctl demo $(ARGS)

loadtest: $(VENV)/.loadtest ## Put it all under load, with a burst, and audit what came of it
	@$(BIN)/python -m loadtest $(ARGS)

up: ## Build and start everything in containers; again after a change of code (BROKER=kafka)
	@# Containers have users of their own, who cannot read what a clone under umask 077 holds.
	@chmod -R a+rX deploy
	@docker compose up --build --detach --wait --remove-orphans $(ARGS)
	@tools/next-steps

logs: ## Follow what the containers say: make logs ARGS=email
	@docker compose logs --follow --tail 100 $(ARGS)

down: ## Stop the containers; orders stay (make down ARGS=--volumes forgets them)
	@docker compose --profile tools --profile latecomer --profile loadtest --profile never down --remove-orphans $(ARGS)

prune: ## Delete, in the containers, records of what cannot come again; once a day will do
	@tools/prune $(ARGS)

test: $(VENV)/.dev ## Run every test but those of the containers, on servers started for them
	@tools/install-test-servers
	@# What a failed test leaves stays there to be looked at.
	@folder=$$(tools/make-test-folder) && \
	if $(BIN)/python -m pytest --ignore tests/compose --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --basetemp "$$folder/tests" $(ARGS); \
	then rm -rf "$$folder"; \
	else status=$$?; echo "The files of the tests are in $$folder"; exit $$status; fi

test-unit: $(VENV)/.dev ## Run the tests that need no server and no network
	@$(BIN)/python -m pytest tests/unit $(ARGS)

mutants: $(VENV)/.dev ## Plant faults in the code, one at a time, and see that a test fails (ARGS=circuit_breaker.py)
	@$(BIN)/python -m tools.mutants $(ARGS)

test-compose: $(VENV)/.dev ## Bring the containers up from nothing, break some, and audit
	@$(BIN)/python -m pytest tests/compose $(ARGS)

measure-memory: $(VENV)/.dev ## How much all containers use at 50 orders a second
	@$(BIN)/python -m tests.compose.memory $(BROKER)

bench: $(VENV)/.dev ## Measure it beside bare clients that do the same work
	@tools/install-test-servers
	@$(BIN)/python -m bench $(ARGS)

audit-dependencies: $(VENV)/.dev ## Look for known vulnerabilities in what is pinned
	@tools/audit-dependencies

lint: $(VENV)/.dev ## Check style, types, and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Bring the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

contracts: $(VENV)/.dev ## Write docs/contracts anew; refuses a change that breaks consumers
	@$(BIN)/python -m tools.contracts

quotes: $(VENV)/.dev ## Write the code that docs/ideas quotes anew
	@$(BIN)/python -m cogapp -r -P -p "from tools.quoting import quote" docs/ideas/*.md

pins: $(VENV)/.dev ## Compile each requirements.in into pins with hashes
	tools/pins

upgrade: $(VENV)/.dev ## The same, with the newest version of everything
	tools/pins --upgrade

venv: $(VENV)/.dev ## Make .venv with everything, for an editor

clean: ## Remove .venv, caches, and what the demo and the load test left
	rm -rf $(VENV) .cache .demo .grimp_cache .hypothesis .import_linter_cache .compare .loadtest .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ci: ## Run what every change must pass
	.ci/run

# The files below are empty; their times tell make what has been installed since when.

$(VENV)/.made:
	@tools/make-venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made $(RUNTIME)
	@echo "Installing what the services need into $(VENV)"
	@$(PIP) install --require-hashes $(foreach file,$(RUNTIME),-r $(file))
	@tools/make-command $(VENV)
	@touch $@

$(VENV)/.loadtest: $(VENV)/.runtime loadtest/requirements.txt
	@echo "Installing locust into $(VENV)"
	@$(PIP) install --require-hashes -r loadtest/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.txt
	@echo "Installing what the services, the tests and the checks need into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@tools/make-command $(VENV)
	@touch $@
