"""References to datasets: defaults, engines' orders of looking, what is known decides, a view is never its own source."""

from __future__ import annotations

import pytest

from services.common.model.names import DatasetName, Namespace, SqlPart, parse_name
from services.lineage.resolve import candidates, resolve

POSTGRES = Namespace("postgres://db1:5432")
DUCKDB = Namespace("duckdb:///data/shop.duckdb")
SNOWFLAKE = Namespace("snowflake://org-account")
SQLITE = Namespace("sqlite:///data/shop.db")
MYSQL = Namespace("mysql://db1:3306")
BIGQUERY = Namespace("bigquery")


def name(namespace: Namespace, dotted: str) -> DatasetName:
    return DatasetName(namespace, tuple(dotted.split(".")))


def found(namespace: Namespace, view: str, *refs: str, known: tuple[str, ...] = ()) -> list[str]:
    ids = {name(namespace, one).id for one in known}
    reads = [parse_name(ref) for ref in refs]
    return [one.name.qualified for one in resolve(reads, name(namespace, view), lambda dataset: dataset.id in ids)]


@pytest.mark.parametrize(
    ("namespace", "view", "ref", "expected"),
    [
        (POSTGRES, "shop.sales.v", "Orders", "shop.sales.orders"),
        (POSTGRES, "shop.sales.v", '"Orders"', "shop.sales.Orders"),
        (POSTGRES, "shop.sales.v", "crm.customers", "shop.crm.customers"),
        (POSTGRES, "shop.sales.v", "other.crm.customers", "other.crm.customers"),
        (POSTGRES, "shop.sales.v", "pg_class", "shop.pg_catalog.pg_class"),
        (SNOWFLAKE, "SHOP.SALES.V", "orders", "SHOP.SALES.ORDERS"),
        (SNOWFLAKE, "SHOP.SALES.V", '"orders"', "SHOP.SALES.orders"),
        (DUCKDB, "shop.main.v", "Orders", "shop.main.Orders"),
        (DUCKDB, "shop.main.v", "crm.customers", "shop.crm.customers"),
        (DUCKDB, "shop.crm.v", "shop.orders", "shop.main.orders"),
        (DUCKDB, "shop.crm.v", "SHOP.orders", "SHOP.main.orders"),
        (DUCKDB, "shop.crm.v", "other.main.orders", "other.main.orders"),
        (SQLITE, "shop.v", "orders", "shop.orders"),
        (SQLITE, "shop.v", "main.orders", "shop.orders"),
        (MYSQL, "shop.v", "Orders", "shop.Orders"),
        (MYSQL, "shop.v", "crm.customers", "crm.customers"),
        (BIGQUERY, "project.sales.v", "crm.customers", "project.crm.customers"),
    ],
)
def test_a_reference_is_completed_as_its_engine_would(namespace, view, ref, expected):
    """Unqualified names take the view's own database and schema, letters fold by the engine's rules."""
    assert found(namespace, view, ref) == [expected]


def test_postgres_looks_in_the_own_schema_then_in_public():
    """Which of the two it is depends on what exists; where neither does, the own schema's is named."""
    both = ("shop.sales.orders", "shop.public.orders")
    assert found(POSTGRES, "shop.sales.v", "orders", known=both) == ["shop.sales.orders"]
    assert found(POSTGRES, "shop.sales.v", "orders", known=both[1:]) == ["shop.public.orders"]
    assert found(POSTGRES, "shop.sales.v", "orders") == ["shop.sales.orders"]


def test_a_duckdb_schema_called_like_the_database_wins_where_it_has_the_table():
    """`shop.orders` in database shop is schema shop's table if a crawl has shown one."""
    assert found(DUCKDB, "shop.main.v", "shop.orders", known=("shop.shop.orders",)) == ["shop.shop.orders"]


def test_a_view_is_never_its_own_source():
    """A name that could be the view itself is the other dataset of that name, or nothing."""
    assert found(POSTGRES, "shop.public.v", "v", "shop.public.v") == []
    assert found(POSTGRES, "shop.sales.orders", "orders", known=("shop.sales.orders",)) == ["shop.public.orders"]


def test_references_that_are_looked_up_alike_are_one():
    """Each lookup once, in the order of the first mention; a full name and a short one are two lookups of one dataset."""
    assert found(POSTGRES, "shop.sales.v", "b", "sales.A", '"b"', "a") == ["shop.sales.b", "shop.sales.a", "shop.sales.a"]


def test_what_is_looked_at_is_what_could_have_been_meant():
    """The candidates before the one that is known; all of them where none is."""
    (one,) = resolve([parse_name("orders")], name(DUCKDB, "shop.crm.v"), lambda found: found.parts[1] == "main")
    assert [found.qualified for found in one.looked_at] == ["shop.crm.orders", "shop.main.orders"]
    (one,) = resolve([parse_name("orders")], name(DUCKDB, "shop.crm.v"), lambda found: found.parts[1] == "crm")
    assert [found.qualified for found in one.looked_at] == ["shop.crm.orders"]
    (one,) = resolve([parse_name("orders")], name(DUCKDB, "shop.crm.v"), lambda _: False)
    assert len(one.looked_at) == 2


def test_a_schema_left_out_is_the_engines_default():
    """`db..t` is the default schema's table."""
    ref = (SqlPart("raw"), SqlPart(""), SqlPart("orders"))
    (only,) = candidates(ref, name(SNOWFLAKE, "SHOP.SALES.V"))
    assert only.parts == ("RAW", "PUBLIC", "ORDERS")


def test_a_name_with_more_parts_than_the_engine_has_keeps_them():
    """Sources that need four parts complete a short name with three."""
    assert found(POSTGRES, "a.b.c.v", "t") == ["a.b.c.t"]


def test_confidence_says_how_sure_a_choice_is():
    """One candidate, or one that is known, is sure; two of which nothing is known are even chances."""
    view = name(POSTGRES, "shop.sales.v")
    read = [parse_name("orders"), parse_name("crm.customers")]
    unknown, qualified = resolve(read, view, lambda _: False)
    assert (unknown.confidence, unknown.sure, qualified.confidence) == (0.5, False, 1.0)
    assert resolve(read, view, lambda _: True)[0].confidence == 1.0
