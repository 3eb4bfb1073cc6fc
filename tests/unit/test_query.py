"""Typed questions read: what is a filter and what is only words, how operators bind, and where a mistake stands."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.common.model.conditions import AllOf, AnyOf, Having, Not, Saying, Subject, Updated, leaves, told
from services.common.model.filter_values import MAX_VALUES
from services.common.model.query_errors import QueryRefused
from services.common.model.query_parse import MAX_CONDITIONS, MAX_DEPTH, understand
from services.common.model.query_text import FIELDS, MAX_PIECES

HOSTILE = [
    "{{7*7}}", "${7*7}", "#{7*7}", "{0.__class__}", "' OR 1=1 --", ") or id>=0 or (", "'; DROP TABLE x; --", "%s%n",
    "<script>alert(1)</script>", "\x00\x1b[31m", "🛒 OR 🛒", "注文 AND 顧客", "\u202eevil\u202c", "\ud800", "a" * 5_000,
    "(" * 5_000, "NOT " * 5_000, "tag:" * 2_000, '"' * 999, "a OR " * 3_000, "-" * 50, "__import__('os')", "\\", "*", ":",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("owner:me tag:pii", "", "owner:ann AND tag:pii"),
        ("OWNER:Me", "", "owner:ann"),
        ('owner:"me"', "", "owner:me"),
        ("monthly revenue schema:sales", "monthly revenue", "schema:sales"),
        ("schema:sales which orders are late?", "which orders are late?", "schema:sales"),
        ("tag:pii,gdpr", "", "tag:pii,gdpr"),
        ('tag:"needs care, urgent",x', "", 'tag:"needs care, urgent",x'),
        ("source:postgres://db1:5432", "", "source:postgres://db1:5432"),
        ("(sales OR revenue) AND quarterly", "sales revenue quarterly", "(sales OR revenue) AND quarterly"),
        ("net sales OR revenue tag:x", "net sales revenue", "(net AND sales) OR (revenue AND tag:x)"),
        ("revenue NOT forecast", "revenue", "NOT forecast"),
        ("revenue -tag:old", "revenue", "NOT tag:old"),
        ('-"net sales" -(x OR y)', "", 'NOT "net sales" AND NOT (x OR y)'),
        ("NOT NOT gross", "gross", "NOT NOT gross"),
        ("owner:me (monthly revenue)", "monthly revenue", "owner:ann"),
        ('"order lines" late', "order lines late", '"order lines"'),
        ("“order lines”", "order lines", '"order lines"'),
        ("count(*) tag:x", "count(*)", "tag:x"),
        ("kind:view,table status:endorsed quality:fail", "", "kind:view,table AND status:endorsed AND quality:fail"),
        ("kind:*table", "", "kind:*table"),
        ("updated:<7d", "", "updated:<=6d"),
        ("updated:2w", "", "updated:<=14d"),
        ("updated:>3mo", "", "updated:>=91d"),
        ("updated:2031-05-01", "", "updated:2031-05-01..2031-05-01"),
        ("updated:>=2031-05", "", "updated:>=2031-05-01"),
        ("updated:<=2031", "", "updated:<2032-01-01"),
        ("updated:2031-02..2031-12", "", "updated:2031-02-01..2031-12-31"),
    ],
)
def test_filters_phrases_and_operators_are_read(text, words, where):
    """Free words go to the ranking, and so do those of conditions that are not negated; the rest is a condition."""
    read = understand(text, me="ann")
    assert (read.words, told(read.where)) == (words, where)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "late deliveries",
        "shop.public.orders",
        '"shop"."public"."Orders"',
        'db.s."weird name"."a b"',
        "`db`.s.[orders]",
        "postgres://db1:5432/shop",
        "https://example.org/a?b=c",
        "schema://x",
        "12:30",
        "id::bigint",
        "urn:li:dataset",
        "project:dataset.table",
        "C:\\data",
        "note:",
        '{"a":1}',
        "orders (2024)",
        "orders )",
        "the answer: 42",
        'students named "Smith" who are NOT enrolled?',
        "What happened at 23:59:59, OR before?",
        "orders - daily",
        "-x",
        'a 5" pipe',
        "foo:bar is what I look for",
        "sales or revenue and not costs",
    ],
)
def test_sentences_names_and_pasted_text_are_words(text):
    """What has no filter, or is a sentence, is searched for as it stands, to the last character."""
    read = understand(text, me="ann")
    assert (read.words, read.where) == (text, None)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("onwer:me", "onwer", "did you mean owner:"),
        ("tag:pii foo:bar", "foo", ", ".join(FIELDS)),
        ("tag:", "tag:", "tag: has no value"),
        ("owner:me tag:,", "tag:,", "has no value"),
        ('tag:"x', 'tag:"x', "quote that is not closed"),
        ('orders "net sales', '"net sales', "not closed"),
        ("kind:tabel", "kind:tabel", "materialized_view"),
        ("status:fine", "status:fine", "deprecated"),
        ("quality:good", "quality:good", "unknown"),
        ("updated:yesterday", "updated:yesterday", "updated:<7d"),
        ("updated:2031-13", "updated:2031-13", "updated:<7d"),
        ("updated:<", "updated:<", "updated:<7d"),
        ("updated:0000", "updated:0000", "cannot be 0000"),
        ("OR tag:x", "OR", "nothing on its left"),
        ("tag:x AND", "AND", "nothing on its right"),
        ("tag:x OR AND tag:y", "OR", "nothing on its right"),
        ("tag:x NOT", "NOT", "nothing on its right"),
        ("(tag:x", "(", "not closed"),
        ("tag:x) y", ")", "closes none"),
        ("tag:x ()", "(", "empty"),
        ("🛒🛒 tag:", "tag:", "has no value"),
        (f"tag:x {'(' * (MAX_DEPTH + 1)}y{')' * (MAX_DEPTH + 1)}", "(", "levels deep"),
        (" ".join(["tag:x"] * (MAX_CONDITIONS + 1)), "tag:x", "conditions"),
        (f"tag:{','.join(map(str, range(MAX_VALUES + 1)))}", "tag:0,", "values"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text, place, said):
    """Start and end in code points, and what to do."""
    with pytest.raises(QueryRefused, match="at character") as refused:
        understand(text, me="ann")
    error = refused.value
    assert text[error.start : error.end].startswith(place)
    assert said in f"{error.problem}; {error.advice}"
    assert f"at character {error.start + 1}:" in str(error)


def read_or_refused(text):
    """What was read, or None where it was refused at a place inside of the text."""
    try:
        return understand(text, me="ann")
    except QueryRefused as refused:
        place = (refused.start, refused.end)
    assert 0 <= place[0] < place[1] <= len(text)
    return None


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["AND", "OR", "NOT", "-", "(", ")", '"', "tag:", "tag:x", "owner:me", "foo:bar", "sales", "the", "?", ":", ",", "*",
             "updated:<7d", "updated:", "kind:", "“", "”", "a.b", '"a"."b"', "\n", "\x00", "注文", "🛒"]
        ),
        max_size=14,
    ).flatmap(lambda parts: st.sampled_from([" ", ""]).map(lambda between: between.join(parts))),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(TEXTS)
@example("-tag:x")
def test_any_text_is_read_or_refused_inside_of_itself(text):
    """Never another error; a place lies in the text; what is read has at most the words that were typed."""
    read = read_or_refused(text)
    if read is None:
        return
    assert len(read.words) <= len(text)
    assert read.where is not None or read.words == text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_words_or_refused(text):
    """Deep, long and odd texts end quickly, one way or the other; nothing in them is anything but text."""
    read = read_or_refused(text)
    if read is None:
        return
    ends = [leaf for leaf, _ in leaves(read.where)] if read.where else []
    said = [part for leaf in ends for part in (leaf.values if isinstance(leaf, Having) else (leaf.text,))]
    assert all(part in text for part in said)


def test_a_page_that_somebody_pasted_is_words():
    text = "tag:x " * (MAX_PIECES + 1)
    assert understand(text, me="ann").words == text


WORDS = st.sampled_from(["sales", "net", "x1", "注文"])
ENDS = st.one_of(
    st.builds(Having, st.sampled_from([Subject.TAG, Subject.OWNER, Subject.NAME]), st.tuples(WORDS)),
    st.builds(Saying, WORDS, st.booleans()),
    st.builds(lambda day: Updated(day, None, None, None), st.dates(dt.date(2000, 1, 1))),
    st.builds(lambda days: Updated(None, None, days, None), st.integers(0, 9_999)),
)
TREES = st.recursive(
    ENDS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_a_tree_told_as_text_is_read_as_the_same_tree(tree):
    """What `understood` shows can be typed."""
    assert understand(f"tag:first AND ({told(tree)})", me="ann").where == _flat(
        AllOf((Having(Subject.TAG, ("first",)), tree))
    )


def _flat(tree):
    """As the parser joins: what AND joins, in parentheses or not, is one list."""
    if isinstance(tree, Not):
        return Not(_flat(tree.inner))
    if isinstance(tree, AnyOf):
        return AnyOf(tuple(map(_flat, tree.any_of)))
    if isinstance(tree, AllOf):
        parts = []
        for one in map(_flat, tree.all_of):
            parts += one.all_of if isinstance(one, AllOf) else (one,)
        return AllOf(tuple(parts))
    return tree
