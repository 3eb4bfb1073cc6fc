"""Statements of query logs as they are stored: what each does to tables as it names them, and as datasets. No text.

Journey 3, step "log → facts".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from services.common.model.names import AssetId
from services.lineage.store.log_tables import log_mention, log_statement
from services.lineage.store.lookup import rows_with, write_with
from services.lineage.store.tables import node

PARSED, PARTLY, UNPARSED = "parsed", "partly", "unparsed"


@dataclass(frozen=True, slots=True)
class Told:
    """What a statement does to datasets: what its tables stand for (None: nothing), and those that it reads and writes."""

    tables: tuple[AssetId | None, ...]
    reads: tuple[AssetId, ...]
    writes: tuple[AssetId, ...]

    def as_json(self) -> list[list[str | None]]:
        """As JSON; `told_in` reads it."""
        return [list(self.tables), list(self.reads), list(self.writes)]


def told_in(value: list[list[str | None]]) -> Told:
    """What `as_json` wrote."""
    tables, reads, writes = value
    return Told(
        tuple(None if one is None else AssetId(one) for one in tables),
        tuple(AssetId(one) for one in reads if one),
        tuple(AssetId(one) for one in writes if one),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One statement.

    Attributes:
        id: 0 for one that is not stored yet.
        around, said: JSON of `Around` and `Usage`.

    """

    id: int
    fingerprint: str
    source: str
    namespace: str
    dialect: str
    kind: str
    state: str
    problem: str | None
    around: list[Any]
    said: list[Any]
    told: Told


@dataclass(frozen=True, slots=True)
class Mention:
    """A dataset that a statement may mean. `open`: no crawl has shown what is meant; `last` finds it when one does."""

    dataset: AssetId
    last: str
    open: bool


def by_fingerprint(connection: Connection, fingerprints: Collection[str]) -> dict[str, Row]:
    """The statements among `fingerprints` that are stored."""
    found = rows_with(connection, select(log_statement), log_statement.c.fingerprint, fingerprints)
    return {row.fingerprint: row for row in map(_row, found)}


@dataclass(frozen=True, slots=True)
class Brief:
    """What counting a statement needs: its number, why it could not be read, and whether it writes anything."""

    id: int
    problem: str | None
    writes: bool


def briefs(connection: Connection, fingerprints: Collection[str]) -> dict[str, Brief]:
    """The statements among `fingerprints` that are stored, without what they do."""
    statement = log_statement.c
    query = select(statement.fingerprint, statement.id, statement.problem, statement.told)
    found = rows_with(connection, query, statement.fingerprint, fingerprints)
    return {row.fingerprint: Brief(row.id, row.problem, bool(row.told[2])) for row in found}


def by_id(connection: Connection, ids: Collection[int]) -> dict[int, Row]:
    """The statements of these numbers."""
    return {row.id: row for row in map(_row, rows_with(connection, select(log_statement), log_statement.c.id, ids))}


def add(connection: Connection, rows: Iterable[Row]) -> dict[str, int]:
    """Store statements that are not there; returns their numbers by fingerprint."""
    values = [
        {
            "fingerprint": row.fingerprint,
            "source": row.source,
            "namespace": row.namespace,
            "dialect": row.dialect,
            "kind": row.kind,
            "state": row.state,
            "problem": row.problem,
            "around": row.around,
            "said": row.said,
            "told": row.told.as_json(),
        }
        for row in rows
    ]
    if not values:
        return {}
    connection.execute(insert(log_statement), values)
    query = select(log_statement.c.fingerprint, log_statement.c.id)
    found = rows_with(connection, query, log_statement.c.fingerprint, [value["fingerprint"] for value in values])
    return {row.fingerprint: row.id for row in found}


def tell(connection: Connection, told: Mapping[int, Told]) -> None:
    """Say anew what statements stand for."""
    for id_, one in told.items():
        connection.execute(update(log_statement).where(log_statement.c.id == id_).values(told=one.as_json()))


def place(connection: Connection, found: Mapping[int, tuple[str, str, list[Any]]]) -> None:
    """Say of statements that nobody owned whose they are: the source, its namespace, and JSON of `Around`."""
    for id_, (source, namespace, around) in found.items():
        change = update(log_statement).where(log_statement.c.id == id_)
        connection.execute(change.values(source=source, namespace=namespace, around=around))


def put_mentions(connection: Connection, mentions: Mapping[int, Iterable[Mention]]) -> None:
    """Say what statements may mean, in place of what was said before."""
    write_with(connection, delete(log_mention), log_mention.c.statement_id, mentions.keys())
    rows = [
        {"statement_id": id_, "dataset_id": one.dataset, "last": one.last, "open": one.open}
        for id_, wanted in mentions.items()
        for one in {one.dataset: one for one in wanted}.values()
    ]
    if rows:
        connection.execute(insert(log_mention), rows)


def waiting(connection: Connection) -> Iterator[int]:
    """Statements with a name that no crawl had shown, of which one has now shown a dataset that is called so."""
    lasts = {row.last for row in connection.execute(select(log_mention.c.last).where(log_mention.c.open).distinct())}
    if not lasts:
        return
    shown = select(node.c.parts).where(node.c.listed, ~node.c.gone)
    there = {parts[-1].lower() for (parts,) in connection.execute(shown)} & lasts
    query = select(log_mention.c.statement_id).where(log_mention.c.open).distinct()
    for row in rows_with(connection, query, log_mention.c.last, there):
        yield row.statement_id


def _row(row: Any) -> Row:
    return Row(
        id=row.id,
        fingerprint=row.fingerprint,
        source=row.source,
        namespace=row.namespace,
        dialect=row.dialect,
        kind=row.kind,
        state=row.state,
        problem=row.problem,
        around=row.around,
        said=row.said,
        told=told_in(row.told),
    )
