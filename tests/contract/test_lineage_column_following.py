"""Columns of definitions through the feed: read when told, read again when what they name changes. SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from services.common.model.assets import Column, ForeignKey
from services.common.model.names import AssetId
from services.lineage.store import tables
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, asset, id_of

LATER = BEGIN + dt.timedelta(days=1)


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(map(Column, names))


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


def edges(lineage: Lineage, basis: str = "view") -> set[tuple[str, str]]:
    """The edges between columns that hold, as `table.column`."""
    names = {row["id"]: row["parts"][-1] for row in lineage.rows(tables.node)}
    return {
        (f"{names[row['source_id']]}.{row['source_column']}", f"{names[row['target_id']]}.{row['target_column']}")
        for row in lineage.rows(tables.column_edge)
        if row["valid_to"] is None and row["basis"] == basis
    }


def test_a_star_follows_the_table_that_it_stands_for(lineage):
    """A table gets a column, its view is read again with the same page, and the feed is asked for its text in one call."""
    lineage.follow(asset("shop.s.a", columns=columns("x")), asset("shop.s.v", "SELECT * FROM a"))
    assert edges(lineage) == {("a.x", "v.x")}
    lineage.now = LATER
    lineage.follow(asset("shop.s.a", columns=columns("x", "y")))
    assert edges(lineage) == {("a.x", "v.x"), ("a.y", "v.y")}
    begun = {row["source_column"]: row["valid_from"] for row in lineage.rows(tables.column_edge)}
    assert begun == {"x": BEGIN, "y": LATER}
    assert lineage.rows(tables.column_todo) == []


def test_a_table_that_a_crawl_shows_later_tells_whose_a_column_is(lineage):
    """A name of nobody becomes the one table's that has it."""
    lineage.follow(asset("shop.s.v", "SELECT z FROM a, b", columns=columns("z")))
    assert edges(lineage) == {("a.z", "v.z"), ("b.z", "v.z")}
    lineage.follow(asset("shop.s.a", columns=columns("q")), asset("shop.s.b", columns=columns("z")))
    assert edges(lineage) == {("b.z", "v.z")}


def test_a_definition_that_changes_or_ends_ends_its_columns(lineage):
    """At the moment that the change came; what stays goes on."""
    lineage.follow(asset("shop.s.a", columns=columns("x", "y")), asset("shop.s.v", "SELECT x, y FROM a"))
    lineage.now = LATER
    lineage.follow(asset("shop.s.v", "SELECT x FROM a"))
    assert {(row["source_column"], row["valid_from"], row["valid_to"]) for row in lineage.rows(tables.column_edge)} == {
        ("x", BEGIN, None),
        ("y", BEGIN, LATER),
    }
    lineage.follow(asset("shop.s.v"))
    assert edges(lineage) == set()
    assert lineage.rows(tables.column_reading) == []


def test_nothing_is_read_again_that_did_not_change(lineage):
    """People's words are no news for columns."""
    lineage.follow(asset("shop.s.a", columns=columns("x")), asset("shop.s.v", "SELECT x FROM a"))
    lineage.reader.scripts.clear()
    lineage.follow(asset("shop.s.v", "SELECT x FROM a", description="said"), asset("shop.s.a", columns=columns("x"), rows=3))
    assert lineage.reader.scripts == []


def test_a_template_is_read_and_never_told_as_fully_known(lineage):
    """A dbt model has edges, and nobody may conclude from them that its text names nothing else."""
    sql = "SELECT x FROM {{ ref('a') }}"
    lineage.follow(asset("shop.s.a", columns=columns("x")), asset("shop.s.v", sql))
    assert edges(lineage) == {("a.x", "v.x")}
    assert lineage.mentioned("shop.s.v", sql) is None
    assert lineage.walk("shop.s.v").total == 2


def test_foreign_keys_are_edges_of_their_own_kind(lineage):
    """Kept in time, not walked; a table and a column each."""
    key = ForeignKey(("a_id",), ("s", "a"), ("id",))
    lineage.follow(asset("shop.s.a", columns=columns("id")), asset("shop.s.b", columns=columns("a_id"), foreign_keys=(key,)))
    assert lineage.walk("shop.s.b").total == 1
    assert edges(lineage, "key") == {("a.id", "b.a_id")}
    assert [(row[:2], row[3]) for row in lineage.intervals()] == [(("a", "b"), None)]
    lineage.now = LATER
    lineage.follow(asset("shop.s.b", columns=columns("a_id")))
    assert edges(lineage, "key") == set()
    assert [row[2:] for row in lineage.intervals()] == [(BEGIN, LATER)]


def test_no_text_is_stored_for_columns(lineage):
    """Literals of a definition are in none of the service's tables."""
    lineage.follow(
        asset("shop.s.a", columns=columns("x")), asset("shop.s.v", "SELECT x || 'hunter2' AS y FROM a WHERE x = 'hunter2'")
    )
    assert ("a.x", "v.y") in edges(lineage)
    assert "hunter2" not in str([lineage.rows(table) for table in tables.metadata.sorted_tables])


def test_what_waits_to_be_read_outlives_a_reader_that_fails(lineage):
    """The page is stored; its columns are read when the reader is back."""

    class Broken(Exception):
        pass

    def broken(_scripts: object) -> None:
        raise Broken

    works = lineage.reader.read_scripts
    lineage.reader.read_scripts = broken
    with pytest.raises(Broken):
        lineage.follow(asset("shop.s.a", columns=columns("x")), asset("shop.s.v", "SELECT * FROM a"))
    assert [row["asset_id"] for row in lineage.rows(tables.column_todo)] == [AssetId(id_of("shop.s.v"))]
    lineage.reader.read_scripts = works
    lineage.follower().catch_up()
    assert edges(lineage) == {("a.x", "v.x")}
