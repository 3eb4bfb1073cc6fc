"""What Snowflake is asked, and how the rows of its answers become `Found` values and lines of rights.

Journey 1, step 1; used by `snowflake` alone, and pure. Columns: Snowflake's reference, "Snowflake Information Schema"
(TABLES, COLUMNS, VIEWS, SCHEMATA), "Account Usage" (TABLES, SCHEMATA, DATABASES) and the pages of the SHOW commands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.model.assets import SQL_UNREADABLE, Column, ForeignKey, Found, Index, Kind
from services.common.model.names import Namespace, from_catalog

Row = Mapping[str, Any]
"""A row of an answer, its columns by their names in upper case."""
TableKey = tuple[str, str]
"""Schema and name of a table in the database that is being read."""

SYSTEM_SCHEMA = "INFORMATION_SCHEMA"
TABLES = "SELECT * FROM {database}.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"
# asked once more at the end: what was made or dropped in between has columns, keys and text of different moments
AGAIN = """SELECT TABLE_SCHEMA, TABLE_NAME, CREATED
 FROM {database}.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"""
VIEWS = "SELECT * FROM {database}.INFORMATION_SCHEMA.VIEWS WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"
COLUMNS = """SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE,
 CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, COMMENT, IS_IDENTITY, IDENTITY_START, IDENTITY_INCREMENT
 FROM {database}.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"""
SCHEMATA = "SELECT * FROM {database}.INFORMATION_SCHEMA.SCHEMATA"
HISTORY = """SELECT SUM(BYTES_SCANNED) AS BYTES_SCANNED, SUM(EXECUTION_TIME) AS EXECUTION_TIME
 FROM TABLE({database}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_SESSION(RESULT_LIMIT => 10000))
 WHERE WAREHOUSE_SIZE IS NOT NULL"""
# which tables live and which are gone, whoever may see them; up to 90 minutes late, dropped ones for a year
USAGE_TABLES = """SELECT TABLE_ID, TABLE_SCHEMA, TABLE_NAME, CREATED, IFF(DELETED IS NULL, 'YES', 'NO') AS ALIVE
 FROM SNOWFLAKE.ACCOUNT_USAGE.TABLES
 WHERE TABLE_CATALOG = ? AND (DELETED IS NULL OR DELETED > DATEADD(day, -31, CURRENT_TIMESTAMP()))"""
USAGE_SCHEMATA = """SELECT SCHEMA_NAME, IFF(DELETED IS NULL, 'YES', 'NO') AS ALIVE FROM SNOWFLAKE.ACCOUNT_USAGE.SCHEMATA
 WHERE CATALOG_NAME = ? AND (DELETED IS NULL OR DELETED > DATEADD(day, -31, CURRENT_TIMESTAMP()))"""
USAGE_DATABASES = """SELECT DATABASE_NAME, IFF(DELETED IS NULL, 'YES', 'NO') AS ALIVE FROM SNOWFLAKE.ACCOUNT_USAGE.DATABASES
 WHERE DELETED IS NULL OR DELETED > DATEADD(day, -31, CURRENT_TIMESTAMP())"""
SHOW_CAP = 10_000
"""SHOW answers with at most so many rows, silently ("Usage notes" of each SHOW command)."""

# lengths that a type without one stands for: "String & binary data types", before and after the larger limits of 2025
_WHOLE_LENGTHS = {"TEXT": (16_777_216, 134_217_728), "BINARY": (8_388_608, 67_108_864)}
_LONGEST_TEXT = 16_777_216
_KINDS = {"VIEW": Kind.VIEW, "MATERIALIZED VIEW": Kind.MATERIALIZED_VIEW, "EXTERNAL TABLE": Kind.EXTERNAL_TABLE}
_FLAGS = ("TRANSIENT", "TEMPORARY", "ICEBERG", "HYBRID", "IMMUTABLE", "SECURE")


@dataclass(frozen=True, slots=True)
class Database:
    """A database: its name, and the share that it is imported from; `share` is None for one of the account's own."""

    name: str
    share: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Declared keys by table: primary, unique and foreign ones."""

    primary: Mapping[TableKey, tuple[str, ...]] = field(default_factory=dict)
    unique: Mapping[TableKey, tuple[Index, ...]] = field(default_factory=dict)
    foreign: Mapping[TableKey, tuple[ForeignKey, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What hangs on the tables of one database.

    Attributes:
        texts: the SQL of dynamic tables, where the role may read it.
        ids: the account's own numbers of tables, kept through renames; only those whose creation time agrees.

    """

    database: Database
    columns: Mapping[TableKey, tuple[Column, ...]]
    keys: Keys
    texts: Mapping[TableKey, str | None]
    ids: Mapping[tuple[str, str, dt.datetime], str]


