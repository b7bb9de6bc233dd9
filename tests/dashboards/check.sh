#!/bin/sh
# Holds every dashboard against Grafana's own types: `tests/dashboards/check.sh [FOLDER OF DASHBOARDS]`.
#
# Run by the tidy test where npm is installed. The packages of package-lock.json go to the user's cache folder once.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dashboards=${1:-$here/../../grafana/dashboards}
kept=${XDG_CACHE_HOME:-$HOME/.cache}/muster/dashboards-$(cksum <"$here/package-lock.json" | cut -d ' ' -f 1)
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
cp "$here/plain.ts" "$work"
found=0
for file in "$dashboards"/*.json; do
    name=$(basename "$file" .json)
    {
        printf "import type { Dashboard } from '@grafana/schema';\nimport type { Plain } from './plain';\n"
        printf 'export const dashboard: Plain<Dashboard> =\n'
        cat "$file"
    } >"$work/$name.ts"
    found=$((found + 1))
done
[ "$found" -gt 0 ]
"$kept/node_modules/.bin/tsc" --strict --noEmit --skipLibCheck --target es2022 --module es2022 \
    --moduleResolution bundler "$work"/*.ts
