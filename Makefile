# Everything a person does with this checkout; `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON_SET_UP := $(BIN)/python
LOCK := requirements-dev.txt
# One file per lock: another lock, another name, and setup runs again.
STAMP := $(VENV)/locked-$(shell sha256sum $(LOCK) | cut -c1-16)

ENV ?= local
SCENARIO ?= churn
# What a person types reaches commands by the environment, as it was typed: make would expand a
# dollar in it, and the shell a quote.
export EVERSCORE_GIVEN_ID := $(value ID)
export EVERSCORE_GIVEN_ENV := $(value ENV)
export EVERSCORE_GIVEN_SCENARIO := $(value SCENARIO)
unexport ID ENV SCENARIO
MAKEOVERRIDES :=
# A test that hangs ends with the stacks of all threads. Two processes share the files out; each
# has a platform of its own.
TEST_PROCESSES ?= 2
PYTEST := $(PYTHON_SET_UP) -m pytest --timeout=1200 --timeout-method=thread --durations=40 \
  --numprocesses=$(TEST_PROCESSES) --dist=loadfile --no-loadscope-reorder
JOB_ARGS := --scenario "$$EVERSCORE_GIVEN_SCENARIO" --env "$$EVERSCORE_GIVEN_ENV"
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Make .venv with exactly the locked packages; again when the lock changed

$(STAMP): $(LOCK)
	@if [ -L $(VENV) ]; then \
	  echo "$(VENV) is a link to $$(readlink $(VENV)), which another lock made: it would be erased there." >&2; \
	  echo "Remove the link, or set that environment up where it is." >&2; exit 2; \
	fi
	@python=$$(.ci/prerequisites) && \
	echo "making $(VENV) with $$($$python --version), about 2 minutes after downloads" && \
	$$python -m venv --clear $(VENV) && \
	$(PYTHON_SET_UP) -m pip install --require-hashes --no-deps -r $(LOCK) && \
	$(PYTHON_SET_UP) -m pip check && \
	touch $(STAMP)

.PHONY: prepare
prepare: setup ## Fetch jars, compile kernels, archive Spark's classes now instead of at first use
	@$(PYTHON_SET_UP) -m jobs.spark.preparation

.PHONY: up
up: setup ## Start Kafka and HBase on this machine, wait until they answer
	@$(PYTHON_SET_UP) -m local up

.PHONY: down
down: setup ## Stop what `make up` started; the data stays
	@$(PYTHON_SET_UP) -m local down

.PHONY: status
status: setup ## Show what runs, and where
	@$(PYTHON_SET_UP) -m local status

.PHONY: reset
reset: setup ## Stop the platform; erase topics, tables, checkpoints, archive: RESET_ARGS=--keep-archive
	@$(PYTHON_SET_UP) -m local reset $(RESET_ARGS)

.PHONY: demo
demo: setup ## The whole story in five minutes: history, model, stream, live view, summary
	@$(PYTHON_SET_UP) -m jobs demo $(JOB_ARGS)

.PHONY: demo-xray
demo-xray: setup ## The story of chest X-rays; EVERSCORE_XRAY_FOLDER names their folder, see docs/xray.md
	@$(PYTHON_SET_UP) -m jobs demo --scenario xray --env "$$EVERSCORE_GIVEN_ENV" --rate 20 --duration 30 \
	  --bad-share 0.1

.PHONY: desk
desk: setup ## The web service and its pages on this machine; prints the address, and a key once
	@$(PYTHON_SET_UP) -m jobs serve --desk --env "$$EVERSCORE_GIVEN_ENV" $(DESK_ARGS)

.PHONY: score
score: setup ## Show a customer's latest row: make score ID=7590-VHVEG
	@: "$${EVERSCORE_GIVEN_ID:?say which customer, such as: make score ID=7590-VHVEG}"
	@$(PYTHON_SET_UP) -m jobs show_score $(JOB_ARGS) -- "$$EVERSCORE_GIVEN_ID"

.PHONY: device-files
device-files: setup ## What the device page scores with, from npm: needed for that page only
	@$(PYTHON_SET_UP) -m jobs.wiring.serving.device_files

.PHONY: bench
bench: setup ## Everscore beside its peers, all of it, in some 100 minutes; the report goes to docs/bench
	@$(PYTHON_SET_UP) -m bench.suite $(BENCH_ARGS)