def quoted(*names: str) -> str:
    """Names as one identifier in SQL, each quoted, so that case and signs are kept."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text as a literal, for the SHOW commands that take no bound values."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def times_from(rows: Iterable[Row]) -> dict[TableKey, dt.datetime | None]:
    """Rows of TABLES or AGAIN: when each table was made."""
    return {(row["TABLE_SCHEMA"], row["TABLE_NAME"]): row["CREATED"] for row in rows}


def database_from(row: Row) -> Database:
    """A row of SHOW DATABASES; what comes from a share says from where, else that it does."""
    origin = row.get("ORIGIN") or ""
    imported = "IMPORTED" in (row.get("KIND") or "").upper() or bool(origin)
    return Database(row["NAME"], (origin or "imported") if imported else None)


def columns_from(rows: Iterable[Row]) -> dict[TableKey, tuple[Column, ...]]:
    """Rows of COLUMNS by table, in the tables' own order."""
    gathered: dict[TableKey, list[tuple[int, Column]]] = {}
    for row in rows:
        column = Column(
            row["COLUMN_NAME"],
            type_of(row),
            nullable=row["IS_NULLABLE"] != "NO",
            default=_default_of(row),
            description=row["COMMENT"] or None,
        )
        gathered.setdefault((row["TABLE_SCHEMA"], row["TABLE_NAME"]), []).append((row["ORDINAL_POSITION"], column))
    return {key: tuple(column for _, column in sorted(items, key=lambda item: item[0])) for key, items in gathered.items()}


def type_of(row: Row) -> str:
    """A column's type with its length or precision, where they are not the type's own: `NUMBER(10,2)`, `TEXT(20)`."""
    name, length = row["DATA_TYPE"], row["CHARACTER_MAXIMUM_LENGTH"]
    if name == "NUMBER" and row["NUMERIC_PRECISION"] is not None:
        return f"NUMBER({row['NUMERIC_PRECISION']},{row['NUMERIC_SCALE'] or 0})"
    if name in _WHOLE_LENGTHS and length is not None and length not in _WHOLE_LENGTHS[name]:
        return f"{name}({length})"
    return str(name)


def _default_of(row: Row) -> str | None:
    if row.get("IS_IDENTITY") == "YES":
        return f"IDENTITY START {row['IDENTITY_START']} INCREMENT {row['IDENTITY_INCREMENT']}"
    default: str | None = row["COLUMN_DEFAULT"]
    return default


def keys_from(primary: Iterable[Row], unique: Iterable[Row], imported: Iterable[Row]) -> Keys:
    """Rows of SHOW PRIMARY KEYS, SHOW UNIQUE KEYS and SHOW IMPORTED KEYS by table."""
    indexes: dict[TableKey, list[Index]] = {}
    for (key, name), columns in _constraints(unique).items():
        indexes.setdefault(key, []).append(Index(name, columns, unique=True))
    references: dict[TableKey, dict[str, list[Row]]] = {}
    for row in sorted(imported, key=_sequence):
        if row["PK_TABLE_NAME"]:
            key = (row["FK_SCHEMA_NAME"], row["FK_TABLE_NAME"])
            references.setdefault(key, {}).setdefault(row["FK_NAME"], []).append(row)
    return Keys(
        {key: columns for (key, _), columns in _constraints(primary).items()},
        {key: tuple(sorted(items, key=lambda index: index.name)) for key, items in indexes.items()},
        {key: tuple(_reference(named[name]) for name in sorted(named)) for key, named in references.items()},
    )


def _sequence(row: Row) -> int:
    return int(row["KEY_SEQUENCE"])


def _constraints(rows: Iterable[Row]) -> dict[tuple[TableKey, str], tuple[str, ...]]:
    gathered: dict[tuple[TableKey, str], list[str]] = {}
    for row in sorted(rows, key=_sequence):
        key = ((row["SCHEMA_NAME"], row["TABLE_NAME"]), row["CONSTRAINT_NAME"])
        gathered.setdefault(key, []).append(row["COLUMN_NAME"])
    return {key: tuple(columns) for key, columns in gathered.items()}


