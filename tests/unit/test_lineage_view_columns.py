"""Edges between columns from what SQL says: names, stars, places, what decides about rows, and how sure it all is."""

from __future__ import annotations

from services.common.model.names import DatasetName, SqlPart
from services.lineage.columns import Link, View, edges_of, script_of
from services.lineage.resolve import Resolved
from services.lineage.sql.extract import read_script
from tests.support.lineages import POSTGRES

VIEW = DatasetName(POSTGRES, ("shop", "s", "v"))
TABLES = {"orders": ("id", "customer", "total"), "customers": ("id", "name"), "lost": None}


def _name(table: str) -> DatasetName:
    return DatasetName(POSTGRES, ("shop", "s", table))


def read(sql: str, own: tuple[str, ...] = (), dialect: str = "postgres"):
    """The edges of a view over TABLES, as (source, column, into, kind) and as a dictionary to their confidence; the reading."""
    links = {(SqlPart(table),): Link(Resolved(_name(table), (_name(table),), sure=True)) for table in TABLES if table in sql}
    columns = {_name(table).id: names for table, names in TABLES.items() if names is not None}
    view = View(VIEW, "view", links, columns | ({VIEW.id: own} if own else {}))
    script = script_of(view, sql, dialect)
    edges, reading = edges_of(view, script, read_script(script))
    tables = {_name(table).id: table for table in TABLES}
    return {(tables[e.source], e.column, e.into, e.kind): e.confidence for e in edges}, reading


def test_a_column_that_decides_about_rows_is_one_edge_into_all_of_them():
    """A filter over two columns is one row; the columns' own edges stay theirs."""
    edges, reading = read("SELECT id, customer FROM orders WHERE total > 3", ("id", "customer"))
    assert set(edges) == {
        ("orders", "id", "id", "identity"),
        ("orders", "customer", "customer", "identity"),
        ("orders", "total", "*", "filter"),
    }
    assert (reading.state, reading.problem, reading.columns, reading.resolved) == ("parsed", None, 2, 2)


def test_a_star_over_known_columns_is_written_out():
    """Of two tables, each column belongs to its own."""
    edges, reading = read("SELECT o.*, c.name FROM orders o, customers c", ("id", "customer", "total", "name"))
    assert {key[:3] for key in edges} == {
        ("orders", "id", "id"),
        ("orders", "customer", "customer"),
        ("orders", "total", "total"),
        ("customers", "name", "name"),
    }
    assert reading.resolved == 4


def test_a_star_over_an_unknown_table_stands_for_the_views_other_columns():
    """What the text does not name must come from there; it is said to be only likely."""
    edges, reading = read("SELECT c.name, l.* FROM customers c, lost l", ("name", "x", "y"))
    assert {key[:3] for key in edges} == {("customers", "name", "name"), ("lost", "x", "x"), ("lost", "y", "y")}
    assert edges["lost", "x", "x", "identity"] < edges["customers", "name", "name", "identity"]
    assert (reading.state, reading.columns, reading.resolved) == ("partly", 3, 1)


def test_a_star_over_an_unknown_table_of_an_unknown_view_stays_one():
    """Nobody knows any name: all columns get into all columns."""
    edges, _ = read("SELECT * FROM lost")
    assert set(edges) == {("lost", "*", "*", "identity")}


def test_columns_of_other_names_are_matched_by_place():
    """The view's column list renames; where the numbers differ nothing is guessed."""
    edges, _ = read("SELECT id, total AS t FROM orders", ("id", "amount"))
    assert set(edges) == {("orders", "id", "id", "identity"), ("orders", "total", "amount", "identity")}
    edges, reading = read("SELECT id, total AS t FROM orders", ("id", "amount", "more"))
    assert set(edges) == {("orders", "id", "id", "identity")}
    assert (reading.columns, reading.resolved) == (3, 1)


def test_a_column_of_nobody_may_be_of_any_unknown_table_and_is_hardly_sure():
    """Edges from each table that may have it, of less confidence than one whose table is known to."""
    links = {(SqlPart(name),): Link(Resolved(_name(name), (_name(name),), sure=True)) for name in ("a", "b")}
    view = View(VIEW, "view", links, {})
    script = script_of(view, "SELECT x FROM a, b", "postgres")
    edges, reading = edges_of(view, script, read_script(script))
    assert {(e.source, e.column, e.into) for e in edges} == {(_name("a").id, "x", "x"), (_name("b").id, "x", "x")}
    assert all(edge.confidence < 0.6 for edge in edges)
    assert (reading.state, reading.unresolved, reading.resolved) == ("partly", 1, 0)


def test_a_template_is_read_as_its_text_is():
    """And is never surer."""
    plain, _ = read("SELECT id FROM orders", ("id",))
    template, _ = read("SELECT {{ 'id' }} FROM {{ ref('orders') }}", ("id",))
    assert set(template) == set(plain)
    assert max(template.values()) <= min(plain.values())


def test_what_is_not_understood_has_no_columns_and_says_why():
    """A place, and never the text."""
    edges, reading = read("SELECT FROM WHERE orders secret(", ("id", "total"))
    assert edges == {}
    assert (reading.state, reading.columns, reading.resolved) == ("unparsed", 2, 0)
    assert reading.problem is not None
    assert "secret" not in reading.problem


def test_constants_are_known_to_come_from_nowhere():
    """A column without sources is resolved."""
    edges, reading = read("SELECT id, 1 AS one FROM orders", ("id", "one"))
    assert set(edges) == {("orders", "id", "id", "identity")}
    assert (reading.state, reading.resolved) == ("parsed", 2)
