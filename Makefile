# kinlog: `make` alone lists the targets. Needs make, npm and any Node that runs npm; everything else is installed from the lock files.
.DEFAULT_GOAL := help
SHELL := /bin/sh
NODE := toolchain/node
BIN := node_modules
INSTALLED := node_modules/.installed toolchain/node_modules/.installed

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## packages and the pinned Node runtime, from the lock files

node_modules/.installed: package-lock.json package.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

toolchain/node_modules/.installed: toolchain/package-lock.json toolchain/package.json
	npm ci --prefix toolchain --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

check: $(INSTALLED) ## types, lint, format, unused code, package shape, generated files
	$(NODE) $(BIN)/typescript/bin/tsc -p .
	$(NODE) $(BIN)/eslint/bin/eslint.js .
	$(NODE) $(BIN)/prettier/bin/prettier.cjs --check --log-level warn .

test: $(INSTALLED) ## every suite but the heavy ones
	$(NODE) $(BIN)/vitest/vitest.mjs run

clean: ## remove what was built
	rm -rf dist .demo .cache

.PHONY: help install check test clean
