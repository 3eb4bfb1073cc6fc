#!/bin/sh
# Makes the environments that emulators live in, or leaves them alone where nothing changed.
#
# usage: tools/emulators.sh snowflake|dbt|kubernetes …
#   snowflake  .venv-snowflake with fakesnow's server and the connector version that it speaks with; its DuckDB and its
#              sqlglot are pinned by it, so it cannot share the project's own environment
#   dbt        .venv-dbt with dbt and its DuckDB adapter, which build a project for the tests; later ones than 1.10
#              download while they build
#   kubernetes .venv-kubernetes with the schemas of Kubernetes' API, which deploy/k8s is validated against
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."
. tools/environment.sh

# make FOLDER REQUIREMENT…
make() { environment emulator "$@"; }

[ $# -gt 0 ] || { echo "usage: tools/emulators.sh snowflake|dbt|kubernetes …" >&2 && exit 2; }
for wanted in "$@"; do
    case $wanted in
    snowflake) make .venv-snowflake "fakesnow[server]==0.12.1" "snowflake-connector-python==4.8.1" ;;
    dbt) make .venv-dbt "dbt-core>=1.10,<1.11" "dbt-duckdb>=1.9,<2" ;;
    kubernetes) make .venv-kubernetes "kubernetes-validate==1.37.0" ;;
    *) echo "usage: tools/emulators.sh snowflake|dbt|kubernetes …" >&2 && exit 2 ;;
    esac
done
