#!/bin/sh
# Regenerates everything that is generated and committed.
set -eu
cd "$(dirname "$0")/.."
tools/proto/generate.sh
svc/edge/web/generate.sh
go test ./commands -run '^TestReference$' -update
