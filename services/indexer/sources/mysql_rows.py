"""The statements that read a whole MySQL or MariaDB server, and how their rows become a `Found`.

Journey 1, step 1; used by `mysql` alone. Each row begins with database, table and position. Columns: the manuals' chapters
"INFORMATION_SCHEMA Tables"; what differs between the two was measured on MariaDB 10.11 and taken from MySQL 8's manual.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from services.common.model.assets import SQL_UNREADABLE, Column, ForeignKey, Found, Index, Kind
from services.common.model.names import Namespace, from_catalog

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
"""The server's own databases."""
ABOUT = "SELECT VERSION(), @@lower_case_table_names"
GRANTS = "SHOW GRANTS"
DATABASES = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"
BROKEN = "broken"
"""The property of a view that cannot be used, such as one whose table is gone: what the server says of it."""
SOME_COLUMNS = "columns_limited"
"""The property of a table of which the role sees only the columns that it may use."""

Facts = Sequence[str | None]
_ONE = "{0} = %s"
_ALL = "CAST({0} AS BINARY) NOT IN (%s, %s, %s, %s)"  # by bytes: a collation would take a database called Sys for sys
# sequences have no rows that people put there; temporary tables belong to a session
_TABLES = """
SELECT TABLE_SCHEMA, TABLE_NAME, 0, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH, CREATE_TIME, UPDATE_TIME,
       TABLE_COMMENT
  FROM information_schema.TABLES
 WHERE {TABLE_SCHEMA} AND TABLE_TYPE NOT IN ('SEQUENCE', 'SYSTEM VIEW', 'TEMPORARY', 'LOCAL TEMPORARY')
"""
_COLUMNS = """
SELECT TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,
       GENERATION_EXPRESSION, COLUMN_COMMENT
  FROM information_schema.COLUMNS WHERE {TABLE_SCHEMA}
"""
_STATISTICS = """
SELECT TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, {expression}
  FROM information_schema.STATISTICS WHERE {TABLE_SCHEMA}
"""
_FOREIGN_KEYS = """
SELECT TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA,
       REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
  FROM information_schema.KEY_COLUMN_USAGE WHERE {TABLE_SCHEMA} AND REFERENCED_TABLE_NAME IS NOT NULL
"""
_VIEWS = """
SELECT TABLE_SCHEMA, TABLE_NAME, 0, VIEW_DEFINITION, DEFINER FROM information_schema.VIEWS WHERE {TABLE_SCHEMA}
"""
_PARTITIONS = """
SELECT TABLE_SCHEMA, TABLE_NAME, 0, COUNT(*) FROM information_schema.PARTITIONS
 WHERE {TABLE_SCHEMA} AND PARTITION_NAME IS NOT NULL GROUP BY TABLE_SCHEMA, TABLE_NAME
"""
_CHECKS_MARIADB = """
SELECT CONSTRAINT_SCHEMA, TABLE_NAME, 0, CONSTRAINT_NAME, CHECK_CLAUSE
  FROM information_schema.CHECK_CONSTRAINTS WHERE {CONSTRAINT_SCHEMA}
"""
_CHECKS_MYSQL = """
SELECT t.TABLE_SCHEMA, t.TABLE_NAME, 0, t.CONSTRAINT_NAME, c.CHECK_CLAUSE
  FROM information_schema.TABLE_CONSTRAINTS t
  JOIN information_schema.CHECK_CONSTRAINTS c
    ON c.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = t.CONSTRAINT_NAME
 WHERE {t.TABLE_SCHEMA} AND t.CONSTRAINT_TYPE = 'CHECK'
"""
# engines whose rows are elsewhere
_EXTERNAL = frozenset({"CONNECT", "FEDERATED", "S3", "SPIDER"})
_OF_A_VIEW = ("VIEW", "", None)
_NUMBERS = ("int", "tinyint", "smallint", "mediumint", "bigint", "decimal", "float", "double", "year")


@dataclass(frozen=True, slots=True)
class Server:
    """What a row does not say: where the table is, and how this server writes expressions."""

    namespace: Namespace
    is_mariadb: bool
    ignore_case: bool


