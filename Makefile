# Needs make and a Python >= 3.10; everything else goes into .venv. Another Python: make PYTHON=python3.12 ...

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --constraint constraints/stable.txt
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.10 python3.14 python)
# They walk the heap again and again: by themselves, without the objects of the frameworks that others
# import, that takes less than half.
WALKERS := tests/cli tests/graph tests/leaks tests/lifetimes tests/sizing tests/test_asizeof.py \
	tests/test_classtracker.py tests/test_classtracker_stats.py tests/test_garbagegraph.py \
	tests/test_muppy.py tests/test_refbrowser.py tests/test_refgraph.py tests/test_summary.py \
	tests/test_tracker.py
# Some of them take several times as long under a tracer, or do not run under one.
UNTRACED := tests/cli tests/graph/test_paths.py tests/leaks/check/test_check.py \
	tests/leaks/check/test_slots.py tests/leaks/test_hostile.py tests/leaks/test_large_requests.py \
	tests/leaks/test_tracing.py tests/leaks/test_verdicts.py tests/test_muppy.py tests/test_tracker.py
COVERAGE_FLOOR := 82
WALK := $(wildcard pympler/_heapwalk_c/*.[ch])
# A test that fails is run once more and, if it passes then, listed as RERUN: real servers, threads and
# clocks on a busy machine. One that is listed again and again is a bug.
WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal --reruns 1 -r aR
# Servers and browsers are waited for, and checks that watch for seconds: two cores have work for three.
WAITING := --numprocesses 3
COVERED := --cov --cov-report=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check bench soak servers screenshots clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-16s %s\n' "$$name" "$$text"; done

demo: $(VENV)/demo.stamp ## Three small applications under load, and what Pympler says of them (a minute)
	@$(PY) examples/demo/run.py

test: $(VENV)/dev.stamp ## The whole suite on one Python, with coverage (10 minutes at most)
	@$(PY) -m pytest $(WORKERS) -m "not integration" $(COVERED) $(filter-out $(UNTRACED),$(WALKERS)) $(UNTRACED:%=--ignore=%)
	@$(PY) -m pytest $(WORKERS) -m "not integration" $(COVERED) --cov-append $(WALKERS:%=--ignore=%)
	@$(PY) -m pytest $(WORKERS) -m "not integration" $(UNTRACED)
	@$(PY) -m pytest $(WORKERS) $(WAITING) -m integration
	@$(PY) -m coverage report --fail-under=$(COVERAGE_FLOOR)

test-all: $(PY) ## The unit tests on every installed Python, oldest and newest frameworks
	@$(PY) tests/run_all_pythons.py $(WALKERS)

check: $(VENV)/dev.stamp ## Lint, formatting and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy pympler integrations tests

bench: $(VENV)/dev.stamp ## The benchmarks; they write benchmarks/RESULTS.md
	@$(PY) benchmarks/run.py

soak: $(VENV)/dev.stamp ## The long runs, by hand and never in CI
	@$(PY) benchmarks/soak.py
	@$(PY) benchmarks/heapwalk_soak.py
	@$(PY) benchmarks/corpus.py
	@$(PY) benchmarks/inflight.py
	@$(PY) benchmarks/fleet_soak.py
	@$(PY) benchmarks/fleet_pages.py
	@PYMPLER_FUZZ=10000 $(PY) -m pytest -q tests/render/pages/test_fuzz.py

servers: $(PY) ## Servers and job queues that CI does not have; needs redis-server (a few minutes)
	@$(PY) -m pip --disable-pip-version-check install --quiet --editable '.[servers]'
	@$(PY) -m pytest -q -p no:randomly tests/servers/test_other_servers.py

screenshots: $(VENV)/dev.stamp ## The pictures of the README and of the pages
	@$(PY) docs/make_pictures.py
	@$(PY) docs/make_page_pictures.py
	@$(PY) docs/make_toolbar_pictures.py

clean: ## Remove the virtual environments, caches and build results
	rm -rf .venv .venv-3.* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov pympler/*.so

# A Python that can make an environment is taken before one that cannot: Debian splits venv off.
$(PY):
	@new=; bare=; \
	for p in $(CANDIDATES); do \
		"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 || continue; \
		if "$$p" -c 'import ensurepip, venv' >/dev/null 2>&1; then new=$$p; break; fi; \
		bare=$${bare:-$$p}; \
	done; \
	if [ -n "$$new" ]; then \
		echo "Making $(VENV) with $$($$new --version)"; \
		"$$new" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	elif [ -n "$$bare" ]; then \
		"$$bare" -c 'import sys; print("%s cannot make a virtual environment: its venv module is missing.\nOn Debian and Ubuntu: apt-get install python3.%d-venv" % (sys.executable, sys.version_info[1]))' >&2; \
		exit 1; \
	else \
		echo "No Python >= 3.10 among: $(CANDIDATES). Name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi

$(VENV)/demo.stamp: pyproject.toml constraints/stable.txt setup.py $(WALK) | $(PY)
	@echo "Installing Pympler and what the demo needs into $(VENV)"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints/stable.txt setup.py $(WALK) | $(PY)
	@echo "Installing Pympler and what its development needs into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/demo.stamp $@
