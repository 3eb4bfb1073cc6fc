"""Questions answered over a snapshot: names first, kinds, filters, facets, pages, restricted columns, reasons, modes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import ModelUnavailable
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column, ForeignKey, Kind, Status
from services.common.model.search import Filters, Mode, SearchQuery
from services.indexer.index.snapshot import EMPTY, Live, Snapshot
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.candidates import table_candidates
from services.indexer.retrieve.features import FEATURES, Asked
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.names import named_tables
from services.indexer.retrieve.rank import HAND_SET, rank
from services.indexer.retrieve.spans import SpanVectors
from services.indexer.retrieve.spelling import NOTHING
from services.indexer.retrieve.traits import _DATE_SUFFIX, COPY_WORDS, looks_like_a_copy, traits_of
from services.indexer.retrieve.view import view_of
from services.indexer.text.document import document_of, text_hash
from services.indexer.text.tokens import split_identifier
from tests.support.feeds import asset, shop
from tests.support.indexes import DIMENSION, CountingEncoder, ask, lookup_for, retriever, snapshot_of

ENCODER = CountingEncoder()
SHOP = shop()
HIDDEN = Column("passport_no", description="travel document", tags=(RESTRICTED,))


def hybrid(items=SHOP) -> Retriever:
    return retriever(snapshot_of(items[:4], items[4:], encoder=ENCODER), ENCODER)


def names(answer, items=SHOP) -> list[str]:
    """The qualified names of the hits; a column with its table's."""
    by_id = {one.id: one.name.qualified for one in items}
    return [by_id[h.asset] + (f".{h.columns[0]}" if h.kind is Kind.COLUMN else "") for h in answer.hits]


ODD = [
    asset("db.s.Orders", "id"),
    asset("db.archive.orders", "id", "total"),
    asset("other.s.orders", "id"),
    asset("db.s.orders_by_day_of_orders_orders", "orders", description="orders orders orders db s"),
    asset("db.s.events.2024", "id"),  # a schema part with a dot is made below
    asset("db.s.weird name", "a b"),
]
DOTTED = replace(ODD[4], name=replace(ODD[4].name, parts=("db", "s", "events.2024")))
ODD[4] = DOTTED


@pytest.mark.parametrize(
    ("text", "first", "feature"),
    [
        ("db.s.orders", {"db.s.Orders"}, "full_name"),
        ("DB.S.ORDERS", {"db.s.Orders"}, "full_name"),
        ('"db"."s"."Orders"', {"db.s.Orders"}, "full_name"),
        ("`db`.s.[orders]", {"db.s.Orders"}, "full_name"),
        ("  db.s.orders ", {"db.s.Orders"}, "full_name"),
        ("s.orders", {"db.s.Orders", "other.s.orders"}, "partial_name"),
        ("archive.orders", {"db.archive.orders"}, "partial_name"),
        ("orders", {"db.s.Orders", "db.archive.orders", "other.s.orders"}, "partial_name"),
        ("archive.orders.total", {"db.archive.orders"}, "column_name"),
        ("orders.TOTAL", {"db.archive.orders"}, "column_name"),
        ("db.s.events.2024", {"db.s.events.2024"}, "full_name"),
        ('db.s."events.2024"', {"db.s.events.2024"}, "full_name"),
        ('s."events.2024"', {"db.s.events.2024"}, "partial_name"),
        ("events.2024", {"db.s.events.2024"}, "partial_name"),
        ("weird name", {"db.s.weird name"}, "partial_name"),
        ('db.s."weird name"."a b"', {"db.s.weird name"}, "column_name"),
    ],
)
def test_names_come_first_however_they_are_spelled(text, first, feature):
    """Full and partial names and `table.column`, with quotes, in any case; what answers show is found when pasted."""
    for search in (retriever(snapshot_of(ODD[:2], ODD[2:])), retriever(snapshot_of(ODD, encoder=ENCODER), ENCODER)):
        answer = ask(search, text)
        assert set(names(answer, ODD)[: len(first)]) == first
        assert all(hit.why[0].feature == feature for hit in answer.hits[: len(first)])
        assert not any(hit.why and hit.why[0].feature == feature for hit in answer.hits[len(first) :])
        assert feature == "column_name" or answer.answerable == 1.0


