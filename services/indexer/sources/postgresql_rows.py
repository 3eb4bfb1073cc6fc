"""The two catalog queries that read a whole PostgreSQL, and how a row of theirs becomes a `Found`.

Journey 1, step 1; used by `postgresql` alone. Everything comes as one JSON text a row, so that the names of a database
without an encoding can still be decoded here. Columns of pg_catalog: PostgreSQL's manual, chapter "System Catalogs".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.common.model.assets import SQL_UNREADABLE, Column, ForeignKey, Found, Index, Kind
from services.common.model.names import Namespace, from_catalog

# the names beginning with pg_ are kept by PostgreSQL for itself: catalog, toast, temporary
SCHEMAS = r"""
SELECT json_build_array(
         n.oid::int8, n.nspname, has_schema_privilege(n.oid, 'USAGE'),
         (SELECT json_agg(c.relname) FROM pg_catalog.pg_class c
           WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
             AND NOT has_schema_privilege(n.oid, 'USAGE')))::text
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.oid
"""

# one row a table: what hangs on it is gathered by the server, each catalog scanned once and joined by its oid
RELATIONS = r"""
WITH RECURSIVE descendant(root, oid) AS (
  SELECT i.inhparent, i.inhrelid
    FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
   WHERE c.relkind = 'p' AND NOT c.relispartition
  UNION ALL
  SELECT d.root, i.inhrelid FROM descendant d JOIN pg_catalog.pg_inherits i ON i.inhparent = d.oid
), folded AS (
  SELECT d.root, count(*) AS n,
         sum(c.reltuples::float8) FILTER (WHERE c.reltuples >= 0) AS tuples,
         sum(c.relpages::int8 + coalesce(t.relpages, 0)) FILTER (WHERE c.reltuples >= 0) AS pages
    FROM descendant d JOIN pg_catalog.pg_class c ON c.oid = d.oid
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
   WHERE c.relkind <> 'p' GROUP BY d.root
), kept AS (
  SELECT c.* FROM pg_catalog.pg_class c
   WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
     AND c.relnamespace = ANY (%(schemas)s::oid[])
), col AS (
  SELECT a.attrelid AS oid, json_agg(json_build_array(
           a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           a.attgenerated, pg_get_expr(e.adbin, e.adrelid), s.description) ORDER BY a.attnum) AS items,
         bool_or(e.adbin IS NOT NULL AND pg_get_expr(e.adbin, e.adrelid) IS NULL) AS stale
    FROM kept JOIN pg_catalog.pg_attribute a ON a.attrelid = kept.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_description s
           ON s.objoid = a.attrelid AND s.objsubid = a.attnum AND s.classoid = 'pg_catalog.pg_class'::regclass
   GROUP BY a.attrelid
), primary_key AS (
  SELECT k.conrelid AS oid, k.conkey AS items FROM pg_catalog.pg_constraint k WHERE k.contype = 'p'
), reference AS (
  SELECT k.oid, k.conrelid, k.conname, k.conkey, coalesce(d.root, k.confrelid) AS target,
         json_agg(a.attname ORDER BY u.at) AS names
    FROM pg_catalog.pg_constraint k
   CROSS JOIN LATERAL unnest(k.confkey) WITH ORDINALITY AS u(attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
    LEFT JOIN descendant d ON d.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 GROUP BY k.oid, k.conrelid, k.conname, k.conkey, d.root, k.confrelid
), foreign_key AS (
  SELECT r.conrelid AS oid, json_agg(
           json_build_array(r.conkey, n.nspname, c.relname, r.names) ORDER BY r.conname) AS items
    FROM reference r JOIN pg_catalog.pg_class c ON c.oid = r.target
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace GROUP BY r.conrelid
), idx AS (
  SELECT i.indrelid AS oid, json_agg(json_build_array(
           c.relname, i.indisunique, i.indnkeyatts, i.indkey::int2[],
           CASE WHEN i.indexprs IS NOT NULL THEN
             (SELECT json_agg(pg_get_indexdef(i.indexrelid, at, true) ORDER BY at)
                FROM generate_series(1, i.indnkeyatts) AS at) END) ORDER BY c.relname) AS items
    FROM kept JOIN pg_catalog.pg_index i ON i.indrelid = kept.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
   WHERE NOT i.indisprimary AND i.indislive GROUP BY i.indrelid
)
SELECT kept.relnamespace::int8, kept.relname::text, json_build_object(
         'name', kept.relname, 'oid', kept.oid::int8, 'kind', kept.relkind, 'comment', s.description, 'role', role.rolname,
         'tuples', kept.reltuples, 'pages', kept.relpages::int8 + coalesce(toast.relpages, 0),
         'partitions', folded.n, 'partition_tuples', folded.tuples, 'partition_pages', folded.pages,
         'sql', CASE WHEN %(definitions)s AND kept.relkind IN ('v', 'm') THEN pg_get_viewdef(kept.oid) END,
         'server', server.srvname, 'columns', col.items, 'primary_key', primary_key.items,
         'foreign_keys', foreign_key.items, 'indexes', idx.items)::text, coalesce(col.stale, false)
  FROM kept
  LEFT JOIN pg_catalog.pg_description s
         ON s.objoid = kept.oid AND s.objsubid = 0 AND s.classoid = 'pg_catalog.pg_class'::regclass
  LEFT JOIN pg_catalog.pg_roles role ON role.oid = kept.relowner
  LEFT JOIN pg_catalog.pg_class toast ON toast.oid = kept.reltoastrelid
  LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = kept.oid
  LEFT JOIN pg_catalog.pg_foreign_server server ON server.oid = ft.ftserver
  LEFT JOIN folded ON folded.root = kept.oid
  LEFT JOIN col ON col.oid = kept.oid
  LEFT JOIN primary_key ON primary_key.oid = kept.oid
  LEFT JOIN foreign_key ON foreign_key.oid = kept.oid
  LEFT JOIN idx ON idx.oid = kept.oid
 ORDER BY kept.relnamespace, kept.oid
"""

_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_KINDS = {"v": Kind.VIEW, "m": Kind.MATERIALIZED_VIEW}
_IDENTITY = {"a": "GENERATED ALWAYS AS IDENTITY", "d": "GENERATED BY DEFAULT AS IDENTITY"}
_GENERATED = {"s": "STORED", "v": "VIRTUAL"}


@dataclass(frozen=True, slots=True)
class Server:
    """What a row does not say: where the table is and what the server's figures mean.

    Attributes:
        block_bytes: the size of a page, which `relpages` counts.
        says_unknown: whether the server marks a table that was never analysed (from version 14 on); earlier ones
            say 0 rows of it.
        identity: what makes an oid unique: the system's identifier and the database's oid; empty where the server does
            not tell it.

    """

    namespace: Namespace
    database: str
    block_bytes: int
    says_unknown: bool
    identity: str = ""


def decode(raw: bytes) -> str:
    """Text as the server sent it; a byte that is no UTF-8 (databases without an encoding) becomes a backslash escape."""
    return raw.decode("utf-8", "backslashreplace")


def decode_json(raw: bytes) -> Any:
    """The value of a JSON text as the server sent it, its texts as `decode` would have them."""
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        # inside JSON a backslash is itself escaped
        escaped = _STRAY_BYTE.sub(lambda byte: rf"\\x{ord(byte[0]) - 0xDC00:02x}", raw.decode("utf-8", "surrogateescape"))
        return json.loads(escaped)


def found_from(row: bytes, schema: str, server: Server) -> Found:
    """A row of `RELATIONS` as a table or view of `schema`."""
    facts = decode_json(row)
    kind = _KINDS.get(facts["kind"], Kind.TABLE)
    object_id = f"{server.identity}/{facts['oid']}" if server.identity else None
    raw_columns = facts["columns"] or ()
    names = {item[0]: item[1] for item in raw_columns}
    rows, size = _estimates(facts, server)
    return Found(
        name=from_catalog(server.namespace, (server.database, schema, facts["name"])),
        kind=kind,
        object_id=object_id,
        description=facts["comment"],
        columns=tuple(_column(item, is_view=kind is not Kind.TABLE) for item in raw_columns),
        primary_key=tuple(names[key] for key in facts["primary_key"] or ()),
        foreign_keys=tuple(
            ForeignKey(tuple(names[key] for key in keys), (server.database, ref_schema, ref_table), tuple(refs))
            for keys, ref_schema, ref_table, refs in facts["foreign_keys"] or ()
        ),
        indexes=tuple(_index(item, names) for item in facts["indexes"] or ()),
        sql=facts["sql"].strip() if facts["sql"] is not None else None,
        rows=rows,
        bytes=size,
        partitions=(facts["partitions"] or 0) if facts["kind"] == "p" else None,
        properties=_properties(facts, kind),
    )


def _column(item: Sequence[Any], *, is_view: bool) -> Column:
    _, name, type_, not_null, identity, generated, expression, comment = item
    default = _IDENTITY.get(identity, expression)
    if generated in _GENERATED and expression is not None:
        default = f"GENERATED ALWAYS AS ({expression}) {_GENERATED[generated]}"
    told = (name, type_, None if is_view else not not_null, default, comment)
    # secrets are masked later: what may be one, or is long, is not kept beyond its table
    return _made(*told) if default is not None or comment is not None else _shared(*told)


def _made(name: str, type_: str, nullable: bool | None, default: str | None, comment: str | None) -> Column:  # noqa: FBT001 - a cache's key
    return Column(name, type_, nullable=nullable, default=default, description=comment)


_shared = lru_cache(maxsize=16_384)(_made)
"""One value for all columns that say the same, as most of a warehouse do: making one takes long."""


def _index(item: Sequence[Any], names: Mapping[int, str]) -> Index:
    name, unique, n_keys, keys, definitions = item
    # columns beyond the keys are only carried along (INCLUDE); key 0 is an expression
    columns = (names[key] if key else definitions[at] for at, key in enumerate(keys[:n_keys]))
    return Index(name, tuple(columns), unique=unique)


def _estimates(facts: Mapping[str, Any], server: Server) -> tuple[int | None, int | None]:
    if facts["kind"] == "v":
        return None, None
    tuples, pages = facts["tuples"], facts["pages"]
    if facts["partitions"] and facts["partition_tuples"] is not None:
        tuples, pages = facts["partition_tuples"], facts["partition_pages"]
    elif facts["kind"] == "p":
        return (None if tuples <= 0 else int(tuples)), None
    if tuples < 0 or (not server.says_unknown and not tuples and not pages):
        return None, None
    return int(tuples), None if facts["kind"] == "f" else int(pages) * server.block_bytes


def _properties(facts: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if facts["role"] is not None:
        properties["owner_role"] = facts["role"]
    if facts["server"] is not None:
        properties["foreign_server"] = facts["server"]
    if kind is not Kind.TABLE and facts["sql"] is None:
        properties[SQL_UNREADABLE] = "the server gave an error instead of the view's text"
    return properties
