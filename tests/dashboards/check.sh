#!/bin/sh
# Holds every dashboard against Grafana's own types: `tests/dashboards/check.sh [FOLDER OF DASHBOARDS]`.
#
# Run by the tidy test where npm is installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dashboards=${1:-$here/../../grafana/dashboards}
kept=$("$here/../npm_packages.sh" "$here")

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