def statements(database: str | None, *, is_mariadb: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The statement and its values for each part of a table, for one database or for all but the server's own."""
    condition, values = (_ALL, SYSTEM) if database is None else (_ONE, (database,))
    texts = {
        "TABLES": _TABLES,
        "COLUMNS": _COLUMNS,
        "STATISTICS": _STATISTICS.replace("{expression}", "NULL" if is_mariadb else "EXPRESSION"),
        "FOREIGN KEYS": _FOREIGN_KEYS,
        "VIEWS": _VIEWS,
        "PARTITIONS": _PARTITIONS,
        "CHECKS": _CHECKS_MARIADB if is_mariadb else _CHECKS_MYSQL,
    }
    for column in ("t.TABLE_SCHEMA", "TABLE_SCHEMA", "CONSTRAINT_SCHEMA"):
        where = condition.format(column)
        texts = {part: text.replace(f"{{{column}}}", where) for part, text in texts.items()}
    return {part: (text, values) for part, text in texts.items()}


def trouble(parts: Mapping[str, Sequence[Facts]]) -> str | None:
    """Why a listed table was not read; None where it was. It may exist, so nothing may be said of it."""
    type_, engine, *_, comment = parts["TABLES"][0]
    if type_ == "VIEW" and _is_broken(comment):
        return None  # it has no columns that could be shown
    if engine is None and not (type_ == "VIEW" and comment in _OF_A_VIEW):
        return comment or "the server says nothing of it"  # an error stands where the comment should be
    if "COLUMNS" not in parts:
        return "no column was shown: it was changed during the crawl, or the role needs REFERENCES on it"
    return None


def found_from(database: str, name: str, parts: Mapping[str, Sequence[Facts]], server: Server) -> Found:
    """A table or view with everything that the statements said of it; `trouble` has been asked before."""
    type_, engine, rows, data, index, created, updated, comment = parts["TABLES"][0]
    is_view = type_ == "VIEW"
    keys = _keys(parts.get("STATISTICS", ()))
    definition, definer = parts["VIEWS"][0] if "VIEWS" in parts else (None, None)
    properties: dict[str, Any] = {"engine": engine, "definer": definer}
    if is_view and not definition:
        properties[SQL_UNREADABLE] = f"needs SELECT and SHOW VIEW on {database}.{name}"
    if is_view and _is_broken(comment):
        properties[BROKEN] = comment
    if type_ == "SYSTEM VERSIONED":
        properties["system_versioned"] = True
    if "CHECKS" in parts:
        properties["checks"] = dict(sorted((str(check), clause) for check, clause in parts["CHECKS"]))
    sizes = [int(size) for size in (data, index) if size is not None]
    return Found(
        name=from_catalog(server.namespace, (database, name)),
        kind=Kind.VIEW if is_view else Kind.EXTERNAL_TABLE if (engine or "").upper() in _EXTERNAL else Kind.TABLE,
        description=None if is_view else comment or None,
        columns=tuple(_column(facts, server, is_view=is_view) for facts in parts.get("COLUMNS", ())),
        primary_key=tuple(str(facts[2]) for facts in keys.pop("PRIMARY", ())),
        foreign_keys=_foreign_keys(parts.get("FOREIGN KEYS", ())),
        indexes=tuple(_index(key, facts) for key, facts in keys.items()),
        sql=(definition or None) if is_view else None,
        rows=int(rows) if rows is not None and not is_view else None,
        bytes=sum(sizes) if sizes and not is_view else None,
        partitions=int(parts["PARTITIONS"][0][0] or 0) if "PARTITIONS" in parts else None,
        last_altered=max(filter(None, (_time(created), _time(updated))), default=None),
        properties={key: value for key, value in properties.items() if value is not None},
    )


def _is_broken(comment: str | None) -> bool:
    # the messages of errors 1356 and 1449, in the English that the session asked for
    return bool(comment) and ("references invalid table" in str(comment) or "specified as a definer" in str(comment))


def _column(facts: Facts, server: Server, *, is_view: bool) -> Column:
    name, type_, nullable, default, extra, generation, comment = facts
    return Column(
        str(name),
        type_,
        nullable=nullable == "YES",
        default=None if is_view else _default(str(type_), default, extra or "", generation, server),
        description=comment or None,
    )


def _default(type_: str, default: str | None, extra: str, generation: str | None, server: Server) -> str | None:
    said = extra.lower()
    if generation:
        text = generation if server.is_mariadb else generation.replace("\\'", "'")
        return f"GENERATED ALWAYS AS ({text}) {'VIRTUAL' if 'virtual' in said else 'STORED'}"
    if "auto_increment" in said:
        return "AUTO_INCREMENT"
    if default is not None and not server.is_mariadb and "default_generated" not in said:
        default = _literal(type_, default)
    if default is None or default == "NULL":
        default = None  # MariaDB writes the word for a column that is NULL unless something is put there
    _, on, update = said.partition("on update ")
    update = extra[len(extra) - len(update) :]  # as it is spelled
    return " ".join(filter(None, (default, f"ON UPDATE {update}" if on else None))) or None


def _literal(type_: str, value: str) -> str:
    """A value as SQL writes it: MySQL shows defaults without their quotes."""
    if type_.partition("(")[0].partition(" ")[0].lower() in _NUMBERS or value.startswith(("b'", "0x")):
        return value
    return "'" + value.replace("'", "''") + "'"


def _keys(facts: Sequence[Facts]) -> dict[str, list[Facts]]:
    """The columns of each index in order; indexes by name."""
    ordered = sorted(facts, key=lambda item: str(item[0]))  # stable: positions stay in order
    return {str(key): list(items) for key, items in groupby(ordered, key=itemgetter(0))}


def _index(name: str, facts: Sequence[Facts]) -> Index:
    columns = (f"{column}({prefix})" if prefix else column or expression or "" for _, _, column, prefix, expression in facts)
    return Index(name, tuple(columns), unique=facts[0][1] == "0")


def _foreign_keys(facts: Sequence[Facts]) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            tuple(str(item[1]) for item in items),
            (str(items[0][2]), str(items[0][3])),
            tuple(str(item[4]) for item in items),
        )
        for items in _keys(facts).values()
    )


def _time(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) if text else None
    except ValueError:
        return None  # a date of zeros
