"""Answer sets: chosen by more than rank, joined by keys first and guesses told as such, with what is missing said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.catalog.join_sql import from_clause
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column, ForeignKey, Kind
from services.common.model.names import Namespace
from services.common.model.search import AnswerSet, Evidence, Filters, Join, SearchQuery
from services.indexer.retrieve.answer_features import ANCHORS, FARTHEST, FEATURES
from services.indexer.retrieve.answer_features import Evidence as Told
from services.indexer.retrieve.answer_joins import trees
from services.indexer.retrieve.answer_pool import pool_of
from services.indexer.retrieve.answer_set import LARGEST, Model, choose, possible_joins
from services.indexer.retrieve.answer_weights import WEIGHTS
from services.indexer.retrieve.join_guess import guesses, words_of
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.view import view_of
from services.indexer.text.document import document_of
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, retriever, snapshot_of

ENCODER = CountingEncoder()
CUSTOMERS = asset("shop.public.customers", Column("customer_id", "bigint"), Column("country", "text"))
ORDERS = asset(
    "shop.public.orders",
    Column("order_id", "bigint"),
    Column("customer_id", "bigint"),
    Column("total", "numeric"),
    foreign_keys=(ForeignKey(("customer_id",), ("customers",), ("customer_id",)),),
)
WEATHER = asset("shop.public.weather_stations", Column("station", "text"), Column("altitude", "numeric"))
SHOP = [CUSTOMERS, ORDERS, WEATHER]
QUESTION = "orders and their customers"


def asked(items=SHOP, text=QUESTION, *, scope=FULL_SCOPE, **more) -> AnswerSet | None:
    search = retriever(snapshot_of(items[:1], items[1:], encoder=ENCODER), ENCODER)
    return search.search(SearchQuery(text, scope, answer_set=True, **more)).answer_set


def test_tables_that_answer_together_come_with_their_declared_join():
    """Both ends of a key that the question names, and the columns that they are joined on."""
    found = asked()
    assert set(found.tables) == {ORDERS.id, CUSTOMERS.id}
    assert found.joins == (Join(ORDERS.id, CUSTOMERS.id, (("customer_id", "customer_id"),), Evidence.DECLARED, 1.0),)
    assert found.pieces == (found.tables,)
    assert found.uncovered == ()
    assert 0 < found.confidence <= 1


def test_a_word_that_a_table_has_in_short_is_not_missing():
    """`qty` says quantity by its letters; a word that no table has in any form is missing."""
    short = asset("shop.public.orders", Column("qty", "bigint"), Column("order_id", "bigint"))
    found = asked([CUSTOMERS, short], "quantity of orders by planet")
    assert found.tables[0] == short.id
    assert found.uncovered == ("planet",)


def test_a_key_that_is_not_declared_is_inferred_and_told_as_such():
    """Never more than 0.95 sure, and only by columns of both tables."""
    view = view_of(snapshot_of([CUSTOMERS, replace(ORDERS, foreign_keys=()), WEATHER]), FULL_SCOPE, Filters())
    pool = pool_of(view, (), match_tables(view, ()), None, np.arange(3), np.asarray([3.0, 2.0, 1.0]))
    (join,) = possible_joins(view, pool, (0, 1, 2))
    assert (join.evidence, join.on) == (Evidence.INFERRED, (("customer_id", "customer_id"),))
    assert 0.1 <= join.confidence <= 0.95


def test_what_no_table_has_and_what_nothing_joins_is_said():
    """A word that no table of the set has; tables without any link stay apart."""
    orders = asset("shop.public.orders", Column("order_no", "bigint"))
    customers = asset("shop.public.customers", Column("who", "text"))
    found = asked([customers, orders], "orders of customers by zodiac")
    assert "zodiac" in found.uncovered
    assert found.joins == ()
    assert found.pieces == tuple((table,) for table in found.tables)


def test_it_is_only_there_where_it_was_asked_for():
    """Without being asked for it is None; without words, or among columns, it is empty."""
    search = retriever(snapshot_of(SHOP, encoder=ENCODER), ENCODER)
    assert search.search(SearchQuery(QUESTION, FULL_SCOPE)).answer_set is None
    assert asked(text="") == AnswerSet()
    assert asked([], "orders") == AnswerSet()
    kinds = SearchQuery(QUESTION, FULL_SCOPE, answer_set=True)
    columns = replace(kinds, filters=replace(kinds.filters, kind=(Kind.COLUMN,)))
    assert search.search(columns).answer_set == AnswerSet()


def test_a_hidden_table_moves_nothing():
    """Inside a scope the set is that of a catalog that never had the hidden table, however much it would join."""
    hidden = asset(
        "shop.secret.order_customers",
        Column("customer_id", "bigint"),
        Column("order_id", "bigint"),
        foreign_keys=(
            ForeignKey(("customer_id",), ("shop", "public", "customers"), ("customer_id",)),
            ForeignKey(("order_id",), ("shop", "public", "orders"), ("order_id",)),
        ),
    )
    scope = AccessScope(("*",), ("*secret*",))
    assert asked([*SHOP, hidden], scope=scope) == asked()
    assert asked([*SHOP, hidden]) != asked()


def test_how_tables_are_cut_into_segments_changes_no_set():
    """One segment or three, in any order."""
    whole = retriever(snapshot_of(SHOP, encoder=ENCODER), ENCODER).search(SearchQuery(QUESTION, FULL_SCOPE, answer_set=True))
    cut = snapshot_of(SHOP[2:], SHOP[:1], SHOP[1:2], encoder=ENCODER)
    assert retriever(cut, ENCODER).search(SearchQuery(QUESTION, FULL_SCOPE, answer_set=True)).answer_set == whole.answer_set


def told(scores, items=SHOP, **more) -> Told:
    """The evidence of some tables, ranked as they stand."""
    view = view_of(snapshot_of(items), FULL_SCOPE, Filters())
    n = len(items)
    return Told(pool_of(view, (), match_tables(view, ()), None, np.arange(n), np.asarray(scores, dtype=np.float64), **more))


class Given(Model):
    """A model whose chances are set: of each table beside each anchor."""

    def __init__(self, belongs):
        super().__init__(sharpness=7.0)
        object.__setattr__(self, "given", np.asarray(belongs, dtype=np.float64))

    def belongs(self, evidence):
        return self.given


ALONE = np.eye(3)


@pytest.mark.parametrize(("scores", "size"), [((1.0, 0.99, 0.0), 2), ((1.0, 0.5, 0.0), 1), ((1.0, 0.99, 0.98), 3)])
def test_where_two_hits_may_be_meant_both_are_in(scores, size):
    """Tables of which only one can be meant: as many are in as stand close, and one that stands out is alone."""
    assert len(choose(told(scores), Given(ALONE)).positions) == size


def test_a_companion_of_an_unlikely_anchor_stays_out():
    """The last table belongs surely where the second does, and is in only where the second may be meant."""
    belongs = ALONE.copy()
    belongs[1, 2] = belongs[2, 1] = 1.0
    assert choose(told((1.0, 0.4, 0.0)), Given(belongs)).positions == (0,)
    assert set(choose(told((1.0, 1.0, 0.9)), Given(belongs)).positions) >= {1, 2}


def test_the_best_hit_is_always_in_and_a_set_has_a_largest_size():
    """Whatever the chances are; expected F1 is a share."""
    dice = np.random.default_rng(0)
    items = [asset(f"shop.public.t{n}", Column("a", "text")) for n in range(15)]
    for _ in range(20):
        chances = dice.random((ANCHORS, 15))
        chances[np.arange(ANCHORS), np.arange(ANCHORS)] = 1.0
        found = choose(told(np.sort(dice.random(15))[::-1], items), Given(chances))
        assert found.positions[0] == 0
        assert len(set(found.positions)) == len(found.positions) <= LARGEST
        assert 0 < found.expected_f1 <= 1


def test_a_hit_counts_as_so_far_behind_at_most():
    """A name that was typed is ten ahead of everything, and its companions are still told apart by all else."""
    far = told((30.0, 1.0, 0.9))
    assert far.gaps.tolist() == [0.0, -FARTHEST, -FARTHEST]
    assert Model().belongs(far)[0][1] > 0.5 * Model().belongs(told((1.0 + FARTHEST, 1.0, 0.9)))[0][1]


def test_a_declared_key_makes_a_companion_likelier():
    """Of two tables with equal scores the one that the anchor has a key with, also without a question's words."""
    belongs = Model().belongs(told((1.0, 0.8, 0.8)))
    assert belongs[0][1] > 2 * belongs[0][2]


