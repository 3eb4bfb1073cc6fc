"""Rows by many keys, in statements that both databases take whatever the number of keys. Used by the other stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Delete, Row, Select, Update

T = TypeVar("T")
KEYS = 1_000
"""In one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


def rows_with(connection: Connection, query: Select[Any], column: Column[Any], keys: Collection[Any]) -> Iterator[Row[Any]]:
    """The rows of `query` whose `column` is one of `keys`."""
    for part in chunks(sorted(keys)):
        yield from connection.execute(query.where(column.in_(part)))


def write_with(connection: Connection, statement: Update | Delete, column: Column[Any], keys: Collection[Any]) -> None:
    """Run `statement` on the rows whose `column` is one of `keys`."""
    for part in chunks(sorted(keys)):
        connection.execute(statement.where(column.in_(part)))


def chunks(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """`keys` in pieces that fit one statement."""
    for start in range(0, len(keys), KEYS):
        yield keys[start : start + KEYS]
