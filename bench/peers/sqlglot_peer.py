"""sqlglot alone, one case a line: parse, qualify, and lineage of all columns at once, as its documentation has it."""

import json
import logging
import sys
import time

from sqlglot import exp, parse
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

logging.disable(logging.CRITICAL)
sys.setrecursionlimit(20_000)
KNOWN = {
    "ansi": "",
    "sparksql": "spark",
    "sqlserver": "tsql",
    "mssql": "tsql",
    "greenplum": "postgres",
    "db2": "",
    "vertica": "postgres",
    "mariadb": "mysql",
}


def answer(case: dict) -> dict:
    dialect = KNOWN.get(case.get("dialect") or "", case.get("dialect") or "")
    mapping: dict = {}
    for table, columns in (case.get("schema") or {}).items():
        at = mapping
        *outer, last = table.split(".")
        for part in outer:
            at = at.setdefault(part, {})
        at[last] = dict.fromkeys(columns, "unknown")
    schema = MappingSchema(mapping, dialect=dialect) if mapping else None
    sources, targets, columns = [], [], []
    for tree in parse(case["sql"], dialect=dialect):
        if tree is None:
            continue
        target = tree.find(exp.Table).sql() if isinstance(tree, exp.Insert | exp.Create | exp.Merge | exp.Update) else None
        targets.extend([target] if target else [])
        ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
        tables = [".".join(part.name for part in table.parts) for table in tree.find_all(exp.Table)]
        sources.extend(table for table in tables if table not in ctes and table != target)
        query = tree if isinstance(tree, exp.Query) else tree.args.get("expression")
        if not isinstance(query, exp.Query):
            continue
        query = qualify(query.copy(), schema=schema, dialect=dialect, validate_qualify_columns=False, identify=False)
        scope = build_scope(query)
        for name in query.named_selects:
            for node in lineage(
                name, query, schema or {}, scope=scope, dialect=dialect, copy=False, trim_selects=False
            ).walk():
                if isinstance(node.expression, exp.Table):
                    table = ".".join(part.name for part in node.expression.parts)
                    columns.append([[table, node.name.rpartition(".")[2]], [target, name]])
    return {"sources": sources, "targets": targets, "columns": columns}


for line in sys.stdin:
    case = json.loads(line)
    begun = time.process_time()
    try:
        found = answer(case)
    except Exception as error:  # noqa: BLE001
        found = {"failed": type(error).__name__}
    print(json.dumps({"id": case["id"], "seconds": time.process_time() - begun, **found}), flush=True)
