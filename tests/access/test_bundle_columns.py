"""A bundle says no more than the centre of definitions whose columns may come from what a scope hides."""

from __future__ import annotations

from services.common.model.access import AccessScope
from services.common.model.assets import Column
from services.common.model.lineage import LineageRequest, Subgraph
from services.common.runtime.db import Database
from services.lineage.answers import LineageAnswers
from services.lineage.bundle import write_lineage
from services.lineage.graph import LineageGraph
from services.lineage.store import tables
from tests.support.lineages import InlineReader, Lineage, asset, id_of, sqlite_database

NO_HR = AccessScope(("*",), ("wh.shop.hr.*",))


def _asked(database: Database) -> Subgraph:
    graph = LineageGraph(database)
    graph.refresh()
    return LineageAnswers(graph, database, InlineReader()).walk(LineageRequest(id_of("shop.mart.v"), NO_HR, column="x"))


def test_how_far_columns_are_known_is_withheld_with_what_they_may_name(tmp_path):
    """The view reads a hidden table, so that it is not known of which table `x` is: the centre does not say that, and no byte does."""
    lineage = Lineage(sqlite_database(tmp_path))
    lineage.follow(
        asset("shop.hr.pay"),
        asset("shop.sales.orders"),
        asset("shop.mart.v", "SELECT x FROM sales.orders, hr.pay", columns=(Column("x"),)),
        asset("shop.mart.w", "SELECT x FROM sales.orders, sales.lines", columns=(Column("x"),)),
    )
    told = {row["asset_id"]: row["problem"] for row in lineage.rows(tables.column_reading)}
    assert told[id_of("shop.mart.v")] is not None
    write_lineage(lineage.database, tmp_path / "bundle.db", NO_HR)
    bundle = Database.of_snapshot(tmp_path / "bundle.db", schema="lineage")
    live, alone = _asked(lineage.database), _asked(bundle)
    assert (live.state, live.problem) == ("complete", None)
    assert alone == live
    with bundle.read() as connection:
        kept = set(connection.execute(tables.column_reading.select()).scalars())
    assert kept == {id_of("shop.mart.w")}
    bundle.close()
    lineage.database.close()
