# Two commands are all one needs: `make lab` to read and play, `make test` to check. Both install into .venv first, and only when needed.
PYTHON ?=
LAB_FLAGS ?=
MIN_FREE_GB ?=
TUNE ?=
GPU_FLAGS ?=
VERSIONS ?=
BROWSE ?=
PIP_FLAGS ?=
CPU ?=
export PYTHON MIN_FREE_GB PIP_FLAGS CPU

PY = .venv/bin/python
comma = ,
# One thread a worker: two workers with two threads each would fight over two cores.
# Byte code is kept, even where the environment says otherwise: kernels and hand-ins import the package in some hundred processes.
TEST_ENV = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=
# Whole files to each worker, in the order of tests/conftest.py.
SHARES = --dist loadscope --no-loadscope-reorder
NBVAL = --nbval-lax --nbval-current-env --nbval-cell-timeout 120

.PHONY: help install lab test browse notebooks api site versions format bench gpu doctor clean

help:
	@echo "make lab        open the course in JupyterLab            (LAB_FLAGS=\"--no-browser\")"
	@echo "make test       check everything: ruff, mypy, import-linter, pytest, and every notebook from top to bottom"
	@echo "make browse     run every notebook in a browser, turn its dials, and take pictures  (BROWSE=notebooks/05*.ipynb)"
	@echo "make notebooks  run all notebooks again and store their pictures"
	@echo "make api        write the reference of the library, as web pages, to build/api"
	@echo "make site       make web pages of the course, live explorers included, that need no network: build/site"
	@echo "make versions   run the course with the oldest, the newest and the locked versions (VERSIONS=\"newest --python python3.13\")"
	@echo "make bench      measure the renderers of this machine; a CSV file goes to benchmarks/results/"
	@echo "make gpu        prove and measure the kernels on this machine's GPU      (TUNE=1 sweeps launch sizes)"
	@echo "make doctor     say what is installed, what runs here, and what is missing"
	@echo "make format     tidy the code as 'make test' wants it"
	@echo "make clean      remove .venv and everything else that was made"
	@echo "All but help and clean first install what is needed into .venv. PYTHON=/path/to/python3 chooses the Python;"
	@echo "CPU=1 installs PyTorch without CUDA (the default on Linux where no NVIDIA driver is found), CPU=0 with it."

install:
	@sh scripts/setup.sh

lab: install
	@echo "==> JupyterLab on notebooks/ (Ctrl-C here stops it)"
	@root=; [ "$$(id -u)" != 0 ] || root=--allow-root; \
	exec $(PY) -m jupyterlab --notebook-dir=notebooks --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $$root $(LAB_FLAGS)

test: install
	@echo "==> ruff"
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@echo "==> mypy"
	@$(PY) -m mypy
	@echo "==> import-linter"
	@.venv/bin/lint-imports --no-cache
	@echo "==> pytest, notebooks included"
	@$(TEST_ENV) $(PY) -m pytest -n 2 $(SHARES) $(NBVAL) tests notebooks

browse: install
	@$(PY) scripts/browse_notebooks.py $(BROWSE)

notebooks: install
	@$(PY) scripts/execute_notebooks.py

api: install
	@$(PY) scripts/make_reference.py

site: install
	@$(PY) scripts/make_site.py

versions: install
	@$(PY) scripts/run_versions.py $(VERSIONS)

bench: install
	@$(PY) -m softras_edu bench --out benchmarks/results

gpu: install
	@$(PY) -m softras_edu gpu --out benchmarks/results $(if $(TUNE),--only doctor$(comma)tune) $(GPU_FLAGS)

doctor: install
	@$(PY) -m softras_edu doctor

format: install
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@DENO_NO_UPDATE_CHECK=1 $(PY) -m deno fmt --quiet --config softras_edu/explore/live/deno.json softras_edu/explore/live docs/site

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