def test_every_feature_has_a_weight():
    """And none has two."""
    assert tuple(WEIGHTS) == FEATURES


def test_trees_keep_the_surest_joins():
    """A declared key before a guess, no circle, and the pieces in the tables' order."""
    a, b, c, d = (asset(f"s.{name}").id for name in "abcd")
    sure = Join(a, b, (("x", "x"),), Evidence.DECLARED, 1.0)
    guess = Join(a, b, (("y", "y"),), Evidence.INFERRED, 0.5)
    circle = [Join(b, c, (("z", "z"),), Evidence.INFERRED, 0.4), Join(a, c, (("z", "z"),), Evidence.INFERRED, 0.3)]
    kept, pieces = trees([a, b, c, d], [*circle, guess, sure])
    assert kept == (sure, circle[0])
    assert pieces == ((a, b, c), (d,))


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (("orders", "id", "customer_id"), ("customers", "id", "name"), "table_and_id"),
        (("orders", "CustomerID"), ("Customer", "CustomerID"), "table_and_id"),
        (("film_actor", "film_id"), ("film_category", "film_id"), "shared_id"),
        (("concert", "singer"), ("singer", "code", "name"), "table"),
        (("a", "name", "status"), ("b", "name", "status"), None),
        (("a", "id"), ("b", "id"), None),
    ],
)
def test_guesses_by_name(one, other, kind):
    """The rules, and that names of anything join nothing."""
    records = [document_of(asset(f"s.{name}", *columns)).record for name, *columns in (one, other)]
    found = guesses(records, {}, 2)
    assert (found[0, 1].kind if found else None) == kind


