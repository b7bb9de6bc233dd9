# The two commands are `make demo` and `make test`. They install what is missing, print it first, and build with one
# profile, `ship`. NO_APT=1 only lists what is missing. `make help` lists the rest.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/muster
# CMake 3.28 or newer and the cargo tools are put there by scripts/setup where the system has none.
export PATH := $(CACHE)/cmake/bin:$(CACHE)/tools/bin:$(PATH)
# In CI, where the clone is new each time, the build is kept between runs.
ifeq ($(CI),true)
  export CARGO_TARGET_DIR ?= $(CACHE)/target
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO_TERM := --profile ship --workspace --locked

.PHONY: help demo test build lint deny fuzz soak bench fmt secrets up

help:
	@echo 'make demo   build, then publish, ingest, train and score the shipped sample'
	@echo 'make test   everything CI checks, with a real Apache Kafka and a real PostgreSQL'
	@echo 'make build  build the program into $(TARGET)/ship/muster'
	@echo 'make lint   formatting and clippy'
	@echo 'make deny   duplicates, owners, licences and sources of dependencies'
	@echo 'make fuzz   each fuzz target for FUZZ_SECS (60)'
	@echo 'make soak   the long tests, for SOAK_SECS (3600) each'
	@echo 'make bench  the figures of the README, optimised throughout what is hot'
	@echo 'make fmt    format'
	@echo 'make up     all of it in containers, with Grafana; `make secrets` writes the passwords once'

demo:
	@scripts/setup demo
	cargo build $(CARGO_TERM) --bin muster
	$(TARGET)/ship/muster demo --once --project .

test:
	@scripts/setup test
	@scripts/test

build:
	@scripts/setup build
	cargo build $(CARGO_TERM) --bin muster

lint:
	@scripts/test lint

deny:
	@scripts/test deny

fuzz:
	@scripts/test fuzz

# Long runs are tests with `soak` in their name: seconds long by themselves, as long as MUSTER_SOAK_SECS says here.
soak:
	@scripts/setup test
	MUSTER_SOAK_SECS=$(or $(SOAK_SECS),3600) cargo test $(CARGO_TERM) --features muster/failpoints soak -- --test-threads 1

# Every stage, the whole ingest on a real Kafka and CPU by stage, each beside a peer, as one table. BENCH="decode seal" for
# some of them; FORMAT=json; MUSTER_BENCH_QUICK=1 to see in a minute that they work.
bench:
	@scripts/setup test
	@scripts/bench --format $(or $(FORMAT),text)

fmt:
	cargo fmt --all

secrets:
	@scripts/secrets

up: secrets
	docker compose --profile sample up --build --detach --wait kafka registry postgres muster prometheus alertmanager grafana
	docker compose --profile sample up --detach publisher trainer
