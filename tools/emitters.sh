#!/bin/sh
# Makes the environments that real emitters of OpenLineage events live in, or leaves them alone where nothing changed.
#
# usage: tools/emitters.sh openlineage|airflow|dbt-ol …
#   openlineage  .venv-openlineage with OpenLineage's Python client and Marquez's: what sends events and what reads them
#   airflow      .venv-airflow with Airflow, its OpenLineage provider and PostgreSQL's; it pins what it stands on, so it
#                can share nothing with the project's own environment
#   dbt-ol       .venv-dbt-ol with dbt, its DuckDB adapter and OpenLineage's wrapper; later ones than 1.10 download while
#                they build
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."
. tools/environment.sh

# make FOLDER REQUIREMENT…
make() { environment emitter "$@"; }

usage() {
    echo "usage: tools/emitters.sh openlineage|airflow|dbt-ol …" >&2
    exit 2
}

[ $# -gt 0 ] || usage
for wanted in "$@"; do
    case $wanted in
    openlineage) make .venv-openlineage "openlineage-python==1.54.0" "marquez-python==0.50.0" pytz ;;
    airflow)
        make .venv-airflow "apache-airflow==3.3.2" "apache-airflow-providers-openlineage==2.20.3" \
            "apache-airflow-providers-postgres" "apache-airflow-providers-common-sql"
        ;;
    dbt-ol) make .venv-dbt-ol "dbt-core>=1.10,<1.11" "dbt-duckdb>=1.9,<2" "openlineage-dbt" ;;
    *) usage ;;
    esac
done
