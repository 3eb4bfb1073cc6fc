"""The catalog's migrations make exactly the tables that the code works on, on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, select, text

from services.catalog.store import crawls, tables
from services.catalog.store.line import LINE
from services.common.errors import StoreOutdated
from services.common.model.crawls import CrawlState
from services.common.runtime.db import Database
from services.common.runtime.migrations import current_revision, ensure_current, upgrade
from tests.support import catalogs


@pytest.fixture(params=catalogs.DATABASES)
def url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    return request.getfixturevalue("postgres_server").create_database("migrations")


@pytest.fixture
def database(url) -> Iterator[Database]:
    database = Database(url, schema="catalog")
    yield database
    database.close()


def test_migrations_make_the_tables_of_the_metadata(url, database):
    """Nothing is missing, nothing is left over, types and nullability are equal."""
    ensure_current(database, LINE)
    if database.is_sqlite:
        engine = create_engine(url)
    else:
        # the comparison looks at the connection's default schema, so that is made ours
        options = {"options": "-csearch_path=catalog"}
        engine = create_engine("postgresql+psycopg://" + url.partition("://")[2], connect_args=options)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, tables.metadata)
    engine.dispose()
    assert differences == []


def test_everything_is_in_the_service_s_own_schema(database):
    """On PostgreSQL `public` stays empty, the table of versions included, so that three services share a database."""
    ensure_current(database, LINE)
    expected = {*tables.metadata.tables, "alembic_version"}
    with database.read() as connection:
        if database.is_sqlite:
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            assert {name for name in found if not name.startswith("sqlite_")} == expected
        else:
            query = text(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema !~ '^(pg_|information)'"
            )
            assert {tuple(row) for row in connection.execute(query)} == {("catalog", name) for name in expected}
        assert [tuple(row) for row in connection.execute(select(tables.feed_head))] == [(1, 0)]


def test_the_written_head_is_the_newest_script():
    """`LINE.head` is a constant so that a start needs no Alembic; this holds it to the scripts."""
    config = Config()
    config.set_main_option("script_location", str(LINE.scripts))
    assert ScriptDirectory.from_config(config).get_heads() == [LINE.head]


def test_two_processes_that_start_at_once_both_find_tables(url):
    """The second waits for the first and has nothing left to do."""
    together = threading.Barrier(4)

    def start(_number: int) -> str | None:
        database = Database(url, schema="catalog")
        try:
            together.wait(20)
            ensure_current(database, LINE)
            return current_revision(database)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [LINE.head] * 4


def test_a_store_of_an_unknown_version_is_refused(database):
    """It may have been written by a newer version: nothing is read from it, nothing is changed."""
    ensure_current(database, LINE)
    with database.write() as connection:
        name = "alembic_version" if database.is_sqlite else "catalog.alembic_version"
        connection.execute(text(f"UPDATE {name} SET version_num = 'zzzz'"))
    for start in (ensure_current, upgrade):
        with pytest.raises(StoreOutdated, match="zzzz"):
            start(database, LINE)


def test_a_downgrade_takes_everything_away(database):
    """The first migration can be undone completely."""
    from alembic import command

    ensure_current(database, LINE)
    config = Config()
    config.set_main_option("script_location", str(LINE.scripts))
    with database.write() as connection:
        config.attributes.update(connection=connection, schema=None if database.is_sqlite else "catalog")
        command.downgrade(config, "base")
    reflected = MetaData(schema=None if database.is_sqlite else "catalog")
    with database.read() as connection:
        reflected.reflect(connection)
    assert {table.name for table in reflected.tables.values()} == {"alembic_version"}


def test_crawls_of_an_older_store_survive_the_upgrade(database):
    """With the tables, which their source still owns: what they read of containers is not known, so nothing is missed."""
    from alembic import command

    ensure_current(database, LINE)
    at = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
    with database.write() as connection:
        kept = crawls.add(connection, "wh", CrawlState.RUNNING, "ann", at)
    config = Config()
    config.set_main_option("script_location", str(LINE.scripts))
    with database.write() as connection:
        config.attributes.update(connection=connection, schema=None if database.is_sqlite else "catalog")
        command.downgrade(config, "0001")
    assert upgrade(database, LINE) == LINE.head
    with database.read() as connection:
        assert crawls.fetch(connection, kept.id) == kept
        assert connection.execute(select(tables.crawl_container)).all() == []