@pytest.mark.parametrize(
    "text", ["2024", "rders", '"events"."2024"', "b.s.orders", "db.s.orders.nothing", '"db.s.orders', "s..x"]
)
def test_what_only_looks_like_a_name_names_nothing(text):
    """Parts are whole, a quoted part is one part, an unclosed quote is words."""
    view = view_of(snapshot_of(ODD), FULL_SCOPE, Filters())
    named = named_tables(view, text)
    assert not named.full
    assert not named.partial
    assert not named.column


def test_a_column_that_a_name_ends_with_is_shown_first():
    """`table.column` finds the table, and says which column in the source's spelling."""
    hit = ask(hybrid(), "customers.EMAIL").hits[0]
    assert (hit.columns[0], hit.kind) == ("email", Kind.TABLE)


def test_kinds_are_what_was_asked_for():
    """Without a kind all but columns; one kind only that; totals and facets count what may be a hit."""
    search = hybrid()
    assert {hit.kind for hit in ask(search, "order").hits} == {Kind.TABLE, Kind.VIEW}
    views = ask(search, "order", Kind.VIEW)
    assert names(views)[0] == "shop.mart.refunds"
    assert {hit.kind for hit in views.hits} == {Kind.VIEW}
    assert views.total == len(views.hits)
    assert views.facets["kind"] == {"view": views.total}
    columns = ask(search, "order", Kind.COLUMN)
    assert {hit.kind for hit in columns.hits} == {Kind.COLUMN}
    assert columns.total == len(columns.hits)
    assert columns.facets["kind"] == {"column": columns.total}
    assert sum(columns.facets["schema"].values()) == columns.total
    both = ask(search, "order", Kind.COLUMN, Kind.VIEW, limit=50)
    assert both.total == columns.total + views.total == len(both.hits)
    assert both.facets["kind"] == {"column": columns.total, "view": views.total}
    assert [hit.score for hit in both.hits] == sorted((hit.score for hit in both.hits), reverse=True)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"schema": ("MART",)}, {"daily_revenue", "refunds"}),
        ({"tag": ("core",)}, {"products"}),
        ({"owner": ("Ann", "nobody")}, {"products"}),
        ({"database": ("shop",), "schema": ("mart",)}, {"daily_revenue", "refunds"}),
        ({"platform": ("postgres",), "source": ("WH",), "tag": ("core",)}, {"products"}),
        ({"status": ("endorsed",)}, set()),
        ({"schema": ("mart", "public"), "tag": ("none",)}, set()),
    ],
)
def test_filters_narrow_within_a_field_any_and_between_fields_all(filters, expected):
    """With and without words, and the facets are those of what is left."""
    answer = ask(hybrid(), "", **filters)
    assert {name.rpartition(".")[2] for name in names(answer)} == expected
    assert answer.total == len(expected)
    assert sum(answer.facets.get("kind", {}).values()) == len(expected)
    asked = ask(hybrid(), "order revenue title", **filters)
    assert {name.rpartition(".")[2] for name in names(asked)} <= expected


def test_facets_count_what_matches_and_not_the_page():
    """Values in the source's spelling, most frequent first, those without a match left out."""
    answer = ask(hybrid(), "order", limit=1)
    assert len(answer.hits) == 1
    assert answer.total == sum(answer.facets["kind"].values()) == sum(answer.facets["schema"].values())
    assert list(answer.facets["schema"]) == ["public", "mart"]
    assert answer.facets["database"] == {"shop": answer.total}
    assert "status" not in answer.facets


def test_restricted_columns_speak_for_themselves_only():
    """Their table is not found by them, does not show them, not even when they are named; as columns they are found."""
    items = [asset("hr.s.people", "name", HIDDEN), asset("hr.s.documents", "travel_date", description="travel document")]
    search = retriever(snapshot_of(items, encoder=ENCODER), ENCODER)
    for question in ("passport number", "travel document", "people.passport_no", "hr.s.people.passport_no"):
        for hit in ask(search, question).hits:
            assert "passport_no" not in hit.columns
            assert hit.asset != items[0].id or not {"column_name"} & {reason.feature for reason in hit.why}
    assert "hr.s.people" not in names(ask(search, "passport"), items)
    found = ask(search, "passport number", Kind.COLUMN).hits[0]
    assert (found.columns, found.asset, found.id) == (("passport_no",), items[0].id, items[0].column_id("passport_no"))


