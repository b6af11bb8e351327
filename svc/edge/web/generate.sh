#!/bin/sh
# Bundles the page's script. The versions of the bundler and of what it bundles are
# those of package-lock.json beside this file.
set -eu
cd "$(dirname "$0")"
if ! cmp -s package-lock.json node_modules/.locked; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.locked
fi
npm run --silent build
