"""Names typed otherwise than they are: in other spellings, with a mistake, in part; of tables and of columns."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column, Kind
from services.indexer.index.signatures import one_edit, signatures
from tests.support.feeds import asset, shop
from tests.support.indexes import CountingEncoder, ask, retriever, snapshot_of

ENCODER = CountingEncoder()
ITEMS = [
    asset("shop.sales.fct_order_line_items", "order_id", "customer_id"),
    asset("shop.sales.fct_order_line_items_history", "order_id", Column("tax_number", tags=(RESTRICTED,))),
    asset("shop.crm.dim_customer", "customer_id", "birth_date"),
    asset("shop.crm.legalEntityName", "id"),
    asset("shop.crm.chr19_variants_2031", "id"),
    asset("shop.crm.注文明細", "id"),
    asset("lake.raw.dim_customer", "customer_id"),
    asset("shop.crm.unrelated", "fct", "ord", "line", description="fact order line item history customer dim"),
]


def first(text, *kinds, items=ITEMS, encoder=ENCODER, **more) -> str | None:
    """The name of the first hit; of a column with its table's."""
    answer = ask(retriever(snapshot_of(items[:3], items[3:], encoder=encoder), encoder), text, *kinds, **more)
    names = {one.id: one.name.qualified for one in items}
    return next((names[h.asset] + (f".{h.columns[0]}" if h.kind is Kind.COLUMN else "") for h in answer.hits), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://db1:5432/shop.crm.dim_customer", "shop.crm.dim_customer"),
        ("duckdb:///data/shop.duckdb/shop.crm.dim_customer", "shop.crm.dim_customer"),
        ("`shop.crm.dim_customer`", "shop.crm.dim_customer"),
        ("shop.crm.dim_customer;", "shop.crm.dim_customer"),
        ("lake.dim_customer", "lake.raw.dim_customer"),
        ("LAKE.DIM_CUSTOMER", "lake.raw.dim_customer"),
        ("lake raw dim customer", "lake.raw.dim_customer"),
        ("lake/raw/dim_customer", "lake.raw.dim_customer"),
        ("fct order line items", "shop.sales.fct_order_line_items"),
        ("FctOrderLineItems", "shop.sales.fct_order_line_items"),
        ("legal_entity_name", "shop.crm.legalEntityName"),
        ("LEGALENTITYNAME", "shop.crm.legalEntityName"),
        ("fct_ord_li", "shop.sales.fct_order_line_items"),
        ("fct_ord_li_it_h", "shop.sales.fct_order_line_items_history"),
        ("fctOrdLi", "shop.sales.fct_order_line_items"),
        ("sales.fct_ord", "shop.sales.fct_order_line_items"),
        ("la.dim_cust", "lake.raw.dim_customer"),
        ("leg_ent", "shop.crm.legalEntityName"),
        ("chr_var", "shop.crm.chr19_variants_2031"),
        ("fct_order_line_itmes", "shop.sales.fct_order_line_items"),
        ("fct_orderline_items", "shop.sales.fct_order_line_items"),
        ("fct_oder_line_items", "shop.sales.fct_order_line_items"),
        ("fctt_order_line_items", "shop.sales.fct_order_line_items"),
        ("fct_order_line_itemz", "shop.sales.fct_order_line_items"),
        ("lake.raw.dim_custmer", "lake.raw.dim_customer"),
        ("lkae.raw.dim_customer", "lake.raw.dim_customer"),
        ("注文明纽", "shop.crm.注文明細"),
    ],
)
def test_a_name_is_found_however_it_is_typed(text, expected):
    """Before a table that has all of its words; with vectors and without."""
    assert first(text) == expected
    assert first(text, encoder=None) == expected


def test_a_word_that_is_known_is_not_taken_for_a_mistake():
    """`orders` is a word of another table's description: `borders`, one edit from it, is no hit for it."""
    items = [asset("s.a.borders", "id"), asset("s.a.sales", "id", description="all orders")]
    assert {h.asset for h in ask(retriever(snapshot_of(items)), "orders").hits} == {items[1].id}
    assert {h.asset for h in ask(retriever(snapshot_of(items[:1])), "orders").hits} == {items[0].id}


def test_the_reason_says_that_it_was_typed_otherwise():
    answer = ask(retriever(snapshot_of(ITEMS)), "dim_custmer")
    assert {hit.why[0].feature for hit in answer.hits[:2]} == {"fuzzy_name"}


@pytest.mark.parametrize("text", ["fct_oder_line_items", "dim_cust", "dimcustomer", "customr_id", "lake.dim_customer"])
def test_hidden_names_correct_and_complete_nothing(text):
    """A scoped reader gets what a catalog without the hidden tables would say, for tables and columns."""
    scope = AccessScope(("*",), ("*.sales.*", "lake"))
    seen = [one for one in ITEMS if scope.permits(one.scope_path)]
    for kinds in ((), (Kind.COLUMN,)):
        hidden = ask(retriever(snapshot_of(ITEMS, encoder=ENCODER), ENCODER), text, *kinds, scope=scope)
        assert hidden == ask(retriever(snapshot_of(seen, encoder=ENCODER), ENCODER), text, *kinds)


