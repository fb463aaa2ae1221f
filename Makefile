PYTHON ?= python3
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup quickstart test test-all test-quick test-vllm lint format generate docs bench study clean

setup: $(READY)

# torch first: otherwise another requirement may install it with several GB of CUDA packages.
$(READY): pyproject.toml requirements/cpu.txt requirements/megatron.txt requirements/bfcl.txt requirements/monitors.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v < (3, 13) else f"got Python {v[0]}.{v[1]}, expected 3.10 to 3.12; make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint requirements/cpu.txt --editable '.[cpu,dev,docs,tinker,study]'
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/megatron --requirement requirements/megatron.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/bfcl --requirement requirements/bfcl.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/monitors --requirement requirements/monitors.txt
	touch $(READY)

quickstart: $(READY)
	$(BIN)/trinity-chord quickstart --seed $(SEED)

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

# Coverage of the quick tests only: the others start processes of their own, which it does not see,
# and tracing would slow them down. Those others wait for Ray half of their time: three at once.
test: test-quick
	$(PYTEST) --numprocesses 3 -m "(slow or e2e) and not long"

test-all: $(READY)
	$(PYTEST)

QUICK := -m "not slow and not e2e"

test-quick: $(READY)
	$(PYTEST) $(QUICK) --cov --cov-report=term

# An environment of its own, since vLLM needs other versions; see docs/vllm.md.
VLLM := .venv-vllm

$(VLLM)/.ready: pyproject.toml requirements/vllm.txt requirements/bfcl.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else f"got Python {v[0]}.{v[1]}, expected 3.11; make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --upgrade pip
	$(VLLM)/bin/python -m pip install --quiet --no-deps --requirement requirements/vllm.txt
	$(VLLM)/bin/python -m pip install --quiet --no-deps --editable .
	$(VLLM)/bin/python -m pip install --quiet --no-deps --upgrade --target $(VLLM)/bfcl --requirement requirements/bfcl.txt
	touch $@

test-vllm: $(VLLM)/.ready
	OMP_NUM_THREADS=1 $(VLLM)/bin/python -m pytest tests/vllm --durations=0

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python -m tools.vocabulary

# Everything in docs/ and configs/ that follows from the code.
generate: $(READY)
	$(BIN)/python -m tools.generate

docs: $(READY)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . build/site
	@echo "open build/site/index.html"

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks.step
	$(BIN)/python -m benchmarks.policy_loss
	$(BIN)/python -m benchmarks.exactness
	$(BIN)/python -m benchmarks.prepare --rows 2000

# The runs that have no result yet, and docs/study.md; about four hours from nothing.
study: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m examples.study.run main conditions weights clip scaling
	$(BIN)/python -m examples.study.page

clean:
	rm -rf runs build dist *.egg-info .coverage .pytest_cache .ruff_cache .mypy_cache
