# Each target sets up .venv by itself, from requirements.lock, and works again at once when repeated.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
CONFIG ?= config/demo.yaml
RUN ?= demo
ENGINE ?= podman
READY := $(VENV)/.ready
# On a terminal one line of progress, elsewhere Snakemake's messages. The whole log is in .snakemake/log.
PROGRESS := $(shell test -t 2 && echo --logger strokeclock || echo --quiet rules host reason)
# Without their dependencies: they ask for a numpy that antspyx refuses, and work with that of requirements.lock.
SLURM := snakemake-executor-plugin-slurm==2.8.0 snakemake-executor-plugin-slurm-jobstep==0.6.1

export OMP_NUM_THREADS := 1
export NIPYPE_NO_ET := 1

.PHONY: help slurm demo report test test-all test-conda lint dry-run bench docs format container clean

help:
	@echo "make demo   a phantom cohort through the whole chain, to results/demo (minutes)"
	@echo "make report Snakemake's report of the demo, to results/demo/report.zip"
	@echo "make slurm  what .venv needs to hand jobs to Slurm (docs/how-to/cluster.md)"
	@echo "make test   the tests; make test-all: the slow ones too; make test-conda: those of the environments"
	@echo "make lint   ruff, snakefmt, mypy and snakemake --lint; make dry-run: the jobs of every configuration"
	@echo "make docs   the documentation as a site, to site/"
	@echo "make bench  the measurements, to benchmarks/latest.tsv"
	@echo "make container  the image strokeclock, by podman, or by Docker with ENGINE=docker"
	@echo "make clean  remove results/demo and its logs"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (some minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
	@echo "$(VENV) is ready."

slurm: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(SLURM)

demo: $(READY)
	@echo "A phantom cohort is made, preprocessed, trained on and evaluated, as $(CONFIG) says, into results/$(RUN)."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores $(CORES) --configfile $(CONFIG) $(PROGRESS)
	@$(BIN)/python -m strokeclock.report.summary results/$(RUN)
	@$(BIN)/python -m strokeclock.reading.demo resources/phantom_bundle.zip results/$(RUN)/new_patient

report: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores 1 --configfile $(CONFIG) --quiet all --report results/$(RUN)/report.zip

# Files in their order: the longest, that of the small chain, begins first.
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

test: $(READY)
	$(PYTEST) -m "not slow"

test-all: $(READY) $(VENV)/.docs $(if $(shell command -v sbatch),slurm)
	$(PYTEST)

test-conda: $(READY)
	@command -v conda >/dev/null || { echo "conda is not on PATH: install it first."; exit 1; }
	$(BIN)/pytest tests/integration/test_conda.py

dry-run: $(READY)
	@for files in config/demo.yaml config/phantom.yaml "config/tuned.yaml config/phantom_bundle.yaml"; do \
	  for toolchain in open fsl; do \
	    echo "preprocessing: {toolchain: $$toolchain}" > $(VENV)/toolchain.yaml; \
	    said=$$($(BIN)/snakemake -n --quiet rules host --configfile $$files $(VENV)/toolchain.yaml 2>&1) || { echo "$$said"; exit 1; }; \
	    echo "$$files, toolchain $$toolchain: $$(echo "$$said" | grep -m 1 ^total)"; \
	  done; done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/mypy
	@for file in config/demo.yaml config/phantom.yaml; do \
	  $(BIN)/snakemake --lint --configfile $$file || exit 1; done

bench: $(READY)
	$(BIN)/python benchmarks/run.py

format: $(READY)
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/Snakefile workflow/rules

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The pages are in site/. With their search: $(BIN)/python -m http.server -d site"

$(VENV)/.docs: $(READY) requirements-docs.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-docs.lock
	@touch $@

container:
	@command -v $(ENGINE) >/dev/null || { echo "$(ENGINE) is not on PATH: install it first."; exit 1; }
	$(ENGINE) build --file Containerfile --tag strokeclock .

clean:
	rm -rf results/demo logs/demo
