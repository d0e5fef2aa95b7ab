# `make run` and `make test` do all the set-up there is, in .venv, from the lock files, which are
# complete: nothing is resolved at install time (--no-deps).
PYTHON ?= python3
PORT ?= 8000
# The run to serve and to show: by default the one that `make run` finished last.
RUN ?= $(shell test -f .last-run && echo "ChurnFlow/$$(cat .last-run)")
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Python compiles a module once, and not in each of the many processes.
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
FLOW := $(PY) flows/churn_flow.py
# A process per core, each with whole files in the order of tests/conftest.py; -n 0 for one process.
# Each has one thread: threads of two processes that share the cores wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help run resume card serve test test-fast coverage test-scheduled mutants check audit bench year quality lock wheel image sbom dashboards cluster-test
help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST)

run: .venv/run   ## train, select and evaluate a model; ARGS="--data table.csv --target left"
	$(FLOW) run --run-id-file .last-run.new $(ARGS)
	@mv .last-run.new .last-run

resume: .venv/run ## finish what a failed or killed run has not done
	$(FLOW) resume --run-id-file .last-run.new $(ARGS)
	@mv .last-run.new .last-run

card: .venv/run  ## write the cards of the newest runs, or of RUN=…, to cards/*.html
	$(PY) -m churn cards $(if $(filter command line environment,$(origin RUN)),$(RUN))

serve: .venv/run ## start the scoring app for RUN on PORT
	@# With `exec`, make ends when the server has ended, and no sooner.
	exec env PORT="$(PORT)" CHURN_RUN="$(RUN)" $(PY) -m serve

# Slow tests also wait, for servers and clocks, so there is a process more than cores.
test: .venv/test ## run the tests
	$(PYTEST) -n $$(( $$(nproc) + 1 )) -m "not scheduled" $(ARGS)

test-fast: .venv/test ## run the tests that need no flow, server, browser, database or long computation
	$(PYTEST) -m "not slow and not heavy and not scheduled" --ignore tests/flows --ignore tests/serve $(ARGS)

coverage: .venv/test ## the same tests, and which branches they take
	$(PY) -m pytest -m "not slow and not scheduled" --cov --cov-report=term $(ARGS)

test-scheduled: .venv/test ## run what takes minutes: all commands of docs/, a year, 100,000 hostile bodies, chaos
	$(PY) -m pytest -m scheduled $(ARGS)

mutants: .mutants/ready ## break what differs from main, or FILES="…", bit by bit: do tests notice?
	nice $(MUTANTS) tests/mutants.py $(ARGS) $(FILES)
MUTANTS := .mutants/bin/python

check: .venv/test ## lint, check the format, the types and the workflows
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml

bench: .venv/test ## measure serving, promotions, batch scoring, monitoring and the flow; needs wrk
	$(PY) benchmarks/serving.py
	$(PY) benchmarks/swaps.py
	$(PY) benchmarks/scoring.py
	$(PY) benchmarks/monitoring.py
	$(PY) benchmarks/overhead.py
	$(PY) benchmarks/overhead.py --customers 200000 --repeats 1
	$(PY) benchmarks/overhead.py --customers 500000 --repeats 1

year: .venv/test ## ten years of a generated business, in hours, resumable: table, and year.svg
	$(PY) benchmarks/year.py --folder year --seeds 10 --jobs 2 --effects different \
		--budget 600 --explore 0.5 --picture year.svg

quality: .venv/test ## compare with AutoML, on the same customers; takes hours
	test -x $(PEERS) || $(PYTHON) -m venv benchmarks/.peers
	$(PEERS) -m pip install --quiet -r benchmarks/peers.txt
	$(PY) -m pip install --quiet --no-deps -r benchmarks/tables.txt
	$(PY) benchmarks/quality.py tables benchmarks/.quality-tables
	$(PY) benchmarks/quality.py compare --tables benchmarks/.quality-tables --peers $(PEERS)
	$(PY) benchmarks/quality.py report
	$(PY) benchmarks/quality.py generalization --tables benchmarks/.quality-tables
	$(PY) benchmarks/quality.py regret
