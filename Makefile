# gctl. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# No C compiler is needed; only the race detector wants cgo.
export CGO_ENABLED := 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
# Static and small: it also starts a millisecond or two faster. grpcnotrace leaves
# out golang.org/x/net/trace, and with it html/template.
GOBUILD := go build -tags grpcnotrace -trimpath -ldflags='$(LDFLAGS)'
RACE    := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo 1)
GOTEST  := CGO_ENABLED=$(if $(RACE),1,0) go test $(if $(RACE),-race)
TESTFLAGS ?=
LINT    := bin/tools/golangci-lint
# The linter keeps its findings under the path of the checkout that they were found
# in, and reads the exclusions from there: a cache shared with a checkout that is
# gone makes it report what is excluded.
export GOLANGCI_LINT_CACHE := $(CURDIR)/bin/cache/golangci-lint

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: check-go
check-go:
	@tools/check-go.sh

.PHONY: build
build: check-go ## Build bin/gctl, bin/userd and bin/edged
	@echo "building bin/gctl, bin/userd and bin/edged (the first time takes a minute or two)"
	@$(GOBUILD) -o bin/ ./cmd/gctl ./cmd/userd ./cmd/edged

.PHONY: demo
demo: build ## Run a small world of services and open the dashboard over it
	@bin/gctl demo --dash

.PHONY: certs
certs: check-go ## Write a CA and certificates for trying mutual TLS; again: renew them under running services
	@go run ./internal/stack/cmd/certs -out certs

.PHONY: backends
backends: check-go ## Get the real backends of the tests (built once, kept in the user's cache)
	@go run ./internal/stack/cmd/backends

# Where a busy machine would look like trouble in the fleet, nothing runs beside.
.PHONY: test
test: backends ## Run every test, against the real backends, with the race detector where there is a C compiler
	@echo "testing$(if $(RACE), with the race detector); the first time compiles for some minutes"
	@$(GOTEST) -timeout 20m $(TESTFLAGS) -skip '^TestScriptsAlone$$' ./...
	@$(GOTEST) -timeout 20m $(TESTFLAGS) -run '^TestScriptsAlone$$' -parallel 1 ./cmd/gctl

.PHONY: lint
lint: check-go ## Check formatting, lint, generated code
	@echo "building the linter (once, about a minute)"
	@go build -C tools/lint -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@$(LINT) run --allow-parallel-runners ./...
	@go mod tidy -diff
	@$(MAKE) --no-print-directory check-generated

.PHONY: generate
generate: backends ## Regenerate the Go code of the protobuf files, the page's script and the command reference
	@tools/generate.sh

# Regenerates into the tree and fails, naming the files, where that changed
# anything that is committed.
.PHONY: check-generated
check-generated: generate
	@git diff --stat --exit-code -- '*.pb.go' svc/edge/web/static/page.js docs/reference || { echo "generated files are stale: run 'make generate' and commit" >&2; exit 1; }

.PHONY: bench
bench: build backends ## Measure gctl beside its peers, and the kit, and write docs/benchmarks.md (wants an idle machine)
	@echo "building grpcurl and grpc_health_probe to compare with"
	@go build -C tools/peers -trimpath -ldflags='-s -w' -o ../../bin/tools/grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl
	@go build -C tools/peers/health -trimpath -ldflags='-s -w' -o ../../../bin/tools/grpc_health_probe github.com/grpc-ecosystem/grpc-health-probe
	@$(GOBUILD) -o bin/tools/ ./internal/testkit/bench/client ./internal/testkit/bench/healthloop
	@go run ./internal/testkit/bench -out docs/benchmarks.md

.PHONY: pictures
pictures: build backends ## Take the pictures in docs/pictures again, from a real run (six minutes)
	@go build -o bin/tools/ ./internal/testkit/tty/shot
	@tools/pictures.sh

SOAKTIME ?= 10m
.PHONY: soak
soak: build backends ## Load the service for SOAKTIME (10m), see whether it grows, and write it to docs/benchmarks.md
	@go run ./internal/testkit/bench -only soak -soak $(SOAKTIME) -out docs/benchmarks.md

.PHONY: why-eval
why-eval: check-go ## Measure how often gctl why names the right cause, in a simulated world
	@go run ./internal/testkit/whyeval

.PHONY: why-demo
why-demo: build backends ## Measure how often gctl why names the right cause in real worlds (40 minutes)
	@go run ./internal/testkit/whydemo

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: check-go ## Run each fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r f; do \
		for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do \
			echo "fuzzing $$t in $$(dirname $$f)"; \
			go test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) $$(dirname $$f) || exit 1; \
		done; \
	done

.PHONY: clean
clean: ## Remove what was built here
	@rm -rf bin
