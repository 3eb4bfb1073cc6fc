# One door to the project: `make` lists what there is. CI calls the same targets (.ci/run).

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# SLIM=1 leaves torch out: enough to run Headwater; the tests that need torch are then skipped, each by name
SLIM ?=
# what to test: a folder, a file or a test, with more options for pytest behind it
T ?= tests
# how tests share the cores, by one process more than there are: they wait for servers, clocks and the disk. Files stay whole, so that a
# server is started once a worker, and come in order of folders: the pages' examples, minutes in one file, would else come last and
# leave a core idle (PARALLEL= for one process)
PARALLEL ?= -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder
# what is handed on by `make demo` and `make bench`
ARGS ?=
# the folder with the pools for `make bench-search`
DATA ?=

# every process would compile all of its modules: half a second of each start
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
KIND := $(if $(SLIM),slim,full)

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^## / { printf "\n%s\n", substr($$0, 4) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nvariables: PYTHON=path (interpreter for .venv)  SLIM=1 (without torch)  T=path (what to test)  ARGS=… (handed on)\n'

## Start here

.PHONY: setup
setup: ## make .venv with everything in it (SLIM=1: without torch)
	@tools/setup.sh $(KIND)

.PHONY: demo
demo: ## the sample warehouse: crawl, index, serve, and three questions to try
	@tools/setup.sh slim
	@$(VENV)/bin/headwater demo $(ARGS)

## Test

.PHONY: emulators
emulators: ## environments for tests: a Snowflake emulator, dbt, Kubernetes' schemas (without them these tests are skipped)
	@tools/emulators.sh snowflake dbt kubernetes

.PHONY: emitters
emitters: ## environments of real emitters of lineage events: OpenLineage's client, Airflow, dbt-ol (without them these tests are skipped)
	@tools/emitters.sh openlineage airflow dbt-ol

.PHONY: test-emitters
test-emitters: setup emitters ## Airflow on PostgreSQL, dbt-ol on DuckDB and OpenLineage's client into a served Headwater
	$(PY) -m pytest -q tests/integration/test_emitters.py

.PHONY: test
test: setup ## every test but the long ones (T=path: some of them)
	$(PY) -m pytest -q -m "not slow" $(PARALLEL) $(T)

.PHONY: test-long
test-long: setup ## every test, the long campaigns included
	TEST_LONG=1 $(PY) -m pytest -q $(PARALLEL) $(T)

## Check

.PHONY: check
check: lint types contracts docs ## all of the checks below: what a change must pass, besides the tests

.PHONY: lint
lint: setup ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

.PHONY: types
types: setup ## mypy, strict
	$(PY) -m mypy

.PHONY: contracts
contracts: setup ## import-linter: who may import whom
	$(VENV)/bin/lint-imports --no-cache

.PHONY: docs
docs: setup ## what the pages say against what the code does
	$(PY) -m pytest -q tests/docs/test_docs.py

.PHONY: format
format: setup ## let ruff write the format, and the fixes that are safe
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

## Measure

# benchmarks of training, of sentence-transformers and of cloud warehouses' drivers; all others run without torch
WHOLE := adapter encoding faults statements

.PHONY: bench
bench: ## the benchmarks: ARGS="demo" runs one, without ARGS they are listed
	@tools/setup.sh $(if $(filter $(WHOLE),$(firstword $(ARGS))),$(KIND),slim)
	$(PY) -m bench $(ARGS)

.PHONY: bench-search
bench-search: setup ## how well questions find their tables beside peers, which are made first: DATA=…
	@tools/search_peers.sh
	$(PY) -m bench relevance $(DATA) $(ARGS)

.PHONY: bench-lineage
bench-lineage: setup ## every figure of lineage beside its peers, which are made first, in an hour or two: ARGS="DATA [--only PARTS] [--small]"
	@tools/lineage_peers.sh
	$(PY) -m bench lineage_all $(ARGS)

.PHONY: bench-usage
bench-usage: setup ## queries of open logs foretold beside their peers, which are made first: ARGS=DATA
	@tools/usage_peers.sh
	$(PY) -m bench usage $(ARGS)

## Tidy up

.PHONY: clean
clean: ## remove caches and build products; data folders and .venv stay
	rm -rf build dist bench/out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find services tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
