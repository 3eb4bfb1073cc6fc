"""What a crawl found, as rows: cleaned, fingerprinted, ready to be written. Journey 1, before the transaction begins."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.catalog.store.tables import KEY_CHARS
from services.catalog.store.text import clean, clean_json, folded
from services.common.errors import BadRequest
from services.common.model.assets import Column, Container, Found
from services.common.model.names import AssetId, DatasetName, Namespace, scope_path

_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """One found table, ready to be compared and written.

    Attributes:
        facts: the columns of `tables.asset` that a crawl decides, without source, times and counters.
        fingerprint: equal for equal facts; rows, bytes and last_altered do not count.
        schema_fingerprint: equal for equal names, types, nullability, comments and order of columns, primary key and
            the table's comment: what its history tells.
        stats: rows, bytes, last_altered.

    """

    name: DatasetName
    facts: dict[str, Any]
    fingerprint: str
    schema_fingerprint: str
    stats: dict[str, Any]

    @property
    def id(self) -> AssetId:
        """The asset's id; that of the cleaned name."""
        return AssetId(self.facts["id"])

    def row(self, source: str) -> dict[str, Any]:
        """All of the asset's columns but crawl, times and counters, as a table of `source`."""
        fingerprints = {"fingerprint": self.fingerprint, "schema_fingerprint": self.schema_fingerprint}
        return self.facts | self.stats | fingerprints | owned(source, self.name.parts)


def prepare(found: Found, container: Container) -> Prepared:
    """The rows of one found table.

    Raises:
        BadRequest: it has no name.

    """
    if not found.name.parts:
        raise BadRequest(f"a table in {found.name.namespace} has no name")
    crawled, text = _storable(_crawled(found))
    name = DatasetName(Namespace(crawled["namespace"]), tuple(crawled["parts"]))
    schema = [[c["name"], c.get("type"), c.get("nullable"), c.get("description")] for c in crawled["columns"]]
    facts = crawled | _keys(name) | {"container": container_key(container)}
    facts |= {"object_id": clean(found.object_id) if found.object_id else None}
    facts |= {"tags_key": folded(crawled["tags"]), "owners_key": folded(crawled["owners"])}
    return Prepared(
        name=name,
        facts=facts,
        fingerprint=_digest(text),
        schema_fingerprint=_digest(_text([schema, crawled["primary_key"], crawled["description"]])),
        stats={"rows": _count(found.rows), "bytes": _count(found.bytes), "last_altered": _utc(found.last_altered)},
    )


def owned(source: str, parts: Iterable[str]) -> dict[str, Any]:
    """The columns that say whose a table is: those that a source's name decides."""
    return {"source": source, "source_lower": source.lower(), "scope_path": scope_path(source, parts)}


def container_key(container: Container) -> str:
    """A container as one text, equal for equal containers."""
    return json.dumps(clean_json([container.namespace, *container.parts]), ensure_ascii=False)


def database_of(container: str) -> str:
    """What a container, as `container_key` writes it, lies in: the container of its namespace and outermost part."""
    return json.dumps(json.loads(container)[:2], ensure_ascii=False)


def _crawled(found: Found) -> dict[str, Any]:
    keys = [{"columns": k.columns, "ref_table": k.ref_table, "ref_columns": k.ref_columns} for k in found.foreign_keys]
    return {
        "namespace": found.name.namespace,
        "parts": list(found.name.parts),
        "kind": found.kind.value,
        "description": found.description,
        "columns": [_column(column) for column in found.columns],
        "primary_key": list(found.primary_key),
        "foreign_keys": keys,
        "indexes": [{"name": i.name, "columns": i.columns, "unique": i.unique} for i in found.indexes],
        "sql": found.sql,
        "partitions": _count(found.partitions),
        "tags": list(found.tags),
        "owners": list(found.owners),
        "properties": clean_json(found.properties),
    }


def _column(column: Column) -> dict[str, Any]:
    """What the source says of a column, without what it does not say: a wide warehouse is mostly this."""
    said = {
        "name": column.name,
        "type": column.type,
        "nullable": column.nullable,
        "default": column.default,
        "description": column.description,
        "tags": list(column.tags) or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _storable(crawled: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What was crawled and its canonical text, both as every database can store them."""
    text = _text(crawled)
    # one look at the whole is ten times cheaper than one at each text, and almost never finds anything
    if "\\u0000" not in text and text.isprintable():
        return crawled, text
    cleaned: dict[str, Any] = clean_json(crawled)
    return cleaned, _text(cleaned)


def _keys(name: DatasetName) -> dict[str, Any]:
    parts = name.parts
    return {
        "id": name.id,
        "platform": name.platform.name,
        "qualified_lower": name.qualified.lower()[:KEY_CHARS],
        "table_lower": parts[-1].lower()[:KEY_CHARS],
        "database_lower": parts[0].lower() if len(parts) > 1 else None,
        "schema_lower": ".".join(parts[1:-1]).lower() or None,
    }


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _count(value: int | None) -> int | None:
    """A source's estimate where it fits the database; PostgreSQL's -1 and the absurd mean that there is none."""
    return value if value is not None and 0 <= value <= _MAX_INTEGER else None


def _utc(at: dt.datetime | None) -> dt.datetime | None:
    if at is None:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except OverflowError:  # year 1 or 9999: a placeholder for no time
        return None
