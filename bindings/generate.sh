#!/usr/bin/env bash
# Regenerates the raw Java binding of native/include/magnet.h with jextract. README.md beside this file says when.
#
#   bindings/generate.sh           regenerate and replace the committed package
#   bindings/generate.sh --check   regenerate and compare; fails, with the difference, if the committed package is stale
#
# Expects `jextract` on PATH, from openjdk/jextract. All or nothing: a failed run changes no committed file.
set -euo pipefail

readonly JEXTRACT_VERSION=23 # another version formats its output differently: raise it here, in a commit of its own
readonly PACKAGE=dev.magnet.ffi.c

bindings=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
header_dir=$(cd "$bindings/../native/include" && pwd)
stage=$bindings/target/generate
committed=$bindings/src/main/java/${PACKAGE//.//}
fresh=$stage/${PACKAGE//.//}

fail() {
    echo "generate.sh: $*" >&2
    exit 1
}

case "${1:-}" in
    '' | --check) ;;
    *) fail "unknown option $1 (only --check)" ;;
esac

command -v jextract > /dev/null || fail "jextract is not on PATH; it comes from openjdk/jextract"
found=$(jextract --version 2>&1 | sed -n 's/^jextract //p')
[ "$found" = "$JEXTRACT_VERSION" ] || fail "found jextract '$found', this script is written for $JEXTRACT_VERSION"

rm -rf "$stage"
mkdir -p "$stage"
cd "$header_dir" # a bare file name keeps paths of this machine out of the output

# Opaque structs have no layout; jextract lists them and then skips each with a warning.
jextract --dump-includes "$stage/all.includes" magnet.h 2> "$stage/jextract.log" || fail "$(cat "$stage/jextract.log")"
opaque=$(sed -n 's/.*Skipping \(magnet_[a-z_]*\) .*/\1/p' "$stage/jextract.log" | sort -u)
sed -n 's/^\(--include-[a-z]* [Mm][Aa][Gg][Nn][Ee][Tt]_[A-Za-z0-9_]*\) *#.*/\1/p' "$stage/all.includes" |
    grep -vxF -e "$(printf -- '--include-struct %s\n' $opaque)" | LC_ALL=C sort > "$stage/magnet.includes"
[ -s "$stage/magnet.includes" ] || fail "magnet.h declares no magnet_ symbol"

jextract --output "$stage" --target-package "$PACKAGE" --header-class-name magnet_h "@$stage/magnet.includes" magnet.h

# normalise FILES PATTERN REPLACEMENT: a sed step that must find something, so that a change of jextract is noticed.
normalise() {
    local files=$1 pattern=$2 replacement=$3
    grep -qE "$pattern" $files || fail "jextract no longer emits /$pattern/; review the normalisation"
    sed -E -i "s/$pattern/$replacement/g" $files
}
cd "$fresh"
# int64_t is `long` here but `long long` on Windows, where the layout of `long` is 32 bits wide and this class would not load.
normalise 'magnet_h$shared.java' '^.* C_LONG = .*$' ''
normalise '*.java' 'magnet_h\.C_LONG\b' 'magnet_h.C_LONG_LONG'
# The library is opened by path and belongs to no class loader, so that two class loaders may use it (MagnetLibrary).
normalise magnet_h.java 'SymbolLookup\.loaderLookup\(\)' 'dev.magnet.ffi.MagnetLibrary.symbols();'
normalise magnet_h.java '^ +\.or\(Linker\.nativeLinker\(\)\.defaultLookup\(\)\);$' ''
normalise magnet_h.java '^.* LIBRARY_ARENA = .*$' ''
# SymbolLookup.findOrThrow appeared in Java 23; the binding runs on 22.
normalise magnet_h.java 'SYMBOL_LOOKUP\.findOrThrow\(("[a-z_]+")\)' 'SYMBOL_LOOKUP.find(\1).orElseThrow()'

cat > GENERATED.properties << PROPERTIES
# Where this package comes from. Written by bindings/generate.sh, checked by GeneratedTest.
jextract=$JEXTRACT_VERSION
os=$(uname -s | tr '[:upper:]' '[:lower:]')
header=native/include/magnet.h
header.sha256=$(sha256sum "$header_dir/magnet.h" | cut -d' ' -f1)
PROPERTIES
find . -type f -exec sed -i -e 's/[[:space:]]*$//' {} +

if [ "${1:-}" = --check ]; then
    diff -ru "$committed" "$fresh" && diff -u "$bindings/magnet.includes" "$stage/magnet.includes" ||
        fail "the committed binding is stale: run bindings/generate.sh and commit"
    echo "generate.sh: up to date"
    exit 0
fi

mkdir -p "$(dirname "$committed")"
[ ! -e "$committed" ] || mv "$committed" "$stage/replaced"
mv "$fresh" "$committed" || {
    [ ! -e "$stage/replaced" ] || mv "$stage/replaced" "$committed"
    fail "cannot move the new package into place; the former one is restored"
}
mv "$stage/magnet.includes" "$bindings/magnet.includes"
echo "generate.sh: $(find "$committed" -name '*.java' | wc -l) classes in ${committed#"$bindings"/}"
