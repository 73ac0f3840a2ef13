# make demo   the main job: real data to judged designs, figures and a table in demo_output/
# make test   the tests
# make lint   style and layers
# make wheel  the wheel, installed alone with what it requires and used from outside of the checkout
# make docs   the documentation in docs/_build/html; GALLERY=0 does not execute the examples
# All but the wheel share a virtual environment in .venv; the wheel has a new one in build/wheel.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
DOCS_STAMP := $(VENV)/installed-docs
GALLERY ?= 1

# Real tables are looked for beside the checkout before they are downloaded.
export SKINVERSE_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: demo test lint wheel docs clean

demo: $(STAMP)
	$(BIN)/python examples/demo.py --output demo_output

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --config setup.cfg

# build/ goes first: what an earlier build has left there would be packed again.
wheel:
	rm -rf build
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip wheel --quiet --no-deps --wheel-dir build/dist .
	build/wheel/bin/pip install --quiet --no-compile --constraint constraints.txt build/dist/skinverse-*.whl
	build/wheel/bin/pip check
	cd / && OMP_NUM_THREADS=1 $(CURDIR)/build/wheel/bin/python -I $(CURDIR)/.ci/use_wheel.py

docs: $(DOCS_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -D plot_gallery=$(GALLERY) docs docs/_build/html

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "skinverse needs Python 3.11 or newer: make PYTHON=python3.11"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test,lint]'
	touch $(STAMP)

$(DOCS_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs,plots]'
	touch $(DOCS_STAMP)

clean:
	rm -rf $(VENV) demo_output build *.egg-info docs/_build docs/api/generated docs/auto_examples
