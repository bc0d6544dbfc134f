# wirewatch. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
BIN       := bin
LINT_VER  := v2.15.0
FUZZTIME  ?= 20s
PKGS      := ./...
SUDO      := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
LDFLAGS   := -s -w -X main.release=$(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## set up, build, and show what a bundled capture says
	$(BIN)/wirewatch testdata/pcaps/demo.pcap

.PHONY: build
build: c-deps ## build bin/wirewatch, optimised and stripped
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/wirewatch ./cmd/wirewatch

.PHONY: static
static: deps ## build bin/wirewatch-static, which needs no library: without libpcap and its capture filters
	CGO_ENABLED=0 $(GO) build -trimpath -tags nolive -ldflags '$(LDFLAGS)' -o $(BIN)/wirewatch-static ./cmd/wirewatch
	CGO_ENABLED=0 $(GO) build -pgo=off -tags nolive ./...

# The go command fetches the modules that it needs, when it needs them: to build
# the program takes fewer than to test it.
.PHONY: deps
deps: ## check for Go
	@$(GO) version >/dev/null 2>&1 || { echo "wirewatch needs Go 1.26 or later: https://go.dev/dl/"; exit 1; }

# Live capture is libpcap's, through gopacket, which needs a C compiler and
# libpcap's headers.
.PHONY: c-deps
c-deps: deps ## a C compiler and libpcap's headers
	@if [ "$$(uname)" = Darwin ]; then xcode-select -p >/dev/null 2>&1 || xcode-select --install; \
	elif ! { command -v cc && [ -e /usr/include/pcap/pcap.h ]; } >/dev/null 2>&1; then \
		$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev libpcap-dev >/dev/null; fi

.PHONY: test
test: c-deps ## run every test
	$(GO) test -pgo=off $(PKGS)

.PHONY: race
race: c-deps ## run the tests under the race detector
	$(GO) test -pgo=off -race -short $(PKGS)

# A golangci-lint of the machine serves if it is of the right version; else it is
# built here, once.
.PHONY: lint
lint: ## run the linters
	@if ! $(BIN)/golangci-lint version 2>/dev/null | grep -q "$(LINT_VER:v%=%)"; then \
		mkdir -p $(BIN); \
		if command -v golangci-lint >/dev/null && golangci-lint version | grep -q "$(LINT_VER:v%=%)"; then \
			ln -sf "$$(command -v golangci-lint)" $(BIN)/golangci-lint; \
		else GOBIN="$(CURDIR)/$(BIN)" GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VER); fi; fi
	$(BIN)/golangci-lint run

.PHONY: fuzz
fuzz: c-deps ## run every fuzz target for FUZZTIME each
	GO=$(GO) scripts/fuzz.sh $(FUZZTIME)

.PHONY: golden
golden: ## rewrite the golden records; review the diff
	$(GO) test ./internal/golden -update

.PHONY: generate
generate: ## rewrite what is generated from the code
	$(GO) generate ./...

.PHONY: pcaps
pcaps: pcaps-ws ## make the real captures of testdata anew (root; nginx, node, curl, tcpdump)
	scripts/pcaps/make.sh

.PHONY: pcaps-ws
pcaps-ws: ## make the real WebSocket captures anew (root; see scripts/pcaps/ws.sh)
	scripts/pcaps/ws.sh

.PHONY: bench-data
bench-data: ## make the large captures that bench measures (root; see bench/README.md)
	bench/data.sh

.PHONY: bench
bench: build ## measure side by side with tshark and cat, on the captures of bench-data
	bench/run.sh

.PHONY: compare-ws
compare-ws: build ## write the tables of docs/WEBSOCKET.md anew (needs tshark)
	scripts/compare-ws.py $(BIN)/wirewatch docs/WEBSOCKET.md testdata/pcaps/*ws-*.pcap*

# The compiler takes cmd/wirewatch/default.pgo by itself.
.PHONY: pgo
pgo: c-deps ## take the profile anew that the compiler optimizes by, on the captures of bench-data
	$(GO) test -pgo=off -trimpath -run '^$$' -bench Captures -benchtime 5s -cpuprofile $(CURDIR)/cmd/wirewatch/default.pgo -o $(BIN)/pgo.test ./cmd/wirewatch

.PHONY: microbench
microbench: ## run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)
