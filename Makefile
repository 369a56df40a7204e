# Everything a checkout needs. `make demo` and `make test` do their own set-up in .venv; set VENV to use another folder.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# The web address that the site's link to the repository has: by default this checkout's origin.
REPOSITORY ?= $(filter https://%,$(shell git remote get-url origin 2>/dev/null))

sources := $(sort $(shell find engine plugins problems solvers benchmarks -name '*.py'))
# An editable install links files one by one, so it is made anew whenever a file comes or goes.
listing := $(shell printf '%s\n' $(sources) | cksum | cut -d' ' -f1)
installed := $(VENV)/.installed-$(listing)
bin := $(VENV)/bin

.PHONY: install demo test test-slow coverage release notebooks-stored docs check clean

install: $(installed)

$(installed): pyproject.toml constraints.txt
	test -x $(bin)/python || $(PYTHON) -m venv $(VENV)
	$(bin)/python -m pip install --quiet --constraint constraints.txt $(TORCH)
	$(bin)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs,notebooks,peers,dask,slurm,gym]'
	rm -f $(VENV)/.installed-*
	touch $@

demo: install
	mkdir -p runs/demo
	$(bin)/redwood generate tsp/clustered --size 500 --seed 1 --out runs/demo/clustered.tsp
	$(bin)/redwood generate knapsack/strongly-correlated --size 1000 --seed 1 --out runs/demo/strong.kp
	$(bin)/redwood solve benchmarks/instances/capitals.tsp runs/demo/clustered.tsp runs/demo/strong.kp \
		--time-limit 5 --out runs/demo --plot runs/demo
	@echo "Solutions and pictures are in runs/demo."

# One worker a core; each file of tests stays in one worker.
test: install
	$(bin)/python -m pytest --numprocesses auto --dist loadfile

# Which lines the tests run, child processes included, against the floor in pyproject.toml; the report is in runs/coverage.
coverage: install
	$(bin)/python -m pytest --numprocesses auto --dist loadfile --cov=redwood --cov-report=term:skip-covered \
		--cov-report=html:runs/coverage

# What takes minutes: wheels in environments of their own, notebooks, trainings, time limits of all solvers, cold caches.
test-slow: install
	$(bin)/python -m pytest --numprocesses auto --dist loadfile -m slow

# The documentation's notebooks, executed and stored with what they show.
notebooks-stored: install
	$(bin)/python -m nbconvert --to notebook --execute --inplace docs/notebooks/*.ipynb

# The documentation's site with the notebooks as pages, in runs/site; a warning is an error.
docs: install
	sed 's|^\[project\]|&$(if $(REPOSITORY),\nrepo_url = "$(REPOSITORY)")|' zensical.toml > .zensical.toml
	$(bin)/zensical build --strict --clean --config-file .zensical.toml
	$(bin)/python -m nbconvert --log-level ERROR --to html --output-dir runs/site/notebooks docs/notebooks/*.ipynb
	perl -pi -e 's|(href="\.\./[a-z-]+)\.md|$$1.html|g' runs/site/notebooks/*.html

check: install
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy -p redwood
	$(bin)/mypy --explicit-package-bases benchmarks/studies
	$(bin)/lint-imports
	$(bin)/python -m pytest --quiet tests/test_documentation.py tests/test_imports.py
	$(bin)/codespell $(shell git ls-files 2>/dev/null)
	$(bin)/zensical build --strict

# The source distribution and the wheel in dist/, and the wheel tried in an environment of its own.
release: install
	rm -rf dist build/release
	$(bin)/python -m build --no-isolation --outdir dist
	$(PYTHON) -m venv build/release
	build/release/bin/pip install --quiet --constraint constraints.txt $(TORCH) dist/*.whl
	build/release/bin/redwood generate tsp --size 30 --out build/release/random.tsp
	build/release/bin/redwood solve build/release/random.tsp --time-limit 1

clean:
	rm -rf $(VENV) build dist *.egg-info runs/demo
