"""A small dbt project over DuckDB, built by a real dbt of an environment of its own (`make emulators`).

Nothing here knows pytest.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

VARIABLE = "HEADWATER_TEST_DBT"
_ROOT = Path(__file__).resolve().parents[2]
_FILES = {
    "dbt_project.yml": """
name: tiny
version: "1.0"
profile: tiny
models: {tiny: {+materialized: table}}
seeds: {tiny: {+tags: [raw_seed]}}
""",
    "profiles.yml": "tiny: {target: dev, outputs: {dev: {type: duckdb, path: wh.duckdb, threads: 1}}}\n",
    "seeds/raw_customers.csv": "id,name,country\n1,ann,DE\n2,bob,FR\n",
    "models/stg_customers.sql": """{{ config(materialized='view') }}
select id as customer_id, name from {{ ref('raw_customers') }}""",
    "models/eph.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('stg_customers') }}",
    "models/dim_customer.sql": "select customer_id, name from {{ ref('eph') }}",
    "models/daily.sql": """{{ config(materialized='incremental', schema='Mart', alias='Daily') }}
select current_date as d, count(*) as n from {{ ref('dim_customer') }}""",
    "models/from_source.sql": "select * from {{ source('crm', 'people') }}",
    "models/schema.yml": """
version: 2
sources:
  - name: crm
    schema: crm
    tables: [{name: people, identifier: People, description: who they are}]
models:
  - name: dim_customer
    description: customers of today
    config: {contract: {enforced: true}, tags: [gold], meta: {owner: ann}}
    constraints: [{type: primary_key, columns: [customer_id]}]
    columns:
      - {name: customer_id, data_type: integer, description: the key, data_tests: [unique, not_null]}
      - {name: name, data_type: varchar, data_tests: [{accepted_values: {arguments: {values: [ann]}, config: {severity: warn}}}]}
""",
    "snapshots/snap.sql": """{% snapshot snap %}
{{ config(target_schema='snapshots', unique_key='id', strategy='check', check_cols='all') }}
select * from {{ ref('raw_customers') }}
{% endsnapshot %}""",
}


def find_dbt() -> Path | None:
    """The command that `HEADWATER_TEST_DBT` names, else that of `.venv-dbt`; None where there is none."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else _ROOT / ".venv-dbt" / "bin" / "dbt"
    return path if path.is_file() else None


def write_project(folder: Path) -> None:
    """The project's files, which read a table `crm."People"` of `wh.duckdb`: a seed, a snapshot, five models of which one is ephemeral, a source and three tests."""
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_dbt(dbt: Path, folder: Path, *arguments: str) -> None:
    """Run a dbt command in the project.

    Raises:
        RuntimeError: it failed; what it printed is in the text.

    """
    environment = os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "False", "DO_NOT_TRACK": "1"}
    command = [str(dbt), "--no-use-colors", *arguments, "--profiles-dir", "."]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"dbt {' '.join(arguments)} failed: {done.stdout[-3000:]}{done.stderr[-1000:]}")
