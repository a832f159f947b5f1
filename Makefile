# One target a line in `make help`. The work is done by tests/gates, which installs what it needs under build/.
PYTHON ?= python3
SCENARIO ?=
FAULTS ?=
TARGETS ?=
VERSION ?=
ARGS ?=

# Hundreds of programs are started: where this is set, each of them would compile Ansible or Django anew.
unexport PYTHONDONTWRITEBYTECODE
GATES := $(PYTHON) tests/gates

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-quick units sanity lint types docs companion-tests package integration \
	molecule chaos scale bench-collect bench-upload bench-companion changelog lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '%-18s %s\n' "$$name" "$$text"; done

setup: ## Install the system's packages (as root or by sudo) and make the virtual environments under build/
	bash molecule/shared/setup.sh
	$(GATES) setup

demo: setup ## Deploy the sample site to real hosts under load, upgrade it, break it, roll it back
	build/venv/bin/python examples/demo.py

demo-down: ## Remove all that the demo made
	build/venv/bin/python examples/demo.py --down

test: setup ## Everything: test-quick, integration targets and molecule scenarios
	$(GATES) test

test-quick: ## Units, sanity, lint, types, docs, package and the companion's tests
	$(GATES) test-quick

units: ## Unit tests on the oldest and the newest Python that are found, and what hosts import on theirs
	$(GATES) units

sanity: ## ansible-test sanity, without ignores
	$(GATES) sanity

lint: ## ruff and ansible-lint
	$(GATES) lint

types: ## mypy --strict
	$(GATES) types

docs: ## Check the documentation of modules and roles
	$(GATES) docs

companion-tests: ## The companion's tests on each Django that it supports
	$(GATES) companion-tests

package: ## Build the collection and the companion, install each where nothing else is, and check them there
	$(GATES) package

integration: ## Integration targets on this machine: all, or TARGETS="name ..."
	$(GATES) integration $(TARGETS)

molecule: setup ## Scenarios on real hosts: all but the two below, or SCENARIO=name
	$(GATES) molecule $(SCENARIO)

chaos: setup ## Every fault in turn on four hosts under load; FAULTS="power-off disk-full" for some of them
	CHAOS_FAULTS="$(FAULTS)" $(GATES) molecule chaos

scale: setup ## A deploy to 24 hosts, measured, into build/scale.json
	$(GATES) molecule scale

bench-collect: ## Collection beside Django's and WhiteNoise's own, into build/bench/collect.json; ARGS="--sizes 3k --runs 1"
	$(GATES) setup
	PYTHONPATH=build/import build/newest/bin/python benchmarks/collect.py $(ARGS)

bench-upload: ## Upload beside s5cmd, boto3 and others, into build/bench/upload.json; ARGS="--groups 3k --peers s5cmd"
	$(GATES) setup
	PYTHONPATH=build/import build/newest/bin/python benchmarks/upload.py $(ARGS)

bench-companion: ## The companion beside Django's own storage and caches, into build/bench/companion.json
	bash molecule/shared/setup.sh
	$(GATES) setup
	PYTHONPATH=build/import build/newest/bin/python benchmarks/companion.py $(ARGS)

changelog: ## Check the changelog fragments; with VERSION=x.y.z write that release into CHANGELOG.md
	$(GATES) setup
	PATH="$(CURDIR)/build/venv/bin:$$PATH" && antsibull-changelog lint $(if $(VERSION),&& \
		antsibull-changelog release --version $(VERSION) --update-existing --refresh-plugins)

lock: ## Pin the newest versions of all tools in requirements/
	$(GATES) setup
	cd requirements && UV_CUSTOM_COMPILE_COMMAND="make lock" ../build/bootstrap/bin/uv pip compile --quiet --upgrade \
		--universal --no-annotate --no-emit-index-url --python-version 3.11 dev.in -o dev.txt
	cd requirements && UV_CUSTOM_COMPILE_COMMAND="make lock" ../build/bootstrap/bin/uv pip compile --quiet --upgrade \
		--universal --no-annotate --no-emit-index-url --python-version 3.9 hosts.in -o hosts.txt
	cd requirements && UV_CUSTOM_COMPILE_COMMAND="make lock" ../build/bootstrap/bin/uv pip compile --quiet --upgrade \
		--universal --no-annotate --no-emit-index-url --python-version 3.11 package.in -o package.txt

clean: ## Remove build/ (the demo's hosts: make demo-down first)
	rm -rf build
