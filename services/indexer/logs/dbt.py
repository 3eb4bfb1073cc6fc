"""The models of a dbt manifest as queries: what a project reads is what people put together on purpose.

https://docs.getdbt.com/reference/artifacts/manifest-json (nodes, depends_on, compiled_code). Journey 3, step "log → lines".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo

import ijson

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Skipped, Why, time_of
from services.indexer.logs.physical import BROKEN, opened

_QUERIES = frozenset({"model", "snapshot"})
_TABLES = frozenset({"model", "snapshot", "seed", "source"})
_DIALECTS = {"postgres": "postgres", "sqlserver": "tsql", "synapse": "tsql"}


def read(path: Path, zone: ZoneInfo) -> Iterator[Entry]:
    """One line a model, with its target and what it depends on; the manifest is read twice, a node at a time.

    Of one that was cut nothing is told but that: what models depend on may stand in what is missing.
    """
    try:
        yield from _models(path, zone)
    except (ijson.JSONError, *BROKEN):
        yield Skipped(1, Why.ENDS)


def _models(path: Path, zone: ZoneInfo) -> Iterator[Entry]:
    relations: dict[str, str] = {}
    for key in ("nodes", "sources"):
        for name, node in _items(path, key):
            if node.get("resource_type") in _TABLES and (relation := _relation(node)) is not None:
                relations[name] = relation
    metadata = dict(_items(path, "metadata"))
    dialect = str(metadata.get("adapter_type") or "")
    generated = time_of(metadata.get("generated_at"), zone)
    for number, (name, node) in enumerate(_items(path, "nodes"), 1):
        if node.get("resource_type") in _QUERIES:
            yield _entry(number, node, relations, _DIALECTS.get(dialect, dialect), generated, relations.get(name))


def _entry(
    number: int, node: dict[str, Any], relations: dict[str, str], dialect: str, at: dt.datetime | None, target: str | None
) -> Entry:
    sql = node.get("compiled_code") or node.get("raw_code")
    if not isinstance(sql, str) or not sql.strip():
        return Skipped(number, Why.NO_TEXT)
    reads = dict.fromkeys(relations[one] for one in (node.get("depends_on") or {}).get("nodes") or () if one in relations)
    return LogLine(sql, at=at, dialect=dialect or None, tables=tuple(reads), target=target, number=number)


def _relation(node: dict[str, Any]) -> str | None:
    """The table that a node is; None where it is none, because other models have it inside them."""
    if (node.get("config") or {}).get("materialized") == "ephemeral":
        return None
    name = node.get("alias") or node.get("identifier") or node.get("name")
    parts = [str(part) for part in (node.get("database"), node.get("schema"), name) if part]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _items(path: Path, key: str) -> Iterator[tuple[str, Any]]:
    with opened(path) as file:
        yield from ijson.kvitems(cast("BinaryIO", file), key, use_float=True)
