#!/bin/sh
# Looks at pages in a real Chromium: `tests/reports/check.sh PAGE... [--shots FOLDER]`, where a page is a file or an address.
#
# Run by the tests of `muster report`. The packages of package-lock.json go to the user's cache folder once; the browser is
# the system's (`chromium`), or what CHROMIUM names.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kept=${XDG_CACHE_HOME:-$HOME/.cache}/muster/reports-$(cksum <"$here/package-lock.json" | cut -d ' ' -f 1)
if [ ! -d "$kept/node_modules" ]; then
    # Under another name until it is complete.
    new=$kept.$$
    mkdir -p "$new"
    cp "$here/package.json" "$here/package-lock.json" "$new"
    npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --silent
    mv -T "$new" "$kept" 2>/dev/null || rm -rf "$new" # another run was first
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$kept/node_modules" "$work/node_modules"
cp "$here/look.mjs" "$work"
CHROMIUM=${CHROMIUM:-$(command -v chromium)} node "$work/look.mjs" "$@"
