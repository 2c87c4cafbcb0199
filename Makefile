# Everything runs in .venv, made here from any Python 3.11 to 3.13; `make help` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
TEST_JOBS ?= 3
CHAOS := tests/chaos/test_supply_faults.py
KAFKA_LIB ?= $(CURDIR)/.cache/kafka
ASYNCAPI_LIB ?= $(CURDIR)/.cache/asyncapi
PYTHONS := python3.13 python3.12 python3.11 python3
FITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
JAVA_FITS := java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | awk '{ok = $$1 >= 17} END {exit !ok}'
NODE_FITS := process.exit(Number(process.versions.node.split('.')[0]) >= 18 ? 0 : 1)

# Modules stay compiled, whatever the environment says: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo picture screenshots docs test kafka asyncapi lint types imports bench bench-smoke throughput-smoke accuracy-smoke triage-smoke compare-smoke lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.installed-demo ## play 7 minutes of recorded faults through Kafka, with the page (KEEP=1: it stays up; SPEED=1: as fast as it happened, SPEED=3: for a slow machine)
	@$(BIN)/tocsin demo $(if $(KEEP),--keep) $(if $(SPEED),--speed $(SPEED))

picture: $(VENV)/.installed-demo ## run the demo and draw its report anew for the README
	@$(BIN)/tocsin demo --picture streams/demo/report.svg

screenshots: $(VENV)/.installed-dev ## run the demo and take the pictures of the page anew for the README (needs chromium)
	@$(BIN)/python -m tests.streams.page.screenshots

test: $(VENV)/.installed-dev kafka asyncapi ## every test; against a real Kafka too where Java 17 and Maven are there
	@export TOCSIN_KAFKA_LIB='$(KAFKA_LIB)' TOCSIN_ASYNCAPI_LIB='$(ASYNCAPI_LIB)'; failed=; \
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder --ignore $(CHAOS) $(PYTEST_ARGS) || failed=1; \
	if [ -z '$(PYTEST_ARGS)' ]; then $(BIN)/python -m pytest $(CHAOS) || failed=1; fi; test -z "$$failed"

kafka: ## fetch the jars of the real Kafka that the tests start (nothing without Java 17 and Maven)
	@if [ ! -f tests/kafka/pom.xml ]; then echo 'kafka: tests/kafka/pom.xml is missing'; \
	elif [ '$(KAFKA_LIB)/.fetched' -nt tests/kafka/pom.xml ]; then :; \
	elif command -v mvn >/dev/null && command -v java >/dev/null && $(JAVA_FITS); then \
	    mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies \
	        -DoutputDirectory='$(KAFKA_LIB)' -DincludeScope=runtime && touch '$(KAFKA_LIB)/.fetched'; \
	else echo 'kafka: no Java 17 with Maven here, so the broker tests run on the embedded broker alone'; fi

asyncapi: ## fetch the parser that judges the AsyncAPI document (nothing without Node 18 and npm)
	@if [ '$(ASYNCAPI_LIB)/.fetched' -nt tests/streams/contracts/package-lock.json ]; then :; \
	elif command -v npm >/dev/null && node -e "$(NODE_FITS)" 2>/dev/null; then \
	    mkdir -p '$(ASYNCAPI_LIB)' && cp tests/streams/contracts/package.json tests/streams/contracts/package-lock.json '$(ASYNCAPI_LIB)' && \
	    npm ci --prefix '$(ASYNCAPI_LIB)' --ignore-scripts --no-audit --no-fund --silent && touch '$(ASYNCAPI_LIB)/.fetched' || \
	    echo 'asyncapi: npm could not fetch the parser, so the AsyncAPI document is not judged by it'; \
	else echo 'asyncapi: no Node 18 with npm here, so the AsyncAPI document is not judged by its parser'; fi

docs: $(VENV)/.installed-dev ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: $(VENV)/.installed-dev ## ruff
	@$(BIN)/ruff check .

types: $(VENV)/.installed-dev ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/.installed-dev ## which room may import which
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.installed-dev kafka ## throughput, latency, fail-over, memory, accuracy and triage, each against its bar (20 min)
	@failed=; for one in throughput latency failover memory accuracy triage.confusion; do \
	    TOCSIN_KAFKA_LIB='$(KAFKA_LIB)' $(BIN)/python -m benchmarks.$$one || failed="$$failed $$one"; \
	done; test -z "$$failed" || { echo "bench: under a bar:$$failed" >&2; exit 1; }

bench-smoke: throughput-smoke accuracy-smoke triage-smoke compare-smoke ## throughput, shortened, and accuracy against what was accepted

throughput-smoke: $(VENV)/.installed-dev kafka
	@TOCSIN_KAFKA_LIB='$(KAFKA_LIB)' $(BIN)/python -m benchmarks.throughput --smoke

accuracy-smoke: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.accuracy --smoke

triage-smoke: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.triage.confusion --smoke

compare-smoke: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.compare

lock: $(VENV)/bin/python ## write constraints.txt anew from pyproject.toml, for Python 3.11 to 3.13 on any platform
	@$(PIP) uv
	@{ echo '# Every version that tocsin and its extras install, Python 3.11 to 3.13; written by `make lock`.'; \
	   $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
	       --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove everything that make made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist out

$(VENV)/bin/python:
	@for python in $(PYTHONS); do \
	    if $$python -c '$(FITS)' >/dev/null 2>&1; then exec $$python -m venv $(VENV); fi; \
	done; \
	echo 'make: no Python 3.11, 3.12 or 3.13 with its venv module among: $(PYTHONS)' >&2; \
	echo 'make: install one (on Debian: python3 and python3-venv), or name it: make PYTHONS=/path/to/python' >&2; exit 1

# uv takes a third of pip's time; pip installs where uv cannot, for instance from an index that only pip is told of.
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
UV := $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python
install = $(PIP) uv && $(UV) -c constraints.txt -e '.[$(1)]' || \
	{ echo 'uv could not install it, so pip does'; $(PIP) -c constraints.txt -e '.[$(1)]'; }

$(VENV)/.installed-demo: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'installing tocsin into $(VENV)'
	@$(call install,demo)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'installing tocsin and its tools into $(VENV)'
	@$(call install,dev)
	@touch $(VENV)/.installed-demo $@