def test_the_order_does_not_depend_on_segments():
    """More tables with the same beginning than are ranked: those cut are the same wherever they are stored."""
    items = [asset(f"db.s{at % 7}.zeta_metric_{at:03}", "id") for at in range(300)]
    random.Random(1).shuffle(items)
    answers = [
        ask(retriever(snapshot_of(*groups)), "zet_met", limit=200)
        for groups in ((items,), (items[:1], items[1:150], items[150:]), (sorted(items, key=lambda one: one.id),))
    ]
    assert answers[0].hits == answers[1].hits == answers[2].hits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("birth_date", "shop.crm.dim_customer.birth_date"),
        ("BirthDate", "shop.crm.dim_customer.birth_date"),
        ("birht_date", "shop.crm.dim_customer.birth_date"),
        ("lake.raw.dim_customer.customer_id", "lake.raw.dim_customer.customer_id"),
        ("lake.raw.dim_customer.custmer_id", "lake.raw.dim_customer.customer_id"),
        ("tax_nmber", "shop.sales.fct_order_line_items_history.tax_number"),
    ],
)
def test_columns_are_found_by_their_names(text, expected):
    """Alone or behind their table, with a mistake too; restricted ones as themselves."""
    assert first(text, Kind.COLUMN) == expected
    assert first(text, Kind.COLUMN, encoder=None) == expected


NAMES = st.text(alphabet="abz_1é注", min_size=1, max_size=9)


def _edits(name: str) -> set[str]:
    letters = "abz_1é注x"
    out = {name[:at] + letter + name[at:] for at in range(len(name) + 1) for letter in letters}
    out |= {name[:at] + letter + name[at + 1 :] for at in range(len(name)) for letter in letters}
    out |= {name[:at] + name[at + 1 :] for at in range(len(name))}
    out |= {name[:at] + name[at : at + 2][::-1] + name[at + 2 :] for at in range(len(name) - 1)}
    return out - {name}


@settings(max_examples=200, deadline=None)
@given(NAMES, NAMES)
@example("ab", "ba")
def test_one_edit_is_one_of_the_four(one, other):
    """Against the list of all texts that one edit makes."""
    assert one_edit(one, other) == (other in _edits(one))
    assert one_edit(one, other) == one_edit(other, one)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5), st.data())
def test_signatures_lose_no_name_that_is_one_edit_away(names, data):
    """What differs in too many bits is never one edit away: inserted, deleted, replaced, swapped, in any script."""
    index = signatures([*names, "", "x" * 300])
    name = data.draw(st.sampled_from(names))
    typed = data.draw(st.sampled_from(sorted(_edits(name) - {""}))) if _edits(name) - {""} else name
    near = set(index.near(typed).tolist())
    assert {at for at, known in enumerate(names) if one_edit(known, typed) or known == typed} <= near
    assert not near & {len(names), len(names) + 1}


def test_signatures_tell_most_names_apart():
    """Otherwise every name would be compared: of 5,000 names only a handful is near one."""
    dice = random.Random(3)
    names = ["".join(dice.choices(string.ascii_lowercase, k=dice.randint(8, 20))) for _ in range(5_000)]
    index = signatures(names)
    assert sum(len(index.near(name)) for name in names[:100]) < 300


class TestSuggest:
    """Completions while typing."""

    def suggested(self, text, items=None, limit=8, scope=FULL_SCOPE):
        return [
            one.text for one in retriever(snapshot_of(*[[one] for one in items or shop()])).suggest(text, scope, limit=limit)
        ]

    def test_names_come_before_concepts(self):
        """Columns and tags as filters, behind the names; a place is kept for them."""
        assert self.suggested("pr") == ["shop.public.products", "column:price", "column:product_id"]
        assert self.suggested("o", limit=4)[-1] == "column:order_id"
        assert self.suggested("co") == ["column:country", "tag:core"]

    def test_the_value_of_a_filter_is_completed(self):
        """Behind what was typed before it, and behind a comma."""
        assert self.suggested("orders tag:c") == ["orders tag:core"]
        assert self.suggested("(schema:") == ["(schema:mart", "(schema:public"]
        assert self.suggested("owner:bob,a") == ["owner:bob,ann"]
        assert self.suggested("column:em") == ["column:email"]
        assert self.suggested("kind:") == ["kind:view", "kind:table"]

    def test_values_with_spaces_are_quoted(self):
        items = [asset("a.b.c", "needs care", tags=("very good",))]
        assert self.suggested("ver", items) == ['tag:"very good"']
        assert self.suggested("nee", items) == ['column:"needs care"']

    def test_a_mistake_is_corrected_where_nothing_begins_so(self):
        assert self.suggested("custmers") == ["shop.public.customers"]
        assert self.suggested("shop.public.ordrs")[0] == "shop.public.orders"

    def test_what_is_hidden_or_restricted_completes_nothing(self):
        """Not its name, its columns, or its tags; the answer is that of a catalog without it."""
        items = [*shop(), asset("hr.s.people", Column("passport", tags=(RESTRICTED,)), "wage", tags=("core", "hr only"))]
        scope = AccessScope(("*",), ("*.hr", "*.public.products"))
        seen = [one for one in items if scope.permits(one.scope_path)]
        for text in ("p", "w", "hr", "core", "tag:", "pass", "peple", "column:", "title"):
            assert self.suggested(text, items, scope=scope) == self.suggested(text, seen)
        assert "column:passport" not in self.suggested("passport", items)

    @pytest.mark.parametrize("text", ["", " ", "\x00", "x" * 2_000, "🛒", "((((", ":::", 'tag:"', "%", "\ud800"])
    def test_odd_texts_complete_to_nothing(self, text):
        assert self.suggested(text, [asset("a.b.c", "d")]) == []
