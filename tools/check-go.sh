#!/bin/sh
# Says in one line what is needed where the Go toolchain is missing or too old.
set -eu
need=$(sed -n 's/^go //p' "$(dirname "$0")/../go.mod")
have=$(go env GOVERSION 2>/dev/null | sed 's/^go//;s/[^0-9.].*//') || have=
older() { # older A B: A < B, as dotted numbers
	[ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n1)" = "$1" ]
}
if [ -z "$have" ]; then
	echo "gctl needs Go $need or newer (https://go.dev/dl/); no go was found on PATH." >&2
	exit 1
fi
if older "$have" "$need"; then
	echo "gctl needs Go $need or newer (https://go.dev/dl/); found go $have." >&2
	exit 1
fi
