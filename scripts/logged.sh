#!/usr/bin/env bash
# Runs a command with its output in a file; shows the end of it if the command fails. For long steps of a build.
#
#   scripts/logged.sh "compiling" build/compile.log cmake --build …
set -euo pipefail

what=$1 log=$2
shift 2
mkdir -p "$(dirname "$log")"
echo "MAGNET: $what ($log)"
if ! "$@" > "$log" 2>&1; then
    tail -60 "$log" >&2
    echo "MAGNET: $what failed; all of its output is in $log" >&2
    exit 1
fi
