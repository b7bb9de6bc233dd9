#!/bin/sh
# Looks at pages in a real Chromium: `tests/reports/check.sh PAGE... [--shots FOLDER]`, where a page is a file or an address.
#
# Run by the tests of `muster report`. The browser is the system's (`chromium`), or what CHROMIUM names.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kept=$("$here/../npm_packages.sh" "$here")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$kept/node_modules" "$work/node_modules"
cp "$here/look.mjs" "$work"
CHROMIUM=${CHROMIUM:-$(command -v chromium)} node "$work/look.mjs" "$@"
