# Two targets do everything on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
RUN := runs/quick

.PHONY: help setup demo docs test test-slow calibrate bench gpu-check gpu-bundle lint clean

help:
	@echo "make demo       set up, train the quick sweep (about 8 minutes on 2 cores), print the tables, draw the figures"
	@echo "make test       set up, run the tests (at most 8 minutes on 2 cores)"
	@echo "make test-slow  run the slow tests: calibration at full size, the quick sweep, every README command"
	@echo "make calibrate  measure size and power of the tests at full size, and write runs/calibration.md"
	@echo "make bench      time tests, runner, store, packing and data against the alternatives"
	@echo "make gpu-check  on a machine with a GPU: correctness, memory, data, a ladder and speed (under 8 minutes)"
	@echo "make gpu-bundle the same check as one file, for a machine with torch and numpy and without network"
	@echo "make docs       build the documentation as a site, into build/site (a few minutes: its pages run their code)"
	@echo "make lint       ruff and pyright"
	@echo "make setup      make the virtual environment in .venv"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Onecurve needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@echo "Setting up .venv: about 3 GB of packages from PyPI (torch with its CUDA libraries is most of it; 6.6 GB on disk)."
	@echo "That takes 2 to 10 minutes, once, depending on the network."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --progress-bar off --constraint constraints.txt --editable '.[train,data,docs,dev]'
	@touch $(READY)

demo: setup
	$(BIN)/onecurve run quick --out $(RUN)
	$(BIN)/onecurve analyze $(RUN) --of loss --of averaged-loss --json $(RUN)/analysis.json --to $(RUN)/figures

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: setup
	$(BIN)/python -m pytest -m "slow and not alone" -n 2 --dist worksteal
	$(BIN)/python -m pytest -m alone

docs: setup
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet --conf-dir docs . build/site

calibrate: setup
	$(BIN)/onecurve calibrate --to runs/calibration.md --json runs/calibration.json

bench: setup
	$(BIN)/python -m onecurve.scripts.bench.tests_within
	$(BIN)/python -m onecurve.scripts.bench.many_networks
	$(BIN)/python -m onecurve.scripts.bench.pack_overhead
	$(BIN)/python -m onecurve.scripts.bench.driver
	$(BIN)/python -m onecurve.scripts.bench.opening_tables
	$(BIN)/python -m onecurve.scripts.bench.packing_gain
	$(BIN)/python -m onecurve.scripts.bench.rate_scan
	$(BIN)/python -m onecurve.scripts.bench.machine_use
	$(BIN)/python -m onecurve.scripts.bench.data_cost

GPU_CHECK := --device cuda --out runs/gpu-check
gpu-check: setup
	$(BIN)/python -m onecurve.scripts.gpu.check $(GPU_CHECK)

gpu-bundle: setup
	$(BIN)/python -m onecurve.scripts.gpu.bundle --to build/onecurve-gpu-check.pyz

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

clean:
	rm -rf .venv build dist *.egg-info
