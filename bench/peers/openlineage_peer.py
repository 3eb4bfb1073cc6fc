"""openlineage-sql, one case a line: run by its own environment's Python, imports nothing of the project."""

import json
import sys
import time

import openlineage_sql

KNOWN = {"ansi": "generic", "sparksql": "spark", "tsql": "mssql", "sqlserver": "mssql", "postgres": "postgresql"}


def answer(case: dict) -> dict:
    dialect = case.get("dialect") or "generic"
    meta = openlineage_sql.parse([case["sql"]], dialect=KNOWN.get(dialect, dialect))
    if meta is None or meta.errors:
        return {"failed": "errors"}
    targets = [table.qualified_name for table in meta.out_tables]
    to = targets[0] if len(targets) == 1 else None
    columns = [
        [[source.origin.qualified_name if source.origin else None, source.name], [to, column.descendant.name]]
        for column in meta.column_lineage
        for source in column.lineage
    ]
    return {"sources": [table.qualified_name for table in meta.in_tables], "targets": targets, "columns": columns}


for line in sys.stdin:
    case = json.loads(line)
    begun = time.process_time()
    try:
        found = answer(case)
    except BaseException as error:  # noqa: BLE001 - its parser may panic
        found = {"failed": type(error).__name__}
    print(json.dumps({"id": case["id"], "seconds": time.process_time() - begun, **found}), flush=True)