def test_contributions_add_up_to_the_score():
    """Exactly for every candidate; in an answer up to what is too small to tell and to the rounding of the numbers."""
    items = [*SHOP, replace(SHOP[0], name=replace(SHOP[0].name, parts=("dw", "x", "orders")), status=Status.ENDORSED)]
    snapshot = snapshot_of(items, encoder=ENCODER)
    view = view_of(snapshot, FULL_SCOPE, Filters())
    terms = ("order", "customer")
    spans = SpanVectors().of("customer orders", ENCODER)
    asked = Asked("customer orders", match_tables(view, terms), named_tables(view, "orders"), NOTHING, lambda: spans)
    candidates = table_candidates(view, asked, ENCODER.encode_query("customer orders"))
    ranked = rank(candidates, [one.id for one in view.records(candidates.tables)], HAND_SET)
    assert ranked.contributions.sum(axis=1) == pytest.approx(ranked.scores, abs=1e-6)
    assert list(ranked.scores[ranked.order]) == sorted(ranked.scores, reverse=True)
    assert ranked.contributions.shape == (len(candidates.tables), len(FEATURES))
    for hit in ask(retriever(snapshot, ENCODER), "orders", limit=50).hits:
        told = [reason.contribution for reason in hit.why]
        assert sum(told) == pytest.approx(hit.score, abs=0.005 * (len(FEATURES) - len(told)) + 0.001)
        assert told == sorted(told, key=abs, reverse=True)
    for hit in ask(retriever(snapshot, ENCODER), "customer", Kind.COLUMN, limit=50).hits:
        assert sum(reason.contribution for reason in hit.why) == pytest.approx(hit.score, abs=0.001)


def test_equal_scores_are_in_order_of_id():
    """Twins of one name in many schemas come in one order wherever they are stored."""
    twins = [asset(f"db.s{at}.orders", "id") for at in range(9)]
    found = [hit.id for hit in ask(retriever(snapshot_of(twins[5:], twins[:5], encoder=ENCODER), ENCODER), "orders").hits]
    assert found == sorted(found)
    assert len(found) == 9


def test_more_equal_scores_than_candidates_are_cut_by_id_and_not_by_place():
    """1,000 tables that fit equally well by words, by their own text and by their columns: the same first ones anywhere."""
    many = [asset(f"db.s{at}.orders", f"customer_id_{at}", "country") for at in range(1_000)]
    same = np.zeros(DIMENSION, dtype=np.float16)
    same[:2] = 0.6, 0.8

    class Same(CountingEncoder):
        def encode_query(self, text):
            return np.eye(1, DIMENSION, dtype=np.float32)[0]

    found = []
    for groups in ([many], [many[::-1]], [many[300:], many[:7], many[7:300]]):
        snapshot = snapshot_of(*groups, encoder=Same(), lookup=lambda hashes: dict.fromkeys(hashes, same))
        asked = [("orders customer", ()), ("elephant", ()), ("country", (Kind.COLUMN,)), ("elephant", (Kind.COLUMN,))]
        answers = [ask(retriever(snapshot, Same()), text, *kinds, limit=200) for text, kinds in asked]
        assert all(len(answer.hits) == 200 for answer in answers)
        found.append([replace(answer, cursor=None) for answer in answers])
    assert found[0] == found[1] == found[2]


def test_without_an_encoder_words_answer_and_the_answer_says_so():
    """Mode lexical and `model_missing`; an encoder that fails is as good as none, for this answer."""
    lexical = ask(retriever(snapshot_of(SHOP)), "daily revenue")
    assert (lexical.mode, lexical.degraded, names(lexical)[0]) == (
        Mode.LEXICAL,
        ("model_missing",),
        "shop.mart.daily_revenue",
    )

    class Broken(CountingEncoder):
        def encode_query(self, text):
            raise ModelUnavailable("gone")

    class Closing(CountingEncoder):
        def encode_documents(self, texts):
            raise ModelUnavailable("closed meanwhile")

    half = ask(retriever(snapshot_of(SHOP, encoder=ENCODER), Closing()), "daily revenue")
    assert (half.mode, half.degraded) == (Mode.HYBRID, ("model_missing",))
    broken = ask(retriever(snapshot_of(SHOP, encoder=ENCODER), Broken()), "daily revenue")
    assert (broken.mode, broken.degraded) == (Mode.LEXICAL, ("model_missing",))
    assert [hit.id for hit in broken.hits] == [hit.id for hit in lexical.hits]


