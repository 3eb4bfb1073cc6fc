"""What a crawl found, as rows: cleaned, fingerprinted, ready to be written. Journey 1, before the transaction begins."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.catalog.store.tables import KEY_CHARS
from services.catalog.store.text import clean, clean_json, folded
from services.catalog.store.types import JsonText
from services.common.errors import BadRequest
from services.common.model.assets import Column, Container, Found
from services.common.model.names import AssetId, DatasetName, Namespace, scope_path

_MAX_INTEGER = 2**63 - 1
_FACTS = (
    *("columns", "description", "foreign_keys", "indexes", "kind", "namespace", "owners", "partitions", "parts"),
    *("primary_key", "properties", "sql", "tags"),
)
"""What a crawl finds of a table, in the order in which it is fingerprinted."""
_JSON = ("columns", "foreign_keys", "indexes", "owners", "parts", "primary_key", "properties", "tags")
_encoded = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Prepared:
    """One found table, ready to be compared and written.

    Attributes:
        facts: the columns of `tables.asset` that a crawl decides, without source, times and counters.
        texts: those of them that are JSON, as the text that is stored.
        fingerprint: equal for equal facts; rows, bytes and last_altered do not count.
        stats: rows, bytes, last_altered.

    """

    name: DatasetName
    facts: dict[str, Any]
    texts: dict[str, JsonText]
    fingerprint: str
    stats: dict[str, Any]

    @property
    def schema_fingerprint(self) -> str:
        """Equal for equal names, types, nullability, comments and order of columns, primary key and the table's comment.

        What its history tells. Made anew each time: of what a crawl finds unchanged, nobody asks for it.
        """
        columns = self.facts["columns"]
        schema = [[c["name"], c.get("type"), c.get("nullable"), c.get("description")] for c in columns]
        said = _text(schema), self.texts["primary_key"], _text(self.facts["description"])
        return _digest(f"[{','.join(said)}]".encode())

    @property
    def id(self) -> AssetId:
        """The asset's id; that of the cleaned name."""
        return AssetId(self.facts["id"])

    def row(self, source: str) -> dict[str, Any]:
        """All of the asset's columns but crawl, times and counters, as a table of `source`."""
        fingerprints = {"fingerprint": self.fingerprint, "schema_fingerprint": self.schema_fingerprint}
        return {**self.facts, **self.texts, **self.stats, **fingerprints, **owned(source, self.name.parts)}


def prepare(found: Found, container: Container) -> Prepared:
    """The rows of one found table.

    Raises:
        BadRequest: it has no name.

    """
    if not found.name.parts:
        raise BadRequest(f"a table in {found.name.namespace} has no name")
    crawled, texts, raw = _storable(_crawled(found))
    name = DatasetName(Namespace(crawled["namespace"]), tuple(crawled["parts"]))
    facts = crawled | _keys(name)
    facts["container"] = container_key(container)
    facts["object_id"] = clean(found.object_id) if found.object_id else None
    facts["tags_key"], facts["owners_key"] = folded(crawled["tags"]), folded(crawled["owners"])
    return Prepared(
        name=name,
        facts=facts,
        texts={column: JsonText(texts[column]) for column in _JSON},
        fingerprint=_digest(raw),
        stats={"rows": _count(found.rows), "bytes": _count(found.bytes), "last_altered": _utc(found.last_altered)},
    )


def owned(source: str, parts: Iterable[str]) -> dict[str, Any]:
    """The columns that say whose a table is: those that a source's name decides."""
    return {"source": source, "source_lower": source.lower(), "scope_path": scope_path(source, parts)}


@lru_cache(maxsize=1024)
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
    said: dict[str, Any] = {"name": column.name}
    if column.type is not None:
        said["type"] = column.type
    if column.nullable is not None:
        said["nullable"] = column.nullable
    if column.default is not None:
        said["default"] = column.default
    if column.description is not None:
        said["description"] = column.description
    if column.tags:
        said["tags"] = list(column.tags)
    return said


def _storable(crawled: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], bytes]:
    """What was crawled, each of it as canonical JSON, and the canonical JSON of the whole: as every database can store them."""
    texts = {name: _text(crawled[name]) for name in _FACTS}
    text = _object(texts)
    # one look at the whole is ten times cheaper than one at each text, and almost never finds anything
    if "\\u0000" not in text:
        with suppress(UnicodeEncodeError):
            return crawled, texts, text.encode()
    cleaned: dict[str, Any] = clean_json(crawled)
    texts = {name: _text(cleaned[name]) for name in _FACTS}
    return cleaned, texts, _object(texts).encode()


def _text(value: Any) -> str:
    # most lists of a warehouse's tables are empty, and much is not said: the encoder would be set up for each
    return "null" if value is None else "[]" if value == [] else _encoded(value)


def _object(texts: Mapping[str, str]) -> str:
    """What `_text` writes of an object, of its values' texts in the order of their names."""
    return "{" + ",".join([f'"{name}":{text}' for name, text in texts.items()]) + "}"


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


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


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