PEERS := benchmarks/.peers/bin/python

wheel: .venv/bin/python ## build the package into dist/
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .

image:           ## build both images, train in one, serve from the other, and ask it; needs Docker
	deploy/try-images.sh

sbom: deploy/.venv/ready ## write the bills of materials of both images into dist/; needs Docker
	deploy/sbom.sh churn churn-serve

dashboards: deploy/.venv/ready ## write Grafana's dashboards and the operator's alerts again
	deploy/.venv/bin/python deploy/grafana/dashboards.py
	deploy/.venv/bin/python deploy/prometheus/operator_rules.py

cluster-test: .venv/test deploy/.venv/service deploy/.checkov/ready ## show what docs/deployment.md claims of a cluster; as root
	$(PY) deploy/cluster_test --tools deploy/.venv/bin/python --service $(SERVICE) $(ARGS)
SERVICE := deploy/.venv/metaflow-service
# Metaflow's metadata service is not on PyPI: its source, at version 2.5.1.
METADATA_SERVICE ?= https://github.com/Netflix/metaflow-service
SERVICE_COMMIT := 91e44f0108cba3159db97e91fb159629e1448db1

lock:            ## pin every version again (needs uv)
	uv pip compile --upgrade $(LOCK) requirements.txt -o requirements.lock
	uv pip compile $(LOCK) -c requirements.lock requirements.txt tests/requirements.txt \
	  -o tests/requirements.lock
	uv pip compile $(LOCK) -c requirements.lock serve/requirements.txt -o serve/requirements.lock
	uv pip compile $(LOCK) -c requirements.lock serve/requirements.txt serve/otel.txt -o serve/otel.lock
	uv pip compile $(LOCK) -c tests/requirements.lock tests/mutants.txt -o tests/mutants.lock
	uv pip compile $(LOCK) deploy/requirements.txt -o deploy/requirements.lock
	uv pip compile $(LOCK) deploy/checkov.txt -o deploy/checkov.lock
	$(MAKE) audit

audit: .venv/test ## what can be said of the dependencies offline: reasons, licences, Pythons, conflicts
	$(PY) -m pip check
	$(PY) deploy/audit.py
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv

# The project itself is installed editable: `churn` and `import churn` work from any directory.
.venv/run: requirements.lock pyproject.toml | .venv/bin/python
	$(PY) -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --no-deps --editable .
	@touch $@

.venv/test: tests/requirements.lock | .venv/run
	$(PY) -m pip install --quiet --no-deps --require-hashes -r tests/requirements.lock
	@touch $@

deploy/.venv/ready: deploy/requirements.lock
	$(PYTHON) -m venv --clear deploy/.venv
	deploy/.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

deploy/.venv/service: deploy/.venv/ready
	rm -rf $(SERVICE)
	git clone --quiet $(METADATA_SERVICE) $(SERVICE)
	git -C $(SERVICE) checkout --quiet $(SERVICE_COMMIT)
	deploy/.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation $(SERVICE)
	@touch $@

# checkov has an environment of its own: it pins older versions of what the others need newer.
deploy/.checkov/ready: deploy/checkov.lock
	$(PYTHON) -m venv --clear deploy/.checkov
	deploy/.checkov/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

# The mutation tester has an environment of its own, which sees the packages of .venv too.
.mutants/ready: tests/mutants.lock | .venv/test
	$(PYTHON) -m venv .mutants
	$(MUTANTS) -m pip install --quiet --no-deps --require-hashes -r tests/mutants.lock
	$(PY) -c $(PACKAGES) > "$$($(MUTANTS) -c $(PACKAGES))/of-venv.pth"
	@touch $@
PACKAGES := 'import sysconfig; print(sysconfig.get_path("purelib"))'
