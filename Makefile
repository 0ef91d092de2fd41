# Every command first installs what it needs (see scripts/setup).
.DEFAULT_GOAL := setup
.SILENT:
.PHONY: setup production programs serve test test-quick test-long test-faults test-mutation check bench soak lock fresh clean help

setup: ## Create .venv and .venv/bin/simpul, install missing packages
	sh scripts/setup

production: ## The same with the hub's packages only: no sandbox city, no tests
	sh scripts/setup production

programs: setup ## Install the optional programs and Node packages of the tests (SIMPUL_WITHOUT=mariadb,npm or all omits some)
	.venv/bin/python -I scripts/optional_programs.py
	.venv/bin/python -I scripts/environment.py node
	.venv/bin/python -I scripts/environment.py node-tests
	.venv/bin/python -I scripts/environment.py python-clients

serve: setup ## Run the sandbox city and the hub (PORT=8000)
	exec .venv/bin/simpul serve

# Four processes share the tests by file, even on two cores: tests wait for servers for a third of their time.
# With PYTEST_ARGS there is one process, with a console for --pdb and -s.
PROCESSES = $(if $(PYTEST_ARGS),0,4)

test: programs ## Run the tests (PYTEST_ARGS="tests/web -k csrf", PROCESSES=2 at a time)
	.venv/bin/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-quick: setup ## Run a selection of the tests within 90 seconds (tests/plugins/quick.py)
	.venv/bin/python -m pytest --quick -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-long: programs ## Run the tests that take minutes
	.venv/bin/python -m pytest -m long -o faulthandler_timeout=3600 $(PYTEST_ARGS)

test-faults: setup ## Inject faults under load, and write docs/operators/fault-tests.md (QUICK=1 ends within 2 minutes)
	.venv/bin/python -m tests.faults $(if $(QUICK),--quick)

check: setup ## Lint, formatting, types, import rules
	sh scripts/check

test-mutation: setup ## Put mistakes into manifests, and show which of them the tests of agencies notice (AGENCY=pangan)
	.venv/bin/python -m tests.mutation $(AGENCY)

bench: setup ## Measure Simpul and its peers (QUICK=1 ends within 5 minutes; TRIAL=1 only checks; MICRO=1 in process only; LEDGER=1 the access ledger only; OUTAGE=1 commands during an outage; OVERLOAD=1 load shedding only; WARM=1 cached answers only; FAULTS=1 failing agencies only)
	PYTHONPATH=. .venv/bin/python -P -m $(if $(FAULTS),benchmarks.faults,$(if $(LEDGER),benchmarks.ledger,$(if $(OUTAGE),benchmarks.command_outage,$(if $(OVERLOAD),benchmarks.overload,$(if $(MICRO),benchmarks.micro.in_process,benchmarks))))) $(if $(QUICK),--quick) $(if $(TRIAL),--trial) $(if $(WARM),--warm)

soak: setup ## Check for leaks: 5 minutes of load with and without faults (SECONDS=300)
	PYTHONPATH=. .venv/bin/python -P -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS))

lock: setup ## Renew requirements.lock from pyproject.toml
	sh scripts/lock

fresh: setup ## Test the README: its two commands in an empty folder, without and with all optional programs
	.venv/bin/python -I scripts/fresh.py

clean: ## Remove .venv, node_modules, caches, the sandbox's data
	sh scripts/clean

help: ## This list
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile
	echo "PYTHON=/path/to/python chooses the Python of .venv (3.11 to 3.14)."
