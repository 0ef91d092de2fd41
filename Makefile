# Every command sets up what it needs first (see scripts/setup); nothing has to be installed by hand.
.DEFAULT_GOAL := setup
.SILENT:
.PHONY: setup serve test test-long test-faults check bench soak lock clean help

setup: ## Make .venv and .venv/bin/simpul, fetch what is missing
	sh scripts/setup

serve: setup ## Run the sandbox city and the hub (PORT=8000)
	exec .venv/bin/simpul serve

# Two processes share the tests out, file by file. With PYTEST_ARGS there is one, which has a console for --pdb and -s.
PROCESSES = $(if $(PYTEST_ARGS),0,2)

test: setup ## Run the tests (PYTEST_ARGS="tests/web -k csrf", PROCESSES=2 at a time)
	.venv/bin/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-long: setup ## Run the tests that take minutes
	.venv/bin/python -m pytest -m long $(PYTEST_ARGS)

test-faults: setup ## Let everything fail that can, while callers ask, and write docs/operators/faults.md (QUICK=1 ends within 2 minutes)
	.venv/bin/python -m tests.faults $(if $(QUICK),--quick)

check: setup ## Lint, formatting, types, import rules
	sh scripts/check

bench: setup ## Measure Simpul beside its peers (QUICK=1 ends within 5 minutes; TRIAL=1 only tries; MICRO=1 in process only; LEDGER=1 the access ledger only; OVERLOAD=1 load shedding only; WARM=1 kept answers only)
	PYTHONPATH=. .venv/bin/python -P -m $(if $(LEDGER),benchmarks.ledger,$(if $(OVERLOAD),benchmarks.overload,$(if $(MICRO),benchmarks.in_process,benchmarks))) $(if $(QUICK),--quick) $(if $(TRIAL),--trial) $(if $(WARM),--warm)

soak: setup ## Let the hub work for 5 minutes with faults on and off, and see that nothing leaks (SECONDS=300)
	PYTHONPATH=. .venv/bin/python -P -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS))

lock: setup ## Renew requirements.lock from pyproject.toml
	sh scripts/lock

clean: ## Remove what make made: .venv, node_modules, caches, the sandbox's data
	sh scripts/clean

help: ## This list
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile
	echo "PYTHON=/path/to/python chooses the Python that .venv is made with (3.11 to 3.13)."
