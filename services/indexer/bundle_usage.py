"""Usage in a bundle: the statements of query logs that touch only what one scope shows, in a SQLite file of the indexer's tables.

A statement counts for a reader only where every table of it is shown, so that leaving the others out changes no answer. Who ran
it is a number in a bundle of a scope.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection, Table, select

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, Namespaces, scope_path
from services.common.runtime.db import Database
from services.common.runtime.snapshot import Copied, Row, write_snapshot
from services.indexer.index.snapshot import Snapshot
from services.indexer.store.tables import METADATA, usage_position, usage_run, usage_statement
from services.indexer.usage import store
from services.indexer.usage.service import Usage
from services.indexer.usage.statements import Statement

WEIGHTS = "used-together.json"


def write_usage(
    database: Database,
    file: Path,
    scope: AccessScope,
    known: Mapping[AssetId, bool],
    namespaces: Namespaces,
    programs: Mapping[str, float],
) -> None:
    """Write what the logs tell inside a scope to a new file.

    Args:
        database: the indexer's own.
        file: where to; must not exist.
        scope: what may be in it.
        known: whether the scope shows a table, of all that a crawl, SQL or events have named.
        namespaces: whose sources own tables that only logs name.
        programs: what a run of each user counts who behaves as a program.

    """
    copy = _Copy(scope, known, namespaces, programs)
    with database.read() as connection:
        tables = (usage_statement, copy.statements), (usage_run, copy.runs), (usage_position, copy.positions)
        write_snapshot(connection, file, METADATA, [Copied(table, rows) for table, rows in tables])


def read_usage(
    database: Database, folder: Path, snapshot: Callable[[], Snapshot], namespaces: Callable[[], Namespaces], min_people: int
) -> Usage:
    """Recommendations over a bundle in `folder`, with the weights that its catalog had learned."""
    usage = Usage(database, snapshot, namespaces, home=folder, min_people=min_people)
    with database.read() as connection:
        query = select(usage_run.c.user, usage_run.c.weight).where(usage_run.c.weight != 1.0).distinct()
        usage.count_programs({row.user: row.weight for row in connection.execute(query)})
    return usage


class _Copy:
    """The rows of one copy. Runs are those of the statements that came before."""

    def __init__(
        self, scope: AccessScope, known: Mapping[AssetId, bool], namespaces: Namespaces, programs: Mapping[str, float]
    ) -> None:
        self._scope = scope
        self._known = known
        self._namespaces = namespaces
        self._programs = programs
        self._kept: Collection[str] = ()

    def statements(self, connection: Connection) -> Iterator[Row]:
        self._kept = {one.fingerprint for one in store.read(connection) if self._shows(one)}
        for row in _rows(connection, usage_statement):
            if row["fingerprint"] in self._kept:
                yield row

    def runs(self, connection: Connection) -> Iterator[Row]:
        numbers: dict[str, str] = {"": ""}
        for row in _rows(connection, usage_run):
            if row["fingerprint"] in self._kept:
                user = row["user"] if self._scope.is_full else numbers.setdefault(row["user"], f"u{len(numbers)}")
                yield {**row, "user": user, "weight": self._programs.get(row["user"], 1.0)}

    def positions(self, connection: Connection) -> Iterator[Row]:
        yield from _rows(connection, usage_position)

    def _shows(self, statement: Statement) -> bool:
        """Whether the scope shows all that a statement touches or names; of what is in doubt it is taken that it does not."""
        if self._scope.is_full:
            return True
        tables = {*statement.touched, *statement.names}
        tables |= {end for join in statement.joins for end in (join.left, join.right)} | {
            use.asset for use in statement.uses
        }
        return all(self._shows_table(statement, table) for table in tables)

    def _shows_table(self, statement: Statement, table: AssetId) -> bool:
        if table in self._known:
            return self._known[table]
        name = statement.names.get(table)
        if name is None:
            return False
        source = self._namespaces.source_of(name.namespace, name.parts[0] if len(name.parts) > 1 else None)
        return self._scope.permits(scope_path(source, name.parts))


def _rows(connection: Connection, table: Table) -> Iterator[Row]:
    query = select(table).order_by(*table.primary_key.columns)
    yield from map(dict, connection.execute(query).mappings().all())
