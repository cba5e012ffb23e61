# crosswalk. `make` alone lists the targets. Needs a Rust toolchain, a C/C++ compiler, make, bash, perl.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Passed to the command behind demo, sandbox and mutants, e.g. make demo ARGS=--json
ARGS ?=

# make sim: how many seeds; make check says its own number.
SEEDS ?=

# With CI=true the committed lock file is binding and nothing may be skipped.
LOCKED := $(if $(filter true,$(CI)),--locked)
# make soak plays its many seeds with the code that it storms; those of make test have debug assertions.
SIM_PROFILE ?=
RUN := cargo run $(LOCKED) --release --bin crosswalk --

.NOTPARALLEL:
.PHONY: help demo sandbox test kafka-up kafka-down sim sim-mutants soak fuzz bench check fmt fmt-check lint deny tools client-tools golden mutants clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## Tell the whole story against the sandboxes (ARGS=--json for one JSON object on the last line)
	@$(RUN) demo $(ARGS)

sandbox: ## Serve the simulated Intercom and Salesforce (ARGS='--port 8400')
	@$(RUN) sandbox both $(ARGS)

test: ## Run every test, those on a real Kafka broker where Java 17 and Maven are there
	@.ci/kafka with cargo test $(LOCKED)

kafka-up: ## Start a real Kafka broker on 127.0.0.1:19092 (KAFKA_PORT), from Maven Central
	@.ci/kafka up

kafka-down: ## Stop it and remove its data
	@.ci/kafka down

sim: ## Run the simulation (SEEDS=5000 runs more, SIM_SEED=17 tells one seed, SIM_ACTIONS=200)
	@$(if $(SEEDS),SIM_COUNT=$(SEEDS)) cargo test $(LOCKED) $(SIM_PROFILE) --test sim -- --nocapture

sim-mutants: ## Break the code on purpose; SEEDS (1000) of the simulation must catch each (ARGS=name-part)
	@SEEDS=$(SEEDS) tests/sim/mutants/run $(ARGS)

soak: ## All counts full: simulation, kills, every fault, fuzzing (STORM_MINUTES=60 adds the long run)
	@failed=; \
	if clients=$$(.ci/clients); then export CROSSWALK_CLIENTS="$$clients"; fi; \
	$(MAKE) sim SEEDS=$${SIM_COUNT:-2000} SIM_PROFILE=--release || failed="$$failed simulation"; \
	STORM_CHANGES=$${STORM_CHANGES:-5000} STORM_KILLS=$${STORM_KILLS:-100} \
	  STORM_EACH=$${STORM_EACH:-5000} STORM_TAKEOVERS=$${STORM_TAKEOVERS:-20} \
	  .ci/kafka with cargo test $(LOCKED) --release --test it -- storm --nocapture --test-threads 1 || \
	  failed="$$failed storms"; \
	$(MAKE) fuzz || failed="$$failed fuzzing"; \
	if [ -n "$$failed" ]; then echo "soak: failed:$$failed" >&2; exit 1; fi

fuzz: ## Fuzz everything that comes from outside, FUZZ_SECONDS (60) each
	@.ci/fuzz

bench: ## Run the benchmarks (benches/README.md says what they mean)
	@cargo bench $(LOCKED)

check: export SIM_COUNT ?= 300
check: fmt-check lint test deny ## What CI runs: format, lints, tests with structure tests, dependency policy

fmt: ## Format the code
	@cargo fmt

fmt-check:
	@cargo fmt --check

lint: ## Lint all targets, warnings are errors
	@cargo clippy $(LOCKED) --all-targets -- -D warnings

deny: ## Check licences, bans and sources of the dependencies (deny.toml)
	@.ci/deny

tools: ## Install cargo-deny into .tools
	@.ci/deny --install

client-tools: ## Install the npm and PyPI clients that are tested against the sandboxes into .tools
	@.ci/clients --install

golden: ## Rewrite tests/golden from today's behaviour; review reads the diff
	@UPDATE_GOLDEN=1 cargo test $(LOCKED)

mutants: ## Apply each tests/mutants/*.patch to a copy; each must fail its test (ARGS=name-part)
	@.ci/kafka with tests/mutants/run $(ARGS)

clean: ## Remove build output, keep .tools
	@cargo clean
