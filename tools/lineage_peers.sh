#!/bin/sh
# Makes the environments of other readers of lineage, or leaves them alone where nothing changed. The benchmark of lineage runs
# them beside Headwater; they are never part of the project.
#
# usage: tools/lineage_peers.sh [sqllineage|openlineage|datahub|graphs …]   (default: all four)
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
