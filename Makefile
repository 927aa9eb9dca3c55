# kinlog: `make` alone lists the targets. Needs make, npm and any Node that runs npm; everything else is installed from the lock files.
.DEFAULT_GOAL := help
SHELL := /bin/sh
NODE := toolchain/node
TSC := $(NODE) node_modules/typescript/bin/tsc
INSTALLED := node_modules/.installed toolchain/node_modules/.installed
BROWSER := .cache/chromium/.installed
SOURCES := $(shell find base record reader sender cli packaging splunk-app operator -name '*.ts' -o -path 'splunk-app/*' -type f 2>/dev/null)
COMMANDS := kinlog log2kinesis dumpstream logdecode kinlog-operator
# Packages of the Splunk app: linux-x86_64 linux-arm64 darwin windows slim, or all; empty for this platform.
PLATFORMS :=
ARCHIVES = $(if $(filter all,$(PLATFORMS)),dist/kinloader-*.tar.gz,$(if $(PLATFORMS),$(PLATFORMS:%=dist/kinloader-%.tar.gz),dist/kinloader.tar.gz))
# Processors of the image: amd64, arm64 or all; empty for this host's.
ARCH :=
# For make appinspect, which gives it an environment of its own.
PYTHON := python3
# Of make test-kubernetes only these files, such as 02; all without.
SUITES :=
# Of make bench-kubernetes: how many LogStreams, one after the other.
SIZES := 1000 5000
# Of make soak-kubernetes.
MINUTES := 30
# Set to a file for a report in JSON beside the text.
TEST_REPORT :=
REPORTERS = $(if $(TEST_REPORT),--reporter=default --reporter=json --outputFile=$(TEST_REPORT))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## packages and the pinned Node runtime, from the lock files

node_modules/.installed: package-lock.json package.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

toolchain/node_modules/.installed: toolchain/package-lock.json toolchain/package.json
	npm ci --prefix toolchain --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

check: $(INSTALLED) dist/.built ## types, lint, format, unused code, package shape, generated files
	$(TSC) -p .
	$(NODE) node_modules/eslint/bin/eslint.js .
	$(NODE) node_modules/prettier/bin/prettier.cjs --check --log-level warn .
	$(NODE) node_modules/knip/bin/knip.js
	$(NODE) node_modules/publint/src/cli.js --strict
	$(NODE) docs/generate.ts --check
	$(NODE) splunk-app/generate.ts --check
	$(NODE) operator/deploy/generate.ts --check
	$(NODE) operator/generate.ts --check

generate: $(INSTALLED) ## write the files that are rendered from declarations
	$(NODE) docs/generate.ts
	$(NODE) splunk-app/generate.ts
	$(NODE) operator/deploy/generate.ts
	$(NODE) operator/generate.ts
	$(NODE) node_modules/prettier/bin/prettier.cjs --write --log-level warn .

browser: $(BROWSER) ## a headless Chromium from the lock file, for tests of pages

$(BROWSER): $(INSTALLED) test/splunk/browser/package-lock.json test/splunk/browser/package.json
	npm ci --prefix test/splunk/browser --ignore-scripts --no-audit --no-fund --loglevel=error
	$(NODE) test/splunk/browser/unpack.ts
	@mkdir -p $(@D) && touch $@

test: $(INSTALLED) $(BROWSER) ## every suite but test-interop and test-kubernetes, with real processes, in a few minutes
	$(NODE) node_modules/vitest/vitest.mjs run $(REPORTERS)
	$(if $(filter test-all,$(MAKECMDGOALS)),,@echo 'not run: make test-interop (hand-over with the real KCL on DynamoDB Local; needs a JDK and Maven), make test-kubernetes (the operator on a real control plane; needs Go)')

test-interop: $(INSTALLED) ## hand-over with the real KCL 2 and 3 on DynamoDB Local; needs a JDK (17 or later) and Maven
	$(NODE) test/interop/main.ts

test-kubernetes: $(INSTALLED) ## the operator on a real Kubernetes control plane, readers and all; needs Linux and Go (1.26 or later)
	$(NODE) test/kubernetes/main.ts $(SUITES) $(REPORTERS)

cluster: $(INSTALLED) ## a Kubernetes to play with: image, Kinesis, DynamoDB and HEC on it, the operator left to install; until Ctrl-C
	@$(NODE) test/kubernetes/cluster.ts

soak-kubernetes: $(INSTALLED) ## 1,000 LogStreams that change while calls fail, for MINUTES=30
	KINLOG_SOAK_LOGSTREAMS=1000 KINLOG_SOAK_MINUTES=$(MINUTES) $(NODE) test/kubernetes/main.ts 14-soak

test-all: test test-interop test-kubernetes ## every suite there is

build: dist/.built ## dist/: the package and its commands on the pinned runtime
	@ls dist/bin | sed 's|^|dist/bin/|'

dist/.built: $(INSTALLED) $(SOURCES) tsconfig.json tsconfig.build.json
	$(TSC) -p tsconfig.build.json
	@mkdir -p dist/bin
	@for command in $(COMMANDS); do \
	  case $$command in kinlog) main=cli/main;; kinlog-operator) main=operator/main;; *) main=cli/$$command;; esac; \
	  printf '#!/bin/sh\nhere=$$(CDPATH= cd -- "$$(dirname -- "$$0")" && pwd)\nexec "$$here/../../toolchain/node" "$$here/../%s.js" "$$@"\n' $$main > dist/bin/$$command; \
	  chmod 755 dist/bin/$$command; \
	done
	@touch $@

splunkapp: $(if $(PLATFORMS),packages,dist/kinloader.tar.gz) ## dist/kinloader.tar.gz: the Splunk app for this platform, runtime inside (PLATFORMS=all: one for each)
	@$(NODE) test/splunk/check-packages.ts $(ARCHIVES)
	@ls -l $(ARCHIVES)

dist/kinloader.tar.gz: $(INSTALLED) $(SOURCES) package.json
	$(NODE) splunk-app/package.ts

packages: $(INSTALLED)
	$(NODE) splunk-app/package.ts $(PLATFORMS)

image: $(INSTALLED) ## dist/image: the image of operator and readers as an OCI layout, without a daemon (ARCH=amd64, arm64 or all)
	@$(NODE) operator/image/build.ts $(ARCH)

helm: $(INSTALLED) ## dist/kinlog-operator-VERSION.tgz: the Helm chart
	@$(NODE) operator/deploy/package.ts

appinspect: $(if $(PLATFORMS),packages,dist/kinloader.tar.gz) ## what Splunk's own tools say about the archives (AppInspect, ksconf, dashboard schemas, SDK); needs Python 3.11 to 3.13
	@PYTHON=$(PYTHON) $(NODE) splunk-app/validation/main.ts $(ARCHIVES)

demo: dist/.built dist/kinloader.tar.gz ## access logs through Kinesis into Splunk events, with a crash half-way (LOG=any/file.log)
	@$(NODE) test/demo/demo.ts

bench: dist/.built dist/kinloader.tar.gz ## our speed and memory beside baselines, in one run
	npm ci --prefix bench --ignore-scripts --no-audit --no-fund --loglevel=error
	$(NODE) bench/main.ts $(ROWS)

bench-kubernetes: $(INSTALLED) ## the operator with many LogStreams (SIZES="1000 5000") on a real control plane; needs Go
	$(NODE) bench/kubernetes/main.ts $(SIZES)

clean: ## remove what was built
	rm -rf dist .demo .cache

.PHONY: help install check generate browser test test-interop test-kubernetes soak-kubernetes cluster test-all build splunkapp packages image helm appinspect demo bench bench-kubernetes clean
