#!/bin/sh
# Makes the environments of other engines that search, or leaves them alone where nothing changed. The benchmark of search runs
# them beside Headwater; they are never part of the project.
#
# usage: tools/search_peers.sh [chromadb|lancedb …]   (default: both)
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."

# make NAME REQUIREMENT…: an environment with exactly these, made again when the list changes
make() {
    venv=.venv-peer-$1
    shift
    stamp=$venv/.headwater-peer
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then return; fi
    printf 'peers: making %s with %s\n' "$venv" "$*" >&2
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/python" -m pip -qq --disable-pip-version-check install "$@"
    echo "*" >"$venv/.gitignore" # whatever the project ignores, this is never part of it
    echo "$*" >"$stamp"
}

[ $# -gt 0 ] || set -- chromadb lancedb
for wanted in "$@"; do
    case $wanted in
    chromadb) make chromadb "chromadb>=1,<2" ;;
    lancedb) make lancedb "lancedb>=0.25" "pyarrow" "pandas" ;;
    *) echo "usage: tools/search_peers.sh [chromadb|lancedb …]" >&2 && exit 2 ;;
    esac
done