.PHONY: bench-quick
bench-quick: setup ## A ten-minute cut of it: no history, uniform keys, one round
	@$(PYTHON_SET_UP) -m bench.suite --quick $(BENCH_ARGS)

.PHONY: bench-growth
bench-growth: setup ## Cost per event from 10 thousand to 10 million customers, 1 to 8 partitions
	@$(PYTHON_SET_UP) -m bench.growth $(BENCH_ARGS)

.PHONY: bench-latency
bench-latency: setup ## Event to readable row: the stream beside a plain consumer loop
	@$(PYTHON_SET_UP) -m bench.latency

.PHONY: bench-batch
bench-batch: setup ## A million customers scored at once, beside scikit-learn alone
	@$(PYTHON_SET_UP) -m bench.batch

.PHONY: bench-offline
bench-offline: setup ## Features of the whole payments file, beside pandas windows per group
	@$(PYTHON_SET_UP) -m bench.offline_features

.PHONY: bench-serving
bench-serving: setup ## The web service beside a running stream, as ratios to raw reads of HBase
	@$(PYTHON_SET_UP) -m bench.serving $(BENCH_ARGS)

.PHONY: prove
prove: setup ## Recompute features, scores, models and states from the archive; any difference fails
	@$(PYTHON_SET_UP) -m proofs.prove $(PROVE_ARGS)

.PHONY: prove-fraud
prove-fraud: setup ## Play payments and verdicts, recompute the features, measure the terminals' skew
	@$(PYTHON_SET_UP) -m proofs.prove_fraud $(PROVE_ARGS)

.PHONY: prove-hostile
prove-hostile: setup ## Ten minutes of the stream under hostile records: each has its one disposition
	@$(PYTHON_SET_UP) -m proofs.hostile $(PROVE_ARGS)

.PHONY: test
test: setup ## Unit, Spark and integration tests, with a real Kafka and HBase; branch coverage at the end
	@$(PYTEST) --cov --cov-report= --cov-fail-under=1 tests/unit tests/spark tests/integration $(PYTEST_ARGS)

.PHONY: coverage
coverage: setup ## Branch coverage of the last `make test`, by file; what only jobs' processes run is not in it
	@$(PYTHON_SET_UP) -m coverage report

.PHONY: test-unit
test-unit: setup ## Tests without Spark and services, in some minutes
	@$(PYTEST) tests/unit $(PYTEST_ARGS)

.PHONY: test-spark
test-spark: setup ## Tests that start Spark
	@$(PYTEST) tests/spark $(PYTEST_ARGS)

.PHONY: test-integration
test-integration: setup ## Tests that start Kafka, HBase and MLflow, on free ports
	@$(PYTEST) tests/integration $(PYTEST_ARGS)

.PHONY: fault-test
fault-test: setup ## The crash test with ten kills instead of three
	@EVERSCORE_FAULT_KILLS=10 $(PYTEST) tests/integration/test_faults.py $(PYTEST_ARGS)

.PHONY: fuzz-serving
fuzz-serving: setup ## 50,000 made-up requests to the whole web service: no failure without a reason
	@EVERSCORE_FUZZ_REQUESTS=$${EVERSCORE_FUZZ_REQUESTS:-50000} $(PYTHON_SET_UP) -m pytest -s \
	  --timeout=7200 tests/integration/test_fuzz_serving.py $(PYTEST_ARGS)

.PHONY: lint
lint: setup ## Style, formatting, types and import direction
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: jars
jars: setup ## Fetch the jars and check their SHA-256; JARS_ARGS=--again whatever the cache holds
	@$(PYTHON_SET_UP) -m local jars $(JARS_ARGS)

.PHONY: lock-jars
lock-jars: setup ## Write the list of the jars' SHA-256 again, after a change of a POM
	@$(PYTHON_SET_UP) -m local jars --write-list

.PHONY: lock
lock: setup ## Resolve requirements*.in into the locks with hashes
	@for name in requirements requirements-dev; do \
	  echo "locking $$name.in" && \
	  env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	    --allow-unsafe --strip-extras --annotation-style=line --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --output-file=$$name.txt $$name.in; \
	done

.PHONY: clean
clean: ## Remove .venv and the tools' caches; data in .everscore and downloaded jars stay
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build spark-warehouse
	@find . -name __pycache__ -type d -prune -not -path './.git/*' -exec rm -rf {} +