def test_vectors_that_are_still_being_made_are_told():
    """None yet: by words alone; some: hybrid, with the share that is there; all: nothing is degraded."""
    documents = [document_of(one) for one in SHOP]
    vectors = lookup_for(documents, ENCODER)
    none = ask(retriever(snapshot_of(SHOP, encoder=ENCODER, lookup=lambda _hashes: {}), ENCODER), "orders")
    assert (none.mode, none.degraded, none.coverage) == (Mode.LEXICAL, ("vectors_pending",), 0.0)
    tables = {text_hash(one.text) for one in documents}
    some = snapshot_of(SHOP, encoder=ENCODER, lookup=lambda hs: {h: v for h, v in vectors(hs).items() if h in tables})
    part = ask(retriever(some, ENCODER), "orders")
    texts = {text_hash(text) for one in documents for text in one.texts}
    assert (part.mode, part.degraded, part.coverage) == (
        Mode.HYBRID, ("vectors_pending",), round(len(tables) / len(texts), 4),
    )  # fmt: skip
    full = ask(hybrid(), "orders")
    assert (full.mode, full.degraded, full.coverage) == (Mode.HYBRID, (), 1.0)


def test_coverage_is_that_of_what_the_caller_sees():
    """Pending texts of a hidden table degrade nobody else's answer."""
    documents = [document_of(one) for one in SHOP]
    vectors = lookup_for(documents[1:], ENCODER)
    search = retriever(snapshot_of(SHOP, encoder=ENCODER, lookup=vectors), ENCODER)
    assert ask(search, "products").degraded == ("vectors_pending",)
    assert ask(search, "products", scope=AccessScope(("*",), ("*.orders",))).degraded == ()


def test_an_empty_index_answers_with_nothing():
    """Before anything was crawled, and for a caller who may see nothing."""
    for search, scope in (
        (retriever(EMPTY, ENCODER), FULL_SCOPE),
        (retriever(EMPTY), FULL_SCOPE),
        (hybrid(), AccessScope()),
    ):
        for text, kinds in (("orders", ()), ("orders", (Kind.COLUMN,)), ("a.b.c", (Kind.COLUMN, Kind.VIEW)), ("", ())):
            answer = ask(search, text, *kinds, scope=scope)
            assert (answer.total, answer.hits, answer.facets, answer.cursor, answer.answerable) == (0, (), {}, None, 0.0)
    assert retriever(EMPTY).suggest("o", FULL_SCOPE) == []


def test_completions_are_names_first_then_words_in_them():
    """By what the name begins with, shorter first, then by a later word or a longer name, then columns; hidden tables never."""
    search = hybrid()
    told = [one.text for one in search.suggest("ord", FULL_SCOPE)]
    assert told == ["shop.public.orders", "shop.public.orders_bak", "shop.public.order_items", "column:order_id"]
    assert [one.text for one in search.suggest("REV", FULL_SCOPE)] == ["shop.mart.daily_revenue", "column:revenue"]
    assert [one.text for one in search.suggest("mart.r", FULL_SCOPE)] == ["shop.mart.refunds"]
    assert search.suggest("cust", AccessScope(("*",), ("*.public",))) == []
    assert len(search.suggest("s", FULL_SCOPE, limit=2)) == 2


@pytest.mark.parametrize(
    "name", ["orders_bak", "tmp_orders", "OrdersOld", "orders_20240131", "orders_2024_01", "copy_of_orders"]
)
def test_names_that_look_like_copies(name):
    """A copy ranks below its equal."""
    assert looks_like_a_copy(name)
    assert not looks_like_a_copy("orders")
    items = [asset(f"db.s.{name}", "id", description="All orders."), asset("db.s.orders", "id", description="All orders.")]
    answer = ask(retriever(snapshot_of(items)), "all orders id")
    assert names(answer, items)[0] == "db.s.orders"


