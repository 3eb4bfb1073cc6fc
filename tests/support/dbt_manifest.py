"""A dbt manifest of any size, written to disk piece by piece.

Used by the unit tests of dbt's artifacts and by the benchmark of a large one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMAS = 7
"""The models are spread over so many schemas."""
_SQL = "select 1 as id -- " + "x" * 12_000
_MIB = 2**20


def write_manifest(path: Path, mib: int) -> int:
    """A manifest of schema v12 of at least so many MiB, 24 kB a model; how many models it has."""
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "adapter_type": "postgres"}
    count = 0
    with path.open("wb") as file:
        file.write(b'{"metadata": ' + json.dumps(metadata).encode() + b', "sources": {}, "nodes": {')
        while file.tell() < mib * _MIB:
            node = _model(count)
            comma = b", " if count else b""
            file.write(comma + json.dumps(node["unique_id"]).encode() + b": " + json.dumps(node).encode())
            count += 1
        file.write(b'}, "macros": {}}')
    return count


def _model(at: int) -> dict[str, Any]:
    schema, name = f"s{at % SCHEMAS}", f"m{at}"
    return {
        "unique_id": f"model.shop.{name}",
        "resource_type": "model",
        "package_name": "shop",
        "database": "wh",
        "schema": schema,
        "name": name,
        "alias": name,
        "relation_name": f'"wh"."{schema}"."{name}"',
        "original_file_path": f"models/{name}.sql",
        "config": {"enabled": True, "materialized": "table", "tags": [], "meta": {}},
        "description": "",
        "columns": {},
        "tags": [],
        "depends_on": {"macros": [], "nodes": []},
        "compiled_code": _SQL,
        "raw_code": _SQL,
    }
