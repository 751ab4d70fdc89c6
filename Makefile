# Everything a newcomer needs: `make demo`, `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install dev demo test lint types contracts check tests torture bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/installed: requirements/base.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hookline needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

install: .venv/installed ## prepare .venv with the hookline command

dev: .venv/installed-dev ## the same, with everything the tests need

demo: install ## watch real signed webhooks come in, be verified, survive and be delivered
	$(BIN)/hookline demo

test: dev lint types contracts tests ## lint, types, import contracts and all tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

tests:
	scripts/node-deps
	PYTHON=$(PYTHON) scripts/oracles
	scripts/debian-deps
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

torture: dev ## kill the server KILLS times under load at both doors and lose nothing; DB=postgres: of several servers
	$(BIN)/python -m tests.torture $(if $(DB),--database=$(DB)) --rounds $${KILLS:-100}

bench: dev ## echo, both doors and the whole pipeline side by side; BENCH="--seconds 2 --only door"; DB=postgres
	$(BIN)/python -m bench $(if $(DB),--database=$(DB)) $(BENCH)
	$(BIN)/python -m bench.verify

bench-verify: dev ## what one verification costs, for every provider; VERIFY="--only stripe,slack"
	$(BIN)/python -m bench.verify $(VERIFY)

.PHONY: bench-full bench-steady bench-storm bench-compare bench-guard bench-page
bench-full: dev ## every scenario, then steady, storm, backlog and idle: about an hour
	$(BIN)/python -m bench --full $(BENCH)

bench-steady: dev ## 1,000 messages a second for ten minutes; STEADY="--seconds 60"
	$(BIN)/python -m bench.steady $(STEADY)

bench-storm: dev ## all endpoints of one customer fail, and the others must not notice
	$(BIN)/python -m bench.storm $(STORM)

bench-compare: dev ## other webhook servers beside this one; COMPARE="--system svix=http://127.0.0.1:8071,TOKEN"
	$(BIN)/python -m bench compare $(COMPARE)

bench-guard: dev ## instructions per event of each piece of the hot path, against the recorded ones; GUARD="--only door,commit"
	$(BIN)/python -m bench.guard $(GUARD)

bench-page: dev ## write docs/performance.md from bench/results
	$(BIN)/python -m bench.page

.PHONY: bench-verify bench-isolation bench-idle bench-backlog
bench-isolation: dev ## what one endpoint that never answers costs a hundred others; ISOLATION="--runs 1"
	$(BIN)/python -m bench.isolation $(ISOLATION)

bench-idle: dev ## what a server costs that has nothing to do
	$(BIN)/python -m bench.idle

bench-backlog: dev ## a million owed deliveries, drained while accepting: memory, rates, latencies
	$(BIN)/python -m bench.backlog $(BACKLOG)

.PHONY: test-plans bench-growth
test-plans: dev ## what every query touches with a million events stored, on each database; EVENTS=100000
	PLANS_EVENTS=$${EVENTS:-1000000} $(BIN)/pytest tests/plans

bench-growth: dev ## what an event costs with 10 thousand, 1 and 10 million stored; GROWTH="--sizes 10k,1m"
	$(BIN)/python -m bench.growth $(GROWTH)

.PHONY: simulate-fleet
simulate-fleet: dev ## 1, 4, 16 and 64 servers on one database, simulated: throughput, idle cost, failures; FLEET="--nodes 1 4"
	$(BIN)/python -m tests.simulation.fleet $(FLEET)
