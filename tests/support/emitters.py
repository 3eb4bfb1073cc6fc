"""Real emitters of OpenLineage events, each in an environment of its own (`tools/emitters.sh`). Nothing here knows pytest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_DAG = """
import datetime as dt

from airflow import DAG
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

with DAG("nightly", schedule=None, start_date=dt.datetime(2026, 1, 1), catchup=False):
    first = SQLExecuteQueryOperator(
        task_id="make_daily",
        conn_id="warehouse",
        sql="CREATE TABLE IF NOT EXISTS mart.daily AS SELECT o.id, o.amount, c.name FROM public.orders o "
        "JOIN public.customers c ON c.id = o.customer_id WHERE c.name <> 'qwertzuiop-canary'",
    )
    second = SQLExecuteQueryOperator(
        task_id="fill_weekly",
        conn_id="warehouse",
        sql="INSERT INTO mart.weekly (name, amount) SELECT name, sum(amount) FROM mart.daily GROUP BY name",
    )
    third = SQLExecuteQueryOperator(
        task_id="report", conn_id="warehouse", sql="INSERT INTO mart.report SELECT name, amount FROM mart.weekly"
    )
    first >> second >> third
"""
_DBT = {
    "dbt_project.yml": 'name: pipes\nversion: "1.0"\nprofile: pipes\nmodels: {pipes: {+materialized: table}}\n',
    "profiles.yml": "pipes: {target: dev, outputs: {dev: {type: duckdb, path: wh.duckdb, threads: 1}}}\n",
    "seeds/raw_orders.csv": "id,day,amount\n1,2026-01-01,10\n2,2026-01-02,20\n",
    "models/stg_orders.sql": "{{ config(materialized='view') }} select id, day, amount from {{ ref('raw_orders') }}",
    "models/daily.sql": "select day, sum(amount) as amount from {{ ref('stg_orders') }} group by day",
    "models/weekly.sql": "select date_trunc('week', day) as week, sum(amount) as amount from {{ ref('daily') }} group by 1",
}


def environment(name: str) -> Path | None:
    """The folder of programs of `.venv-NAME`; None where it was not made."""
    folder = _ROOT / f".venv-{name}" / "bin"
    return folder if (folder / "python").exists() else None


def transport(url: str) -> str:
    """What OpenLineage's client reads to send over HTTP, compressed."""
    return json.dumps({"type": "http", "url": url, "compression": "gzip"})


def run_dag(programs: Path, home: Path, url: str, database_url: str) -> str:
    """Run the DAG `nightly` of three tasks on a PostgreSQL by `airflow dags test`; returns what it printed.

    Args:
        programs: of Airflow's environment.
        home: an empty folder for Airflow.
        url: where Headwater serves.
        database_url: `postgresql://…`.

    Raises:
        RuntimeError: it failed; what it printed is in the text.

    """
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "nightly.py").write_text(_DAG, encoding="utf-8")
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": transport(url),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "airflow",
        "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "60",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW_CONN_WAREHOUSE": database_url.replace("postgresql://", "postgres://", 1),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "NO_PROXY": "*",
    }
    out = _run([str(programs / "airflow"), "db", "migrate"], home, variables)
    out += _run([str(programs / "airflow"), "dags", "reserialize"], home, variables)
    return out + _run([str(programs / "airflow"), "dags", "test", "nightly", "2026-01-01"], home, variables)


def write_dbt_project(folder: Path) -> None:
    """A project of a seed, a view and two tables over `wh.duckdb`, which its profile names by a relative path."""
    for name, text in _DBT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_dbt_ol(programs: Path, folder: Path, url: str) -> str:
    """Build a dbt project under `dbt-ol`; returns what it printed.

    Raises:
        RuntimeError: it failed; what it printed is in the text.

    """
    variables = {
        "OPENLINEAGE__TRANSPORT": transport(url),
        "OPENLINEAGE_NAMESPACE": "dbt",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "NO_PROXY": "*",
    }
    command = [str(programs / "dbt-ol"), "build", "--profiles-dir", ".", "--project-dir", "."]
    return _run(command, folder, variables)


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout + done.stderr
