"""Declared keys as a graph of a view: both ends seen, found across segments, restricted to candidates, column types."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column, ForeignKey
from services.common.model.search import Filters
from services.indexer.index.keys import Ids
from services.indexer.retrieve.view import view_of
from services.indexer.text.document import Key, document_of
from services.indexer.text.type_family import joinable, type_families
from tests.support.feeds import asset
from tests.support.indexes import snapshot_of


def key(column: str, table: str, *refs: str) -> ForeignKey:
    return ForeignKey((column,), tuple(table.split(".")), refs)


CUSTOMERS = asset("shop.public.customers", "customer_id", "parent_id", foreign_keys=(key("parent_id", "customers"),))
ORDERS = asset(
    "shop.public.orders",
    "order_id",
    "customer_id",
    primary_key=("order_id",),
    foreign_keys=(key("customer_id", "customers", "customer_id"), key("customer_id", "nowhere", "id")),
)
ITEMS = asset(
    "shop.public.items",
    "order_id",
    "product_id",
    foreign_keys=(key("order_id", "shop.public.orders"), key("product_id", "hidden.products")),
)
PRODUCTS = asset("shop.hidden.products", "product_id")
NOT_HIDDEN = AccessScope(("*",), ("*hidden*",))


def edges(view) -> set[tuple[str, str, tuple[str, ...]]]:
    """The edges of a view: from, to, columns."""
    joins = view.joins
    out = set()
    for source, target, nth in zip(joins.source.tolist(), joins.target.tolist(), joins.nth.tolist(), strict=True):
        record = view.record(source)
        out.add((record.parts[-1], view.record(target).parts[-1], record.foreign_keys[nth].columns))
    return out


def test_a_record_holds_keys_types_and_figures():
    """A short reference is completed from the table's own name; a restricted or described column changes nothing of it."""
    table = asset(
        "shop.public.orders",
        Column("id", "bigint", description="the order"),
        Column("at", "timestamp with time zone"),
        Column("odd"),
        primary_key=("id",),
        foreign_keys=(key("id", "customers", "customer_id"), ForeignKey(("id", "at"), ("x", "y", "z"), ("only_one",))),
        rows=7,
    )
    record = document_of(table).record
    assert record.types == "id?"
    assert record.primary_key == ("id",)
    assert record.foreign_keys == (
        Key(("id",), CUSTOMERS.id, ("customer_id",)),
        Key(("id", "at"), asset("x.y.z").id, ()),
    )
    assert (record.documented, record.rows) == (1, 7)


@pytest.mark.parametrize("groups", [[[CUSTOMERS, ORDERS, ITEMS, PRODUCTS]], [[ITEMS], [PRODUCTS, CUSTOMERS], [], [ORDERS]]])
def test_keys_are_found_across_segments_and_never_to_what_is_not_there(groups):
    """Both ends must be seen; a table's key to itself joins it with nothing; a reference to a table not crawled is none."""
    view = view_of(snapshot_of(*groups), FULL_SCOPE, Filters())
    whole = {("orders", "customers", ("customer_id",)), ("items", "orders", ("order_id",))}
    assert edges(view) == {*whole, ("items", "products", ("product_id",))}
    assert edges(view_of(snapshot_of(*groups), NOT_HIDDEN, Filters())) == whole
    assert edges(view_of(snapshot_of(*groups), FULL_SCOPE, Filters(schema=("hidden",)))) == set()


def test_both_ends_of_an_edge_have_it():
    """`of` and `other_end` from either side, and degrees."""
    view = view_of(snapshot_of([CUSTOMERS, ORDERS], [ITEMS]), FULL_SCOPE, Filters())
    joins = view.joins
    around = {table: joins.other_end(joins.of(table), table).tolist() for table in range(3)}
    assert {table: sorted(ends) for table, ends in around.items()} == {0: [1], 1: [0, 2], 2: [1]}
    assert joins.degrees.tolist() == [1, 2, 1]


def test_among_keeps_the_edges_whose_ends_are_both_named():
    """Positions are those of the tables that were given, in their order."""
    view = view_of(snapshot_of([CUSTOMERS, ORDERS, ITEMS, PRODUCTS]), FULL_SCOPE, Filters())
    some = view.joins.among(np.asarray([2, 1, 3]))
    assert [sorted(some.of(at).tolist()) for at in range(3)] == [[1, 2], [0], [0]]
    assert some.owner.tolist() == [0, 0, 1, 2]
    assert {int(edge) for edge in some.edge} <= set(range(len(view.joins)))
    assert view.joins.among(np.asarray([0, 3])).position.tolist() == []


def test_nothing_seen_has_no_joins():
    """An empty scope, and an empty index."""
    assert len(view_of(snapshot_of([ORDERS, CUSTOMERS]), AccessScope(), Filters()).joins) == 0
    assert len(view_of(snapshot_of(), FULL_SCOPE, Filters()).joins) == 0


def test_ids_that_begin_alike_are_told_apart():
    """The code is a part of the id; what it finds is compared whole."""
    near = [ORDERS.id, ORDERS.id[:-1] + ("a" if ORDERS.id[-1] != "a" else "b")]
    assert Ids.of(near[:1]).places_of(Ids.of(near)).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("types", "letters"),
    [
        (["INT64", "integer", "int unsigned", "BIGSERIAL", "NUMBER(38,0)", "double precision"], "iiiinn"),
        (["character varying(20)", "TEXT", "nvarchar(max)", "enum('a','b')", "uuid"], "ttttu"),
        (["timestamp without time zone", "DATE", "datetime2", "interval"], "dddd"),
        (["boolean", "tinyint(1)", "bytea", "LONGBLOB", "bit(8)"], "bixxx"),
        (["ARRAY<STRING>", "STRUCT<a INT64>", "integer[]", "jsonb", "VARIANT"], "jjjjj"),
        ([None, "", "no such type"], "???"),
    ],
)
def test_types_of_many_engines_have_a_family(types, letters):
    """The letter says what values a column holds."""
    assert type_families(types) == letters


def test_families_that_may_hold_equal_values_join():
    """Integers with numbers, texts with UUIDs, the unknown with all but what is nested."""
    assert all(joinable(*pair) for pair in ("ii", "in", "tu", "?t", "i?"))
    assert not any(joinable(*pair) for pair in ("it", "dt", "jj", "?j", "bi"))