def test_guesses_need_types_that_fit_and_columns_that_are_open():
    """An integer joins no text; a restricted column is not looked at."""
    customers = asset("s.customers", Column("customer_id", "bigint"))
    for column in (Column("customer_id", "text"), Column("customer_id", "bigint", tags=(RESTRICTED,))):
        records = [document_of(one).record for one in (customers, asset("s.orders", column))]
        assert guesses(records, {}, 2) == {}


def test_a_number_that_tells_names_apart_is_no_word_of_them():
    """`people_3` is people."""
    assert words_of("people_3") == words_of("people") == ("people",)


@pytest.mark.parametrize(
    ("namespace", "first"),
    [
        ("postgres://db1:5432", 'FROM "shop"."public"."or""ders" AS t1'),
        ("bigquery", 'FROM `shop`.`public`.`or"ders` AS t1'),
        ("sqlite:///x.db", 'FROM "or""ders" AS t1'),
    ],
)
def test_sql_is_quoted_by_the_engine_and_joins_nothing_that_is_not_known(namespace, first):
    """Names with quotes stay names; what stands apart is a comment, on one line."""
    orders = asset('shop.public.or"ders', "id", namespace=Namespace(namespace))
    apart = asset("shop.public.odd\nDROP", "id", namespace=Namespace(namespace))
    sql = from_clause([orders.id, apart.id], [], {orders.id: orders, apart.id: apart})
    assert sql.splitlines()[0] == first
    assert sql.splitlines()[1].startswith("-- no known join: ")
    assert len(sql.splitlines()) == 2


def test_sql_of_joined_tables():
    """Each table once, conditions on their own columns, a guess with its doubt."""
    third = asset("shop.public.notes", "order_id")
    joins = [
        Join(ORDERS.id, CUSTOMERS.id, (("customer_id", "customer_id"),), Evidence.DECLARED, 1.0),
        Join(third.id, ORDERS.id, (("order_id", "order_id"),), Evidence.INFERRED, 0.52),
    ]
    held = {one.id: one for one in (CUSTOMERS, ORDERS, third)}
    assert from_clause([CUSTOMERS.id, ORDERS.id, third.id], joins, held).splitlines() == [
        'FROM "shop"."public"."customers" AS t1',
        'JOIN "shop"."public"."orders" AS t2 ON t2."customer_id" = t1."customer_id"',
        'JOIN "shop"."public"."notes" AS t3 ON t3."order_id" = t2."order_id"  -- inferred, 52% sure',
    ]
    assert from_clause([], [], {}) == ""


def test_likeness_and_cosines_are_zero_without_vectors():
    """By words alone there is a set too."""
    search = retriever(snapshot_of(SHOP))
    found = search.search(SearchQuery(QUESTION, FULL_SCOPE, answer_set=True)).answer_set
    assert found.tables
    assert np.isfinite(found.confidence)
