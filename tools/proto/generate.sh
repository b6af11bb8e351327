#!/bin/sh
# Regenerates every *.pb.go of the module. The versions of the generators are
# those of go.mod beside this file.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" . google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
"$bin/proto" -root ../.. -plugins "$bin" \
	api/gctl/control/v1/control.proto svc/user/api/user.proto \
	svc/kit/example/hello/api/hello.proto
