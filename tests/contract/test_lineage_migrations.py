"""The lineage service's migrations: a database of the first release goes on where it was. On SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from services.common.model.assets import Column
from services.common.model.names import Namespaces
from services.common.runtime.db import Database
from services.common.runtime.migrations import upgrade
from services.lineage.store import tables
from services.lineage.store.line import LINE
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, asset, id_of


@pytest.fixture(params=lineages.DATABASES)
def database(request, tmp_path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'lineage.db'}"
    else:
        url = request.getfixturevalue("postgres_server").create_database("lineage_migrations")
    made = Database(url, schema="lineage")
    yield made
    made.close()


def _at(database: Database, revision: str) -> None:
    """Bring an empty database to an older revision, as an older version did."""
    config = Config()
    config.set_main_option("script_location", str(LINE.scripts))
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text('CREATE SCHEMA IF NOT EXISTS "lineage"'))
        config.attributes["connection"] = connection
        config.attributes["schema"] = None if database.is_sqlite else "lineage"
        command.upgrade(config, revision)


def test_columns_come_to_what_was_there_and_times_stay(database):
    """The feed is followed again from its start; edges keep their times, ended ones too, and nothing is doubled."""
    _at(database, "0001")
    with database.write() as connection:
        edge = {"source_id": id_of("shop.s.a"), "target_id": id_of("shop.s.v"), "kind": "view", "confidence": 1.0}
        edge |= {"evidence": ["definition of shop.s.v"], "guards": []}
        for more in (
            {"valid_from": BEGIN, "valid_to": None},
            {"valid_from": BEGIN - dt.timedelta(days=2), "valid_to": BEGIN - dt.timedelta(days=1)},
        ):
            names = [column for column in tables.edge.c if column.name not in ("id", "arrived_at")]
            connection.execute(tables.edge.insert().values({column.name: (edge | more)[column.name] for column in names}))
        connection.execute(tables.checkpoint.update().values(seq=2, version=7))
    upgrade(database, LINE)
    lineage = Lineage(database, namespaces=Namespaces(), now=BEGIN + dt.timedelta(days=9))
    seen = BEGIN + dt.timedelta(days=8)
    lineage.follow(
        asset("shop.s.a", columns=(Column("x"),), last_seen=seen),
        asset("shop.s.v", "SELECT * FROM a", columns=(Column("x"),), last_seen=seen),
    )
    assert [list(row[2:]) for row in lineage.intervals()] == [
        [BEGIN - dt.timedelta(days=2), BEGIN - dt.timedelta(days=1)],
        [BEGIN, None],
    ]
    (column,) = lineage.rows(tables.column_edge)
    assert (column["source_column"], column["target_column"], column["valid_from"]) == ("x", "x", seen)