def test_a_view_is_not_kept_for_a_snapshot_that_has_gone():
    """The same label with other vectors, one snapshot after the other: no answer is made from an older one's view."""
    documents = [document_of(one) for one in SHOP]
    vectors = lookup_for(documents, ENCODER)
    current: list[Snapshot] = []
    search = Retriever(lambda: current[0], lambda _: ENCODER, lambda: None)
    every = sorted({text_hash(text) for one in documents for text in one.texts})
    for known in range(1, len(every) + 1):
        some = set(every[:known])
        fresh = snapshot_of(
            SHOP, encoder=ENCODER, lookup=lambda hs, some=some: {h: v for h, v in vectors(hs).items() if h in some}
        )
        current[:] = [fresh]
        assert ask(search, "orders").coverage == round(known / len(every), 4)


def test_rows_that_no_longer_count_are_not_found():
    """A table that was changed or removed is gone from hits, names, totals, facets, completions."""
    snapshot = snapshot_of(SHOP, encoder=ENCODER)
    mask = np.ones(len(SHOP), dtype=np.bool_)
    mask[0] = False
    left = Snapshot((Live(snapshot.parts[0].segment, mask),), 1, 1, snapshot.dimension)
    search = retriever(left, ENCODER)
    answer = search.search(SearchQuery("shop.public.orders", FULL_SCOPE, 50))
    assert SHOP[0].id not in [hit.id for hit in answer.hits]
    assert [one.text for one in search.suggest("orders", FULL_SCOPE)] == ["shop.public.orders_bak"]
    assert ask(search, "", database=("shop",)).total == len(SHOP) - 1


def test_a_table_with_hardly_any_columns_ranks_below_one_that_says_as_much():
    """An id and a name answer few questions; a table that keys lead to is asked for whatever it has, and so is one not known."""
    items = [
        asset("db.s.a_fund", "fund_id", "fund_name"),
        asset("db.s.b_fund", "fund_id", "fund_name", "currency", "opened"),
        asset("db.s.c_fund", "fund_id", "currency", foreign_keys=(ForeignKey(("fund_id",), ("b_fund",), ("fund_id",)),)),
        asset("db.s.d_fund"),
    ]
    answer = ask(retriever(snapshot_of(items)), "fund")
    told = {
        name: sum(reason.contribution for reason in hit.why if reason.feature == "thin")
        for name, hit in zip(names(answer, items), answer.hits, strict=True)
    }
    assert told == {"db.s.a_fund": -0.2, "db.s.b_fund": 0.0, "db.s.c_fund": -0.1, "db.s.d_fund": 0.0}
    order = names(answer, items)
    assert order.index("db.s.b_fund") < order.index("db.s.a_fund")


@given(
    st.lists(
        st.sampled_from(["bak", "OLD", "orders", "Tmp", "2024", "01", "20240131", "202", "copy", "_", "X", "İ", "ſ"]),
        max_size=6,
    )
)
def test_a_copy_is_told_by_its_words_and_dates_alone(pieces):
    """Names that are not split, because nothing in them looks like a copy, are none when they are split."""
    name = "".join(pieces)
    said = {word.lower() for word in split_identifier(name)}
    assert looks_like_a_copy(name) == (bool(said & COPY_WORDS) or _DATE_SUFFIX.search(name) is not None)


def test_traits_are_read_when_first_asked_for():
    """The numbers of some tables are the same whatever was asked before; those of others are not read for them."""
    items = (*SHOP, asset("shop.mart.orders_bkp", "id"), asset("shop.mart.empty"))
    view = view_of(snapshot_of(items[:5], items[5:]), FULL_SCOPE, Filters())
    every = np.arange(view.rows)
    some = traits_of(view, every[::2])
    read = [part.segment.kept["traits"] for part in view.parts]
    assert np.isfinite(np.concatenate(read)[:, 0]).sum() == len(every[::2])
    whole = traits_of(view, every)
    for name in ("copy", "status", "columns"):
        assert getattr(whole, name)[::2].tolist() == getattr(some, name).tolist()
    names_of = [record.parts[-1] for record in view.records(every)]
    assert [name for name, copy in zip(names_of, whole.copy, strict=True) if copy] == [
        name for name in names_of if looks_like_a_copy(name)
    ]
    assert whole.columns[names_of.index("empty")] == 4
    assert whole.columns[names_of.index("orders_bkp")] == 1
