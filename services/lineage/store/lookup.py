"""Rows by many keys, in statements that both databases take whatever the number of keys. Used by the other stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Delete, Row, Select, Update, bindparam, func

T = TypeVar("T")
KEYS = 1_000
"""In one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


def rows_with(connection: Connection, query: Select[Any], column: Column[Any], keys: Collection[Any]) -> Iterator[Row[Any]]:
    """The rows of `query` whose `column` is one of `keys`."""
    for part in chunks(sorted(keys)):
        yield from connection.execute(query.where(column.in_(part)))


def keyed(query: Select[Any], column: Column[Any]) -> Select[Any]:
    """`query` for rows whose `column` is one of the keys that `rows_of` gives: made once, because that takes longer than asking."""
    return query.where(column.in_(bindparam("keys", expanding=True)))


def rows_of(connection: Connection, query: Select[Any], keys: Collection[Any]) -> Iterator[Row[Any]]:
    """The rows of a query that `keyed` made."""
    for part in chunks(sorted(keys)):
        yield from connection.execute(query, {"keys": part}).all()


def dicts_with(
    connection: Connection, query: Select[Any], column: Column[Any], keys: Collection[Any]
) -> Iterator[dict[str, Any]]:
    """As `rows_with`, each row as values by the names of the columns."""
    for part in chunks(sorted(keys)):
        for row in connection.execute(query.where(column.in_(part))).mappings():
            yield {str(name): value for name, value in row.items()}


def write_with(connection: Connection, statement: Update | Delete, column: Column[Any], keys: Collection[Any]) -> None:
    """Run `statement` on the rows whose `column` is one of `keys`."""
    for part in chunks(sorted(keys)):
        connection.execute(statement.where(column.in_(part)))


def chunks(keys: Sequence[T], size: int = KEYS) -> Iterator[Sequence[T]]:
    """`keys` in pieces that fit one statement."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def beyond_ascii(connection: Connection, text: Column[Any]) -> ColumnElement[bool]:
    """Whether a text has letters of which a database may know no other case: SQLite knows those of ASCII, PostgreSQL its locale's."""
    if connection.dialect.name == "postgresql":
        return func.octet_length(text) > func.char_length(text)
    return text.op("GLOB", is_comparison=True)("*[^\x01-\x7f]*")
