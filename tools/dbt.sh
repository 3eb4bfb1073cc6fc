#!/usr/bin/env bash
# Builds .venv-dbt with dbt and its DuckDB adapter, for the tests that run a real project; nothing of it is a dependency.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"
if [ ! -x .venv-dbt/bin/dbt ]; then
  "$python" -m venv .venv-dbt
  .venv-dbt/bin/pip install --quiet "dbt-core>=1.10,<1.11" "dbt-duckdb>=1.9,<2"
fi
.venv-dbt/bin/dbt --version
