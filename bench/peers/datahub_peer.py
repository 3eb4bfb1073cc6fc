"""DataHub's parser, one case a line: run by its own environment's Python, imports nothing of the project."""

import json
import logging
import sys
import time

from datahub.sql_parsing.schema_resolver import SchemaResolver
from datahub.sql_parsing.sqlglot_lineage import sqlglot_lineage

logging.disable(logging.CRITICAL)
KNOWN = {
    "ansi": "postgres", "sparksql": "spark", "sqlserver": "mssql", "tsql": "mssql", "greenplum": "postgres", "db2": "postgres",
    "vertica": "postgres", "materialize": "postgres", "exasol": "postgres",
}  # fmt: skip


def name(urn: str) -> str:
    return urn.split(",")[1]


def answer(case: dict) -> dict:
    dialect = case.get("dialect") or "postgres"
    resolver = SchemaResolver(platform=KNOWN.get(dialect, dialect))
    for table, columns in (case.get("schema") or {}).items():
        urn = f"urn:li:dataset:(urn:li:dataPlatform:{resolver.platform},{table},PROD)"
        resolver.add_raw_schema_info(urn, dict.fromkeys(columns, "unknown"))
    result = sqlglot_lineage(case["sql"], schema_resolver=resolver)
    if result.debug_info.table_error:
        return {"failed": "table"}
    columns = [
        [
            [name(source.table), source.column],
            [name(edge.downstream.table) if edge.downstream.table else None, edge.downstream.column],
        ]
        for edge in result.column_lineage or ()
        for source in edge.upstreams
    ]
    return {"sources": list(map(name, result.in_tables)), "targets": list(map(name, result.out_tables)), "columns": columns}


for line in sys.stdin:
    case = json.loads(line)
    begun = time.process_time()
    try:
        found = answer(case)
    except Exception as error:  # noqa: BLE001
        found = {"failed": type(error).__name__}
    print(json.dumps({"id": case["id"], "seconds": time.process_time() - begun, **found}), flush=True)
