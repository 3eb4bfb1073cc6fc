"""sqllineage, one case a line: run by its own environment's Python, imports nothing of the project.

An argument is the dialect to read every case in: `non-validating` is its older, faster reader.
"""

import json
import sys
import time

from sqllineage.core.metadata.dummy import DummyMetaDataProvider
from sqllineage.runner import LineageRunner

KNOWN = {"postgresql": "postgres", "sqlserver": "tsql", "spark": "sparksql", "": "ansi", "generic": "ansi"}


def answer(case: dict) -> dict:
    dialect = case.get("dialect") or "ansi"
    metadata = DummyMetaDataProvider(case["schema"]) if case.get("schema") else DummyMetaDataProvider()
    dialect = sys.argv[1] if len(sys.argv) > 1 else KNOWN.get(dialect, dialect)
    runner = LineageRunner(case["sql"], dialect=dialect, metadata_provider=metadata)
    columns = []
    for path in runner.get_column_lineage():
        source, target = path[0], path[-1]
        parents = [str(parent) for parent in source.parent_candidates] or [None]
        to = str(target.parent) if target.parent is not None and type(target.parent).__name__ == "Table" else None
        columns.extend([[parent, source.raw_name], [to, target.raw_name]] for parent in parents[:1])
    return {
        "sources": list(map(str, runner.source_tables)),
        "targets": list(map(str, runner.target_tables)),
        "columns": columns,
    }


for line in sys.stdin:
    case = json.loads(line)
    begun = time.process_time()
    try:
        found = answer(case)
    except Exception as error:  # noqa: BLE001
        found = {"failed": type(error).__name__}
    print(json.dumps({"id": case["id"], "seconds": time.process_time() - begun, **found}), flush=True)
