#!/bin/sh
# Makes the environments of other readers of lineage, or leaves them alone where nothing changed. The benchmark of lineage runs
# them beside Headwater; they are never part of the project.
#
# usage: tools/lineage_peers.sh [sqllineage|openlineage|datahub|graphs …]   (default: all four)
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

[ $# -gt 0 ] || set -- sqllineage openlineage datahub graphs
for wanted in "$@"; do
    case $wanted in
    sqllineage) make sqllineage "sqllineage==1.5.9" ;;
    openlineage) make openlineage "openlineage-sql==1.54.0" ;;
    datahub) make datahub "acryl-datahub[sql-parser]>=1.7,<1.8" ;;
    graphs) make graphs "networkx==3.6.1" "rustworkx==0.18.1" "igraph==1.0.0" "scipy==1.17.1" ;;
    *) echo "usage: tools/lineage_peers.sh [sqllineage|openlineage|datahub|graphs …]" >&2 && exit 2 ;;
    esac
done
