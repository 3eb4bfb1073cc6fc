"""What ran on a PostgreSQL server, from the extension `pg_stat_statements`: texts without literals, and how often each ran.

https://www.postgresql.org/docs/current/pgstatstatements.html. The counts are totals since somebody reset them; what was added
since the last crawl is what is new. Needs the right to read them: `GRANT pg_read_all_stats`. Journey 3, step "log → lines".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

from services.common.errors import SourceFailed
from services.common.model.platforms import canonical_scheme
from services.common.model.usage import LogLine
from services.common.runtime.source_settings import SourceSettings
from services.indexer.logs.line import Entry, Skipped, Why
from services.indexer.logs.open import OpenLog
from services.indexer.logs.physical import Found
from services.indexer.sources.postgresql_url import connection_parameters

FORMAT = "pg_stat_statements"
_WHERE = """
SELECT n.nspname FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'
"""
_READ = """
SELECT r.rolname, s.query, s.calls FROM {view} s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
ORDER BY s.queryid, s.userid
"""
_HIDDEN = "<insufficient privilege>"
_ROWS = 1_000


def keeps_statements(settings: SourceSettings) -> bool:
    """Whether a crawl of the source is to read what ran there."""
    return settings.query_log and canonical_scheme(settings.url.partition("://")[0]) == "postgres"


def open_statements(name: str, settings: SourceSettings) -> OpenLog:
    """What the source's server tells; it is asked when entries are read.

    Raises (while entries are read):
        SourceFailed: it cannot be reached, or has no such extension in this database.

    """
    return OpenLog(FORMAT, _entries(name, settings), Found())


def _entries(name: str, settings: SourceSettings) -> Iterator[Entry]:
    try:
        with psycopg.connect(**connection_parameters(settings.connection_url()), prepare_threshold=None) as connection:
            connection.read_only = True
            found = connection.execute(_WHERE).fetchone()
            if found is None:
                raise SourceFailed(f"{name}: no extension pg_stat_statements in the database; CREATE EXTENSION makes it")
            with connection.cursor("headwater_statements") as cursor:
                cursor.itersize = _ROWS
                cursor.execute(sql.SQL(_READ).format(view=sql.Identifier(found[0], "pg_stat_statements")))
                yield from _lines(cursor, connection.info.dbname)
    except psycopg.Error as error:
        # the driver's text may quote a statement; its class and state do not
        raise SourceFailed(
            f"{name}: pg_stat_statements cannot be read ({type(error).__name__} {error.sqlstate or ''})"
        ) from None


def _lines(rows: Iterable[tuple[str | None, str | None, int]], database: str) -> Iterator[Entry]:
    now = dt.datetime.now(dt.UTC)
    for number, (user, text, calls) in enumerate(rows, 1):
        if text is None or text == _HIDDEN:
            yield Skipped(number, Why.REDACTED)
        else:
            yield LogLine(
                text, user=user, at=now, dialect="postgres", database=database, number=number, count=calls, is_total=True
            )
