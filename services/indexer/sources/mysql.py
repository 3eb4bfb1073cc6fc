"""MySQL and MariaDB: a fixed number of statements on information_schema, spooled by table and then streamed.

Journey 1, step 1. No row of a user's table is ever read. Neither server has one snapshot of all of information_schema, so
what changed between two statements is noticed (a table without columns, the server's warnings) and its database incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from services.common.errors import SourceFailed
from services.common.model.assets import SQL_UNREADABLE, Container, ContainerRead, ContainersListed, Found
from services.common.model.crawls import SourceInfo
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import mysql_rows as rows
from services.indexer.sources.mysql_grants import Grants, quoted
from services.indexer.sources.mysql_rows import Server
from services.indexer.sources.mysql_session import Session, told_as
from services.indexer.sources.mysql_spool import Spool
from services.indexer.sources.mysql_url import connection_parameters
from services.indexer.sources.source import Item, MissingGrant, Selection, Source

_NAMED = 3


@dataclass(slots=True)
class _Read:
    """What was read: databases in order, what the role may do, and the rows of all statements."""

    server: Server
    databases: list[str]
    grants: Grants
    warnings: list[str] = field(default_factory=list)
    spool: Spool = field(default_factory=Spool)


class MySqlSource(Source):
    """A MySQL or MariaDB server, or one database of it; a container is a database, a name's parts are database and table.

    The names are those that the server stores. Partitions are folded into their table. Sequences are left out. Where
    something of a table could not be read, the table is not yielded and its database is not complete.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = replace(info, database=connection_parameters(settings.url)["database"])
        self._settings = settings
        self._selection = Selection.of(settings)
        self._sent: list[str] = []
        self._read: _Read | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        """Thirteen statements however many tables there are, and `SHOW WARNINGS` after one that led to any."""
        return tuple(self._sent)

    def expected(self) -> int:
        """How many tables and views the globs let through; reads information_schema if that has not happened yet."""
        read = self._all()
        return sum(1 for database in read.databases for _ in self._tables(read, database))

    def read(self) -> Iterator[Item]:
        """Database by database, table by table, in the order of their names. Reading again gives the same again.

        Raises:
            SourceFailed: the server cannot be reached or does not answer, or there is no such database for the role.

        """
        read = self._all()
        namespace = self._info.namespace
        if self._info.database is not None and not read.databases:
            raise SourceFailed(self._not_shown(self._info.database))
        for database in read.databases:
            failures = [warning for warning in read.warnings if _concerns(warning, database, read.databases)]
            unread: list[str] = []
            for name, parts in self._tables(read, database):
                reason = rows.trouble(parts)
                if reason is None:
                    yield self._found(read, database, name, parts)
                else:
                    unread.append(f"{name}: {reason}")
            failures += unread[:_NAMED] + ([f"{len(unread) - _NAMED} tables more"] if len(unread) > _NAMED else [])
            failure = " ".join(f"database {database}: {'; '.join(failures)}".split()) if failures else None
            container = Container(namespace, (database,))
            yield ContainerRead(container, complete=not failures, failure=failure, grants=read.grants.lines(database))
        if self._info.database is None:
            yield ContainersListed(Container(namespace, ()), grants=read.grants.listing(read.databases))

    def close(self) -> None:
        """Forget what was read; the connection is closed as soon as that has happened."""
        if self._read is not None:
            self._read.spool.close()
            self._read = None

    def grants(self) -> str:
        """Two privileges, of which only the second would let the role read rows; a crawl uses neither for that."""
        target, role = self._target(self._info.database), self._role()
        return (
            f"CREATE USER IF NOT EXISTS {role} IDENTIFIED BY 'change-me';\n"
            "-- names, columns, comments, keys and sizes; no row can be read with it\n"
            f"GRANT REFERENCES ON {target} TO {role};\n"
            "-- the SQL of views, and so their lineage: the server shows it only to who may also read; leave it out if that is\n"
            "-- too much\n"
            f"GRANT SELECT, SHOW VIEW ON {target} TO {role};\n"
        )

    def missing(self) -> Iterator[MissingGrant]:
        """What no grant of the role gives, database by database; for a database that is not shown, all of it."""
        read = self._all()
        if self._info.database is not None and not read.databases:
            target = self._target(self._info.database)
            yield MissingGrant(f"GRANT REFERENCES ON {target} TO {self._role()}", f"all of {self._info.database}")
        for database in read.databases:
            yield from self._missing_in(read, database)

    def _missing_in(self, read: _Read, database: str) -> Iterator[MissingGrant]:
        target, role, grants = self._target(database), self._role(), read.grants
        if not (grants.allows("REFERENCES", database) or grants.allows("SELECT", database)):
            lost = f"tables and columns of {database} that no grant of the role names"
            yield MissingGrant(f"GRANT REFERENCES ON {target} TO {role}", lost)
        founds = (
            self._found(read, database, name, parts) for name, parts in self._tables(read, database) if "VIEWS" in parts
        )
        views = sum(1 for found in founds if SQL_UNREADABLE in found.properties)
        if views:
            lost = f"the SQL of views of {database} ({views}), and so their lineage"
            yield MissingGrant(f"GRANT SELECT, SHOW VIEW ON {target} TO {role}", lost)

    def _target(self, database: str | None) -> str:
        if database is None:
            return "*.*"
        return quoted(re.sub(r"[_%\\]", r"\\\g<0>", database)) + ".*"  # in a grant these signs are wild

    def _role(self) -> str:
        user = connection_parameters(self._settings.url)["user"] or "headwater_reader"
        return f"{quoted(user)}@'%'"

    def _tables(self, read: _Read, database: str) -> Iterator[tuple[str, dict[str, list[list[str | None]]]]]:
        for name, parts in read.spool.tables(database):
            if "TABLES" in parts and self._selection.permits((database, name)):
                yield name, parts

    def _found(self, read: _Read, database: str, name: str, parts: dict[str, list[list[str | None]]]) -> Found:
        found = rows.found_from(database, name, parts, read.server)
        if read.grants.shows_all_columns(database, name):
            return found
        return replace(found, properties={**found.properties, rows.SOME_COLUMNS: "to those that the role may use"})

    def _not_shown(self, database: str) -> str:
        return (
            f"{self._info.name}: there is no database {database} on {self._info.namespace}, or the role may do nothing in it"
        )

    def _all(self) -> _Read:
        if self._read is None:
            parameters = connection_parameters(self._settings.connection_url())
            with (
                told_as(f"{self._info.name}: MySQL at {self._info.namespace}", parameters["password"]),
                closing(Session(parameters, self._settings.timeout_s, self._sent)) as session,
            ):
                session.begin()
                self._read = self._read_everything(session)
        return self._read

    def _read_everything(self, session: Session) -> _Read:
        is_mariadb = session.flavor == "MariaDB"
        ((_, case),) = session.rows(rows.ABOUT)
        server = Server(self._info.namespace, is_mariadb=is_mariadb, ignore_case=case != "0")
        grants = Grants.of((str(line) for (line,) in session.rows(rows.GRANTS)), ignore_case=server.ignore_case)
        shown = sorted(str(name) for (name,) in session.rows(rows.DATABASES))
        wanted = self._info.database
        databases = [name for name in shown if (name not in rows.SYSTEM if wanted is None else name == wanted)]
        read = _Read(server, databases, grants)
        try:
            for part, (statement, values) in rows.statements(wanted, is_mariadb=is_mariadb).items():
                read.spool.add(part, session.rows(statement, values))
        except BaseException:
            read.spool.close()
            raise
        read.spool.sort()
        read.warnings = list(dict.fromkeys(session.warnings))
        return read


def _concerns(warning: str, database: str, databases: Sequence[str]) -> bool:
    """Whether a warning is about a database: one that names none may be about any."""
    named = [name for name in databases if f"'{name}." in warning or f"`{name}`." in warning]
    return database in named or not named