def _reference(rows: Sequence[Row]) -> ForeignKey:
    first = rows[0]
    return ForeignKey(
        tuple(row["FK_COLUMN_NAME"] for row in rows),
        (first["PK_DATABASE_NAME"], first["PK_SCHEMA_NAME"], first["PK_TABLE_NAME"]),
        tuple(row["PK_COLUMN_NAME"] for row in rows),
    )


def ids_from(rows: Iterable[Row]) -> dict[tuple[str, str, dt.datetime], str]:
    """Numbers of living tables by schema, name and creation time: a name that a rename has just taken has another time."""
    return {
        (row["TABLE_SCHEMA"], row["TABLE_NAME"], row["CREATED"]): str(row["TABLE_ID"])
        for row in rows
        if row["ALIVE"] == "YES" and row["TABLE_ID"] is not None
    }


def lines(kind: str, shown: Iterable[str], usage: Iterable[tuple[str, bool]]) -> tuple[str, ...]:
    """What the role may see of a kind of thing, a line each: what is shown, and what is proven to have been dropped.

    Snowflake's rights are on each table, and both a REVOKE and a DROP take a table out of every view that the role may
    read, with all that was granted on it. So each table is a line of its own; one that is no longer shown keeps its line
    only where Account Usage says that its last bearer was dropped.

    Args:
        kind: `table`, `schema` or `database`.
        shown: the names that the role is shown.
        usage: names of Account Usage, and whether what had the name lives.

    """
    here = set(shown)
    alive = {name for name, lives in usage if lives}
    dropped = {name for name, lives in usage if not lives}
    return tuple(sorted(f"{kind} {name}" for name in here | (dropped - alive)))


def found_from(row: Row, view: Row | None, facts: Facts, namespace: Namespace) -> Found:
    """A row of TABLES (of VIEWS where that lacks it), with its row of VIEWS, as a table or view."""
    schema, name = key = (row["TABLE_SCHEMA"], row["TABLE_NAME"])
    kind = kind_of(row)
    is_view = kind in (Kind.VIEW, Kind.MATERIALIZED_VIEW)
    sql = _text(view["VIEW_DEFINITION"] if view else None) if is_view else _text(facts.texts.get(key))
    full = f"{facts.database.name}.{schema}.{name}"
    properties = _properties(row, view or {}, facts.database)
    if sql is None and (is_view or kind is Kind.DYNAMIC_TABLE):
        right = "MONITOR" if kind is Kind.DYNAMIC_TABLE else "OWNERSHIP"
        properties[SQL_UNREADABLE] = f"needs {right} on {full}"
    elif sql is not None and len(sql) >= _LONGEST_TEXT:
        sql, properties[SQL_UNREADABLE] = None, f"cut by the server at {_LONGEST_TEXT} characters"
    return Found(
        name=from_catalog(namespace, (facts.database.name, schema, name)),
        kind=kind,
        object_id=facts.ids.get((schema, name, row["CREATED"])),
        description=row["COMMENT"] or (view or {}).get("COMMENT") or None,
        columns=facts.columns.get(key, ()),
        primary_key=facts.keys.primary.get(key, ()),
        foreign_keys=facts.keys.foreign.get(key, ()),
        indexes=facts.keys.unique.get(key, ()),
        sql=sql,
        rows=None if kind is Kind.VIEW else row.get("ROW_COUNT"),
        bytes=None if kind is Kind.VIEW else row.get("BYTES"),
        last_altered=row["LAST_ALTERED"],
        properties=properties,
    )


def kind_of(row: Row) -> Kind:
    """What a row of TABLES is; a row of VIEWS has no type and is a view."""
    if row.get("IS_DYNAMIC") == "YES":
        return Kind.DYNAMIC_TABLE
    return _KINDS.get(row.get("TABLE_TYPE", "VIEW"), Kind.TABLE)


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _properties(row: Row, view: Row, database: Database) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if row["TABLE_OWNER"]:
        properties["owner_role"] = row["TABLE_OWNER"]
    if row.get("CLUSTERING_KEY"):
        properties["clustering_key"] = row["CLUSTERING_KEY"]
    if database.share is not None:
        properties["share"] = database.share
    for flag in _FLAGS:
        if row.get(f"IS_{flag}") == "YES" or view.get(f"IS_{flag}") == "YES":
            properties[flag.lower()] = True
    kind = row.get("TABLE_TYPE") or ""
    if kind == "EVENT TABLE":
        properties["event"] = True
    if "TEMPORARY" in kind:
        properties["temporary"] = True
    return properties
