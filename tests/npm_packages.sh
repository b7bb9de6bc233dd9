#!/bin/sh
# Installs the packages of a folder's package-lock.json into the user's cache folder, once, and prints where they are:
# `tests/npm_packages.sh FOLDER`.
#
# Called by the checks that run on Node.js.
set -eu

folder=$(cd "$1" && pwd)
kept=${XDG_CACHE_HOME:-$HOME/.cache}/muster/$(basename "$folder")-$(cksum <"$folder/package-lock.json" | cut -d ' ' -f 1)
if [ ! -d "$kept/node_modules" ]; then
    # Under another name until it is complete.
    new=$kept.$$
    mkdir -p "$new"
    cp "$folder/package.json" "$folder/package-lock.json" "$new"
    npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --silent >&2
    mv -T "$new" "$kept" 2>/dev/null || rm -rf "$new" # another run was first
fi
printf '%s\n' "$kept"
