#!/bin/sh
# Makes the environments of other engines that search, or leaves them alone where nothing changed. The benchmark of search runs
# them beside Headwater; they are never part of the project.
#
# usage: tools/search_peers.sh [chromadb|lancedb|vectors|extensions …]
#        (default: the first two; the others: for `bench vectors --peers`)
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."
. tools/environment.sh

# make NAME REQUIREMENT…
make() {
    name=$1
    shift
    environment peer ".venv-peer-$name" "$@"
}

[ $# -gt 0 ] || set -- chromadb lancedb
for wanted in "$@"; do
    case $wanted in
    chromadb) make chromadb "chromadb>=1,<2" ;;
    lancedb) make lancedb "lancedb>=0.25" "pyarrow" "pandas" ;;
    vectors) make vectors "lancedb>=0.25" "pyarrow" "numpy" "chromadb>=1,<2" "qdrant-client>=1.14,<2" ;;
    # a Python whose sqlite3 loads extensions; DuckDB's version is the newest whose vss is a package
    extensions) make extensions "sqlite-vec" "duckdb==1.4.4" "duckdb-ext-vss==1.4.4.20260205" "pyarrow" "numpy" ;;
    *) echo "usage: tools/search_peers.sh [chromadb|lancedb|vectors|extensions …]" >&2 && exit 2 ;;
    esac
done
