"""Many rows as columns of joined texts: a build of the graph reads millions of values, and the driver makes no object of each.

Journey 3, step "graph". The database puts a column's values together; that takes a third of reading them as rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Table, bindparam, func, literal_column, select

ROWS = 5_000
"""In a block: what is made of them stays in the processor's cache, and a statement costs what a hundred rows do."""
SEPARATOR = "\x1e"
"""Between values, ASCII's record separator: JSON and ids never hold it. Where a value does, others are tried."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column of a block, in the order of its rows.

    Attributes:
        joined: all of them, with `separator` between.
        separator: stands in none of them.
        size: how many they are, at least one.

    """

    joined: str
    separator: str
    size: int

    @classmethod
    def of(cls, values: Sequence[str]) -> Column:
        """A column of these values."""
        separator = SEPARATOR
        while any(separator in value for value in values):
            separator = _another()
        return cls(separator.join(values), separator, len(values))

    def values(self) -> list[str]:
        """Each of them."""
        return self.joined.split(self.separator)

    def same(self) -> str | None:
        """The value that all of them are; None where they differ."""
        first = self.joined.partition(self.separator)[0]
        alike = len(self.joined) == self.size * (len(first) + len(self.separator)) - len(self.separator)
        return first if alike and self.joined == self.separator.join([first] * self.size) else None

    def is_whole(self) -> bool:
        """Whether the separator stands in no value."""
        return self.joined.count(self.separator) == self.size - 1


Block = tuple[Column, ...]
"""The columns of some rows."""


def block_of(rows: Sequence[Sequence[str]]) -> Block:
    """The columns of rows that are at hand; at least one."""
    return tuple(map(Column.of, zip(*rows, strict=True)))


def blocks_of(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """The same of any number of rows, in blocks."""
    left = iter(rows)
    while some := list(islice(left, ROWS)):
        yield block_of(some)


def blocks(
    connection: Connection, table: Table, columns: Sequence[ColumnElement[str]], *where: ColumnElement[bool]
) -> Iterator[Block]:
    """The rows of `table` that pass `where`, as blocks of `columns`; where its key is a number, in order of that.

    Args:
        connection: that reads one state of the store.
        table: with a column `id`, its key.
        columns: texts, never NULL.
        where: all of these.

    """
    key, bounds = _places(connection, table)
    rows: Any = select(*(column.label(f"c{at}") for at, column in enumerate(columns))).select_from(table)
    rows = rows.where(*where, key >= bindparam("first"), key < bindparam("end"))
    if connection.dialect.name != "sqlite":  # goes through its rows in their order; told to, it takes twice as long
        rows = rows.order_by(key)
    query = _joined(rows, SEPARATOR)
    for first, end in pairwise(bounds):
        given = {"first": first, "end": end}
        size, *texts = connection.execute(query, given).one()
        if not size:
            continue
        block = tuple(Column(text, SEPARATOR, size) for text in texts)
        while not all(map(Column.is_whole, block)):
            separator = _another()
            _, *texts = connection.execute(_joined(rows, separator), given).one()
            block = tuple(Column(text, separator, size) for text in texts)
        yield block


def _joined(rows: Any, separator: str) -> Any:
    columns = rows.subquery().c
    return select(func.count(), *(func.aggregate_strings(column, separator) for column in columns))


@contextmanager
def ahead(found: Iterator[Block]) -> Iterator[Iterator[Block]]:
    """The same blocks; while one is used, the next is read: the database needs no interpreter for it.

    Inside of this the connection belongs to these blocks until there are no more. At its end nobody reads any more, whatever
    happened: a connection that is closed while another thread reads with it ends the process.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="lineage-read") as reader:
        yield _ahead(found, reader)


def _ahead(found: Iterator[Block], reader: ThreadPoolExecutor) -> Iterator[Block]:
    coming = reader.submit(next, found, None)
    while (block := coming.result()) is not None:
        coming = reader.submit(next, found, None)
        yield block


def _places(connection: Connection, table: Table) -> tuple[ColumnElement[Any], list[Any]]:
    """What rows are kept by, and values of it between which there are about `ROWS` of them."""
    key: ColumnElement[Any] = table.c.id
    if connection.dialect.name == "sqlite":  # in order of any other key, each row would be looked up by itself
        key = literal_column(f"{table.name}.rowid", Integer)
    if isinstance(key.type, Integer):
        first, last = connection.execute(select(func.min(key), func.max(key)).select_from(table)).one()
        return key, [] if first is None else [*range(first, last + 1, ROWS), last + 1]
    numbered = select(key.label("key"), func.row_number().over(order_by=key).label("number")).subquery()
    every = select(numbered.c.key).where(numbered.c.number % ROWS == 0).order_by(numbered.c.key)
    last = connection.execute(select(func.max(key))).scalar()
    return key, [] if last is None else ["", *connection.execute(every).scalars(), last + "\x01"]


def _another() -> str:
    """A separator that stands in no text but by an accident of one in 2^122."""
    return f"{SEPARATOR}{uuid.uuid4()}{SEPARATOR}"
