# Ingot's make targets: a thin layer over the `ingot` command, which `make setup` installs.
#
#   make build KERNEL_VERSIONS=6.1              verified source -> kernel -> images -> boot test
#   make push  REGISTRY=docker.io/foobar        publish what was built

KERNEL_VERSIONS ?=
REGISTRY ?= ghcr.io/weaveworks-liquidmetal
INGOT_FLAGS ?=
PUSH_FLAGS ?=

VENV := .venv
INGOT := $(VENV)/bin/ingot
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools

# a user who runs this file trusts the checkout, even if another user owns it
build builder push: export INGOT_CATALOG ?= kernels
build-% base-% binary-% modules-% push-%: export INGOT_CATALOG ?= kernels

.DEFAULT_GOAL := help
.PHONY: help setup doctor build builder push test lint format lock clean

help: ## Show the targets and variables
	@echo "Ingot builds Linux kernels for microVMs as OCI images."
	@echo
	@sed -n 's/^\([a-z%<>-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| sed 's/%/<version>/' | awk -F'|' '{ printf "  %-20s %s\n", $$1, $$2 }'
	@echo
	@echo "  KERNEL_VERSIONS      versions or series, such as \"5.10 6.1.176\" (default: every series)"
	@echo "  REGISTRY             where push sends images (default: $(REGISTRY))"
	@echo "  INGOT_FLAGS          more flags for ingot build, such as --source PATH"
	@echo "  PUSH_FLAGS           more flags for ingot push, such as --builder or --dry-run"

setup: $(TOOLS) ## Install a virtual environment and the Debian packages that Ingot needs

# A virtual environment breaks when its directory is renamed: then it is made again.
ifneq ($(shell cat $(VENV)/.made-for 2>/dev/null),$(realpath .))
.PHONY: $(READY)
endif

$(READY): requirements.lock pyproject.toml scripts/setup-venv
	@scripts/setup-venv $(VENV)
	@touch $@

$(TOOLS): $(READY)
	@$(INGOT) doctor --install --quiet
	@touch $@

doctor: $(READY) ## Check what this machine has and lacks
	@$(INGOT) doctor

build: $(TOOLS) ## Build and boot-test KERNEL_VERSIONS
	@$(INGOT) build $(KERNEL_VERSIONS) $(INGOT_FLAGS)

build-%: $(TOOLS) ## Build and boot-test one version
	@$(INGOT) build $* $(INGOT_FLAGS)

builder: $(TOOLS) ## Make the builder image
	@$(INGOT) builder

base-%: build-% ## Build the base image of one version (one build makes all images)
	@$(INGOT) inspect flintlock-kernel:$*

binary-%: build-% ## Build the kernel-bin image of one version
	@$(INGOT) inspect kernel-bin:$*

modules-%: build-% ## Build the kernel-modules image of one version
	@$(INGOT) inspect kernel-modules:$*

push: $(TOOLS) ## Push KERNEL_VERSIONS to REGISTRY (default: every kernel that is built)
	@$(INGOT) push $(KERNEL_VERSIONS) --registry $(REGISTRY) $(PUSH_FLAGS)

push-%: $(TOOLS) ## Push one version to REGISTRY
	@$(INGOT) push $* --registry $(REGISTRY) $(PUSH_FLAGS)

test: $(TOOLS) ## Run every test: unit, integration, and a real kernel compiled and booted
	@scripts/run-tests $(VENV)

lint: $(READY) ## Check types, style and formatting
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

format: $(READY) ## Format the code
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

lock: $(READY) ## Renew requirements.lock from pyproject.toml
	@scripts/lock-requirements $(VENV)

clean: ## Remove the virtual environment (images and caches stay; see `ingot prune`)
	rm -rf $(VENV)
